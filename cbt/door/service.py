"""Use cases of the candidate's pages before the paper: confirmation, query, pledge, leaving the seat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cbt.candidates.models import Registration
from cbt.door import arrival
from cbt.door.arrival import audit, by_candidate, line_about
from cbt.door.page_data import entered, step_of
from cbt.errors import Conflict, InvalidInput
from cbt.http.auth.login_store import revoke_login
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.change_set import Rows, one_writes, put_down


def confirm(registration_id: int, *, now: datetime) -> None:
    """Record 信息无误; raise Conflict while a proctor is still to compare. Source: R-14."""
    _take_step(registration_id, _CONFIRM, now=now)


def raise_query(registration_id: int, said: arrival.Questioned, *, now: datetime) -> None:
    """Record 信息有误: the board is alerted and the page holds until a proctor clears it. Source: R-14."""
    with unit_of_work() as session:
        arrival.raise_query(session, entered(session, registration_id, lock=True).registration, said, now=now)


def withdraw_query(registration_id: int, *, now: datetime) -> None:
    """Take 信息有误 back: it was a slip, and nobody has to come. Source: R-14."""
    with unit_of_work() as session:
        arrival.withdraw_query(session, entered(session, registration_id, lock=True).registration, now=now)


def pledge(registration_id: int, *, agreed: bool, now: datetime) -> None:
    """Record 我已阅读并同意 to 考场须知 and 诚信承诺. Source: R-14."""
    if not agreed:
        raise InvalidInput("door.pledge", field="agree")
    _take_step(registration_id, _PLEDGE, now=now)


def leave(login_session_id: int, *, now: datetime) -> None:
    """End the login of this seat; the paper and its lease are not touched."""
    with unit_of_work() as session:
        revoke_login(session, login_session_id=login_session_id, now=now)


@dataclass(frozen=True, slots=True)
class _Step:
    """A moment that is recorded once, on the way to the waiting room."""

    act: str
    column: str
    due: Callable[[Registration], bool]
    """Whether it is still to be recorded; raises where it is not its turn."""
    still: str
    """The same, as the database is asked."""


def _confirm_due(registration: Registration) -> bool:
    if registration.query_at is not None:
        raise Conflict("door.query_open")
    return registration.confirmed_at is None


def _pledge_due(registration: Registration) -> bool:
    if step_of(registration) == "confirm":
        raise Conflict("door.unconfirmed")
    return registration.pledged_at is None


_CONFIRM = _Step("confirm", "confirmed_at", _confirm_due, "query_at IS NULL")
_PLEDGE = _Step("pledge", "pledged_at", _pledge_due, "query_at IS NULL AND confirmed_at IS NOT NULL")
_RECORD = (
    "UPDATE registration SET {column} = ? WHERE id = ? AND {column} IS NULL AND {still}"
    " AND sitting_room_id IN (SELECT id FROM sitting_room WHERE state = ?)"
)


def _take_step(registration_id: int, step: _Step, *, now: datetime) -> None:
    """Record a moment, unless it is; a hall that comes in a crowd has its moments written together.

    What was read still holds where it is written, or nothing is and it is looked at again. Source: R-14.
    """
    if one_writes():
        with reading() as session:
            door = entered(session, registration_id)
        if not step.due(door.registration):
            return
        recorded = Rows(
            _RECORD.format(column=step.column, still=step.still),
            [(now, registration_id, door.sitting_room.state)],
            touches=1,
        )
        line = line_about(door.registration, now, by_candidate(door.registration), step.act)
        if put_down(recorded, tries=2, lines=[line]):
            return
    with unit_of_work() as session:
        registration = entered(session, registration_id, lock=True).registration
        if step.due(registration):
            setattr(registration, step.column, now)
            audit(session, registration, now, by_candidate(registration), step.act, "")
