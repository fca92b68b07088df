"""Who is being guessed at: staff accounts and codes of rooms, for those who look after them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff
from cbt.accounts.sign_in.service import SIGN_IN
from cbt.web.who.guessing import alerts_of

MOST = 10


@dataclass(frozen=True, slots=True)
class Guessed:
    """Many wrong tries at one account (or, without a login, at the codes of rooms), and where they come from."""

    login: str
    name: str
    tries: int
    address: str


def guessed(session: Session, *, now: datetime) -> Sequence[Guessed]:
    """Return what is guessed at just now, the most tried first; a login nobody has is nobody's alarm.

    Source: R-14.
    """
    found = alerts_of(session, (SIGN_IN, "bind"), now=now)
    logins = [row.subject for row in found if row.scope == SIGN_IN]
    people = session.scalars(select(Staff).where(Staff.login.in_(logins)))
    names = {person.login: person.name for person in people}
    return [
        Guessed(
            row.subject if row.scope == SIGN_IN else "",
            names.get(row.subject, ""),
            row.tries,
            row.last_address,
        )
        for row in found
        if row.scope == "bind" or row.subject in names
    ][:MOST]
