"""Planning with the checks asked: a new sitting, a room added to one, a proctor assigned.

What stops is refused before anything is stored, in the words of the concern and with its clause; what only warns is
handed back, to be told beside what was done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from cbt.accounts.store import staff_by_ref
from cbt.batches.checks.concern import Concern
from cbt.batches.checks.people import registered_twice
from cbt.batches.checks.reading import checks_of_rooms
from cbt.db.unit_of_work import unit_of_work
from cbt.errors import Conflict, InvalidInput
from cbt.rules.exam.policies import AdmissionPolicy
from cbt.rules.states.purpose import Purpose
from cbt.sittings import store
from cbt.sittings.models import Sitting, SittingRoom
from cbt.sittings.planning import purposes, sittings
from cbt.sittings.planning.staff import assign_staff
from cbt.web.who.login import Principal

ABOUT_ROOMS = frozenset({"room_overlap", "room_close", "seats_over"})
ABOUT_STAFF = frozenset({"proctor_overlap", "proctor_close", "proctor_is_candidate"})


def add_sitting(
    *,
    batch_ref: str,
    centre_ref: str,
    room_refs: Sequence[str],
    name: str,
    planned_start_at: datetime,
    mode: str,
    purpose: Purpose,
    policy: AdmissionPolicy,
    now: datetime,
    actor: str,
) -> tuple[str, list[Concern]]:
    """Add a draft 场次 with its rooms; return its ref and what warns of it.

    Raise Conflict("planning.stopped") where one of its rooms is taken at that time.

    Source: R-5, R-7, R-11.
    """
    with unit_of_work() as session:
        sitting = sittings.create_sitting(
            session,
            batch=store.batch_by_ref(session, batch_ref),
            centre=store.centre_by_ref(session, centre_ref),
            name=name,
            planned_start_at=planned_start_at,
            rooms=[store.room_by_ref(session, ref) for ref in room_refs],
            mode=mode,
            purpose=purpose,
            policy=policy,
            now=now,
            actor=actor,
        )
        return sitting.ref, asked(checks_of_rooms(session, sitting), ABOUT_ROOMS, field="start")


def set_purpose(*, sitting_ref: str, purpose: Purpose, now: datetime, actor: str) -> None:
    """Say what a draft is held for: 正式, 试考 or 练习.

    Raise Conflict("sitting.purpose_fixed") once it is published, ("sitting.purpose_twice") where people of it would
    be registered twice for a paper of the batch.

    Source: R-4, R-7.
    """
    with unit_of_work() as session:
        sitting = store.sitting_by_ref(session, sitting_ref, lock=True)
        purposes.set_purpose(session, sitting, purpose, now=now, actor=actor)
        session.flush()
        twice = registered_twice(session, sitting) if purpose.counts else 0
        if twice:
            raise Conflict("sitting.purpose_twice", field="purpose", people=twice)


def add_room(*, sitting_ref: str, room_ref: str, now: datetime, actor: str) -> list[Concern]:
    """Add one more 考场 to a sitting; return what warns of it.

    Raise Conflict("planning.stopped") where the room is taken at that time.

    Source: R-7.
    """
    with unit_of_work() as session:
        sitting = store.sitting_by_ref(session, sitting_ref)
        room = store.room_by_ref(session, room_ref)
        return _with_checks(
            session,
            sitting,
            ABOUT_ROOMS,
            lambda: sittings.add_room(session, sitting, room, now=now, actor=actor),
        )


def assign(
    *, room_ref: str, staff_ref: str, duty: str, principal: Principal, now: datetime, actor: str
) -> list[Concern]:
    """Assign a person to a sitting-room; return what warns of it.

    Raise InvalidInput("sitting.not_room_staff") without that role, Conflict("planning.stopped") for somebody who
    runs another room at that time.

    Source: R-7, R-62.
    """
    with unit_of_work() as session:
        room: SittingRoom = store.room_for(session, room_ref, principal)
        staff = staff_by_ref(session, staff_ref)
        if staff.disabled_at is not None or duty not in {row.role for row in staff.roles}:
            raise InvalidInput("sitting.not_room_staff", field="staff", name=staff.name)
        sitting = session.get_one(Sitting, room.sitting_id)
        return _with_checks(
            session,
            sitting,
            ABOUT_STAFF,
            lambda: assign_staff(session, room, staff_id=staff.id, duty=duty, now=now, actor=actor),
        )


def _with_checks(
    session: Session, sitting: Sitting, codes: frozenset[str], act: Callable[[], object]
) -> list[Concern]:
    """Do something about a sitting and ask what speaks against it that did not before."""
    before = {(one.code, one.text) for one in checks_of_rooms(session, sitting)}
    act()
    session.flush()
    fresh = [one for one in checks_of_rooms(session, sitting) if (one.code, one.text) not in before]
    return asked(fresh, codes)


def asked(concerns: Iterable[Concern], codes: frozenset[str], *, field: str = "") -> list[Concern]:
    """Return the concerns of these codes that warn; raise Conflict("planning.stopped") for one that stops."""
    found = [one for one in concerns if one.code in codes]
    for one in found:
        if one.stops:
            raise Conflict("planning.stopped", field=field, found=one.text, clause=one.clause, fix=one.fix)
    return found
