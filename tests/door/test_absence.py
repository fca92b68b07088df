"""Absence, login codes and permissions at the door."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from cbt.audit.models import AuditEntry
from cbt.candidates.models import Registration
from cbt.door.arrival import (
    allow_sign_in,
    clear_query,
    issue_login_code,
    login_code_hash,
    mark_absent,
    undo_absent,
)
from cbt.errors import CbtError, Conflict, TooEarly
from cbt.sittings.models import SittingRoom
from cbt.storage.unit_of_work import reading
from tests.door.door import (
    BY,
    CHECK_IN_OPENS,
    CUTOFF,
    MINUTE,
    arrive,
    check_in,
    refusal_of,
    registration,
    work,
)
from tests.world import PLANNED, World

SECOND = timedelta(seconds=1)


def absent(world: World, name: str, now: datetime, cause: str) -> str | None:
    try:
        with work(world) as session:
            row = registration(session, world, name)
            mark_absent(session, row, now=now, cause=cause, actor=BY)
    except CbtError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("now", "cause", "expected"),
    [
        pytest.param(CUTOFF - SECOND, "not_arrived", "admission.before_cutoff", id="a second too soon"),
        pytest.param(CUTOFF, "not_arrived", None, id="at the cut-off"),
        pytest.param(CUTOFF, "late", None, id="came late"),
        pytest.param(CHECK_IN_OPENS, "gave_up", None, id="gave up before the cut-off"),
        pytest.param(CUTOFF, "ill", "admission.absent_cause", id="unknown cause"),
    ],
)
def test_absence_waits_for_the_cut_off(world: World, now: datetime, cause: str, expected: str | None) -> None:
    assert absent(world, "theory", now, cause) == expected


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        pytest.param("not_arrived", "admission.came", id="did come"),
        pytest.param("late", "admission.came", id="was in time"),
        pytest.param("document_mismatch", None, id="document does not match"),
        pytest.param("gave_up", None, id="left the queue"),
    ],
)
def test_who_came_is_absent_only_for_a_cause_at_the_door(
    world: World, cause: str, expected: str | None
) -> None:
    arrive(world, "theory", CHECK_IN_OPENS)
    assert absent(world, "theory", CUTOFF, cause) == expected


def test_who_passed_the_door_is_never_absent(world: World) -> None:
    check_in(world, "theory", CHECK_IN_OPENS)
    assert absent(world, "theory", PLANNED, "gave_up") == "admission.entered"


def test_the_chief_takes_an_absence_back_and_the_person_enters(world: World) -> None:
    assert absent(world, "theory", CUTOFF, "not_arrived") is None
    later = {"arrived_at": CUTOFF - MINUTE, "reason": "在门口排队"}
    assert refusal_of(world, "theory", CUTOFF + MINUTE, **later) == "admission.absent"
    with work(world) as session:
        row = registration(session, world, "theory")
        undo_absent(session, row, now=CUTOFF + MINUTE, actor=BY, reason="核实")
        assert (row.absent_at, row.absent_cause) == (None, None)
    assert refusal_of(world, "theory", CUTOFF + MINUTE, **later) is None


@pytest.mark.once
def test_an_absence_and_that_it_is_taken_back_stand_in_the_log_with_their_cause(world: World) -> None:
    assert absent(world, "theory", CUTOFF, "late") is None
    with work(world) as session:
        row = registration(session, world, "theory")
        undo_absent(session, row, now=CUTOFF + MINUTE, actor=BY, reason="核实")
        assert (row.absent_at, row.absent_cause) == (None, None)
    with world.app.app_context(), reading() as session:
        log = session.scalars(
            select(AuditEntry).where(AuditEntry.act.like("%absent")).order_by(AuditEntry.id)
        ).all()
    assert [(one.actor, one.at, one.reason, one.before, one.after) for one in log] == [
        (BY, CUTOFF, "", "", '{"cause":"late"}'),
        (BY, CUTOFF + MINUTE, "核实", '{"cause":"late"}', ""),
    ]


def test_nothing_is_changed_at_the_door_of_an_ended_room(world: World) -> None:
    world.start()
    with work(world) as session:
        session.execute(update(SittingRoom).values(state="ended"))
    assert absent(world, "theory", PLANNED + 60 * MINUTE, "not_arrived") == "admission.door_shut"
    with work(world) as session:
        row = registration(session, world, "theory")
        with pytest.raises(Conflict, match=r"admission\.door_shut"):
            undo_absent(session, row, now=PLANNED + 60 * MINUTE, actor=BY)


def test_of_two_racing_callers_the_second_is_told(world: World) -> None:
    arrive(world, "theory", CHECK_IN_OPENS)
    with work(world) as session:
        row = registration(session, world, "theory")
        # Somebody else's act, between what this caller read and what it writes.
        session.execute(
            update(Registration)
            .where(Registration.id == row.id)
            .values(absent_at=CUTOFF, absent_cause="gave_up")
            .execution_options(synchronize_session=False)
        )
        with pytest.raises(Conflict, match=r"admission\.changed"):
            allow_sign_in(session, row, now=CUTOFF, actor=BY)


def test_a_login_code_is_issued_after_check_in_and_kept_as_a_hash(world: World) -> None:
    rng = random.Random(5)
    with work(world) as session:
        row = registration(session, world, "theory")
        with pytest.raises(Conflict, match=r"admission\.code_too_soon"):
            issue_login_code(session, row, now=CHECK_IN_OPENS, rng=rng, actor=BY)
    check_in(world, "theory", CHECK_IN_OPENS)
    with work(world) as session:
        row = registration(session, world, "theory")
        code = issue_login_code(session, row, now=CHECK_IN_OPENS, rng=rng, actor=BY)
        assert len(code) == 6
        assert code.isdigit()
        assert row.login_code_hash == login_code_hash(row.ref, code)
        assert row.login_code_until == CHECK_IN_OPENS + 10 * MINUTE


def test_the_same_code_of_two_people_is_stored_differently() -> None:
    assert login_code_hash("re-a", "123456") != login_code_hash("re-b", "123456")


def test_a_query_is_cleared_once(world: World) -> None:
    with work(world) as session:
        row = registration(session, world, "theory")
        row.query_at = PLANNED
        session.flush()
        clear_query(session, row, now=PLANNED, actor=BY)
        assert row.query_at is None
        with pytest.raises(Conflict, match=r"admission\.no_query"):
            clear_query(session, row, now=PLANNED, actor=BY)


def test_permission_to_sign_in_is_recorded(world: World) -> None:
    with work(world) as session:
        row = registration(session, world, "theory")
        with pytest.raises(TooEarly):
            allow_sign_in(session, row, now=CHECK_IN_OPENS - SECOND, actor=BY)
        allow_sign_in(session, row, now=CHECK_IN_OPENS, actor=BY, reason="系统延误")
        assert row.sign_in_allowed_at == CHECK_IN_OPENS
