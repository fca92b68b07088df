"""Use cases of the candidate's pages before the paper: confirmation, query, pledge, leaving the seat."""

from __future__ import annotations

from datetime import datetime

from cbt.db.unit_of_work import unit_of_work
from cbt.door.arrival import queries
from cbt.door.arrival.changes import audit, by_candidate
from cbt.door.shown import entered, step_of
from cbt.errors import Conflict, InvalidInput
from cbt.web.who.login import revoke_login


def confirm(registration_id: int, *, now: datetime) -> None:
    """Record 信息无误; raise Conflict while a proctor is still to compare. Source: R-14."""
    with unit_of_work() as session:
        registration = entered(session, registration_id, lock=True).registration
        if registration.query_at is not None:
            raise Conflict("door.query_open")
        if registration.confirmed_at is None:
            registration.confirmed_at = now
            audit(session, registration, now, by_candidate(registration), "confirm", "")


def raise_query(registration_id: int, said: queries.Questioned, *, now: datetime) -> None:
    """Record 信息有误: the board is alerted and the page holds until a proctor clears it. Source: R-14."""
    with unit_of_work() as session:
        queries.raise_query(session, entered(session, registration_id, lock=True).registration, said, now=now)


def withdraw_query(registration_id: int, *, now: datetime) -> None:
    """Take 信息有误 back: it was a slip, and nobody has to come. Source: R-14."""
    with unit_of_work() as session:
        queries.withdraw_query(session, entered(session, registration_id, lock=True).registration, now=now)


def pledge(registration_id: int, *, agreed: bool, now: datetime) -> None:
    """Record 我已阅读并同意 to 考场须知 and 诚信承诺. Source: R-14."""
    if not agreed:
        raise InvalidInput("door.pledge", field="agree")
    with unit_of_work() as session:
        registration = entered(session, registration_id, lock=True).registration
        if step_of(registration) == "confirm":
            raise Conflict("door.unconfirmed")
        if registration.pledged_at is None:
            registration.pledged_at = now
            audit(session, registration, now, by_candidate(registration), "pledge", "")


def leave(login_session_id: int, *, now: datetime) -> None:
    """End the login of this seat; the paper and its lease are not touched."""
    with unit_of_work() as session:
        revoke_login(session, login_session_id=login_session_id, now=now)
