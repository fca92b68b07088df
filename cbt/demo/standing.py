"""What of a demo still opens something at an instant: passwords, codes, sittings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.accounts.listing import staff_lines
from cbt.candidates.models import Registration
from cbt.db.unit_of_work import reading
from cbt.demo.build import BATCH
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Batch, Room, Sitting, SittingRoom

OPEN = frozenset({SittingState.PUBLISHED, SittingState.ADMITTING, SittingState.RUNNING, SittingState.HELD})
"""A room in one of these can still be sat in."""


@dataclass(frozen=True, slots=True)
class PrintedThing:
    """One thing that was printed: `what` names its text, `works` says whether it still opens something.

    `until` is when it ends or ended, for a sitting its planned start; None where it has no end. `name` is the
    room's code or the sitting's name, `count` how many people it is about.
    """

    what: str
    works: bool
    until: datetime | None = None
    name: str = ""
    count: int = 0


def standing(*, now: datetime) -> list[PrintedThing]:
    """Return what was printed, thing by thing, with what became of it."""
    with reading() as session:
        return [
            *_passwords(session, now),
            *_room_codes(session, now),
            *_sign_in_codes(session, now),
            *_sittings(session),
        ]


def _passwords(session: Session, now: datetime) -> Iterator[PrintedThing]:
    lines = [one for one in staff_lines(session) if one.state != "disabled"]
    ends = sorted(one.one_time_until for one in lines if one.one_time_until is not None)
    valid = [end for end in ends if now < end]
    if valid:
        yield PrintedThing("password", True, valid[0], count=len(valid))
    if len(valid) < len(ends):
        yield PrintedThing("password", False, ends[0], count=len(ends) - len(valid))
    if len(ends) < len(lines):
        yield PrintedThing("own_password", True, count=len(lines) - len(ends))


def _room_codes(session: Session, now: datetime) -> Iterator[PrintedThing]:
    for room in session.scalars(select(Room).order_by(Room.id)):
        works = room.code_until is not None and now < room.code_until
        yield PrintedThing("room_code", works, room.code_until, room.room_code if works else "")


def _sign_in_codes(session: Session, now: datetime) -> Iterator[PrintedThing]:
    handed_out = select(func.count(), func.max(Registration.login_code_until)).where(
        Registration.login_code_hash.is_not(None)
    )
    count, until = session.execute(handed_out.where(Registration.login_code_until > now)).one()
    if count:
        yield PrintedThing("sign_in_code", True, until, count=count)
    count, until = session.execute(handed_out.where(Registration.login_code_until <= now)).one()
    if count:
        yield PrintedThing("sign_in_code", False, until, count=count)


def _sittings(session: Session) -> Iterator[PrintedThing]:
    rows = session.execute(
        select(Sitting, SittingRoom.state)
        .join(SittingRoom, SittingRoom.sitting_id == Sitting.id)
        .join(Batch, Batch.id == Sitting.batch_id)
        .where(Batch.name == BATCH)
        .order_by(Sitting.planned_start_at)
    )
    for sitting, state in rows:
        yield PrintedThing(f"sitting.{state}", state in OPEN, sitting.planned_start_at, sitting.name)
