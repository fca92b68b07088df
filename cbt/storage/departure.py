"""Whether a database was moved to another place (`cbt move`): then it is kept, and served no more.

It is a row of the database itself, so that a file that was copied or put elsewhere still says it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cbt.errors import Unavailable
from cbt.storage.types import Base, UtcDateTime
from cbt.storage.unit_of_work import reading

DEPARTURE_ID = 1
LEAVING, LEFT = "leaving", "left"
"""LEAVING stands for the moment in which the other place gets everything at once; LEFT once it has it."""


class Departure(Base):
    """The one row of a database that was moved: which move, when, to where (without a password)."""

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    ref: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    place: Mapped[str] = mapped_column(String(300))
    state: Mapped[str] = mapped_column(String(10))


def departure_of(session: Session) -> Departure | None:
    """Return the departure of a database, None of one that is where it belongs."""
    return session.scalar(select(Departure).where(Departure.id == DEPARTURE_ID))


def check_not_moved() -> None:
    """Raise Unavailable("db.moved") for a database that was moved, ("db.moving") for a move that was cut off."""
    with reading() as session:
        refuse_moved(session)


def refuse_moved(session: Session) -> None:
    """Raise as `check_not_moved` for the database of a session."""
    departure = departure_of(session)
    if departure is None:
        return
    facts = {"place": departure.place, "at": f"{departure.at:%Y-%m-%d %H:%M} UTC"}
    if departure.state == LEAVING:
        raise Unavailable("db.moving", **facts)
    raise Unavailable("db.moved", **facts)
