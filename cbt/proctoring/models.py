"""Tables of the proctoring room."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cbt.db.types import Named, Row, Span, UtcDateTime


class Incident(Row):
    """One line of the room's log: what happened, to whom, who saw or did it."""

    __table_args__ = (Index("ix_incident_room_at", "sitting_room_id", "at"),)

    sitting_room_id: Mapped[int] = mapped_column(ForeignKey("sitting_room.id"))
    registration_id: Mapped[int | None] = mapped_column(ForeignKey("registration.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(24))
    params: Mapped[str] = mapped_column(Text)
    """Canonical JSON filled into the catalogue's sentence of `kind`."""
    by: Mapped[str] = mapped_column(String(80))


class LeaveRecord(Row):
    """A 临时离场 under escort: out and in (R-13)."""

    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id"), index=True)
    out_at: Mapped[datetime] = mapped_column(UtcDateTime)
    in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    escort: Mapped[str] = mapped_column(String(60))
    by: Mapped[str] = mapped_column(String(80))


class AlertSeen(Row):
    """Somebody has looked into an alert of one seat: it comes back only when what it counts passes `mark`."""

    __table_args__ = (UniqueConstraint("sitting_room_id", "seat_id", "kind"),)

    sitting_room_id: Mapped[int] = mapped_column(ForeignKey("sitting_room.id"))
    seat_id: Mapped[int] = mapped_column(ForeignKey("seat.id"))
    kind: Mapped[str] = mapped_column(String(12))
    mark: Mapped[int] = mapped_column(Integer)
    """What had been counted when it was seen: window blurs, undelivered answers."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))


class UndoableAct(Named):
    """An act of the door that can be taken back for a while, with what stood there before it."""

    __table_args__ = (Index("ix_undoable_act_room_at", "sitting_room_id", "at"),)

    sitting_room_id: Mapped[int] = mapped_column(ForeignKey("sitting_room.id"))
    act: Mapped[str] = mapped_column(String(20))
    params: Mapped[str] = mapped_column(Text)
    """Canonical JSON: a list of [registration id, value before]."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class GrantedTime(Row):
    """Time a person gave, as R-62 counts it: to one candidate, or to the whole room (no registration)."""

    sitting_room_id: Mapped[int] = mapped_column(ForeignKey("sitting_room.id"), index=True)
    registration_id: Mapped[int | None] = mapped_column(ForeignKey("registration.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    amount: Mapped[timedelta] = mapped_column(Span)
    compensation: Mapped[bool]
    """Whether the server had proposed it for a disconnection (R-26)."""
    by: Mapped[str] = mapped_column(String(80))
    second: Mapped[str | None] = mapped_column(String(80))
    """The second person; what two gave does not count towards what one may give."""
