"""Arrival, check-in, absence and codes at the door."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from cbt.candidates import steps
from cbt.candidates.models import Registration
from cbt.errors import CbtError, Conflict, InvalidInput, TooEarly
from cbt.sittings.models import SittingRoom
from tests.candidates.door import MINUTE, acts, registration, work
from tests.world import PLANNED, World

SECOND = timedelta(seconds=1)
CHECK_IN_OPENS = PLANNED - 40 * MINUTE
CUTOFF = PLANNED - 15 * MINUTE
BY = "staff:test"


def arrive(
    world: World,
    name: str,
    now: datetime,
    *,
    arrived_at: datetime | None = None,
    reason: str = "",
    chief: bool = False,
) -> None:
    with work(world) as session:
        steps.record_arrival(
            session,
            registration(session, world, name),
            now=now,
            arrived_at=arrived_at or now,
            actor=BY,
            reason=reason,
            chief=chief,
        )


def refusal_of(world: World, *args: object, **kwargs: object) -> str | None:
    try:
        arrive(world, *args, **kwargs)  # type: ignore[arg-type]
    except CbtError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(CHECK_IN_OPENS - SECOND, "admission.not_open", id="a second before check-in opens"),
        pytest.param(CHECK_IN_OPENS, None, id="as check-in opens"),
        pytest.param(CUTOFF - SECOND, None, id="14:59 after reporting time"),
        pytest.param(CUTOFF, "admission.late", id="15:00 after reporting time"),
    ],
)
def test_arrival_counts_from_check_in_to_the_cut_off(
    world: World, now: datetime, expected: str | None
) -> None:
    assert refusal_of(world, "theory", now) == expected
    with work(world) as session:
        assert registration(session, world, "theory").arrived_at == (now if expected is None else None)


def test_the_first_arrival_opens_the_room_and_is_logged(world: World) -> None:
    arrive(world, "theory", CHECK_IN_OPENS)
    with work(world) as session:
        assert session.get_one(SittingRoom, world.sitting_room_id).state == "admitting"
        assert acts(session)[-2:] == ["room.admit", "door.arrive"]


def test_a_second_scan_changes_nothing(world: World) -> None:
    first = CHECK_IN_OPENS + MINUTE
    arrive(world, "theory", first)
    arrive(world, "theory", PLANNED + MINUTE)
    with work(world) as session:
        assert registration(session, world, "theory").arrived_at == first
        assert acts(session).count("door.arrive") == 1


@pytest.mark.parametrize(
    ("reason", "started", "chief", "expected"),
    [
        pytest.param("", False, True, "admission.arrival_reason", id="without a reason"),
        pytest.param("排队核验", False, False, None, id="proctor before the start"),
        pytest.param("排队核验", True, False, "admission.arrival_chief", id="proctor after the start"),
        pytest.param("排队核验", True, True, None, id="chief after the start"),
    ],
)
def test_an_earlier_arrival_needs_a_reason_and_after_the_start_the_chief(
    world: World, reason: str, started: bool, chief: bool, expected: str | None
) -> None:
    now = PLANNED - MINUTE
    if started:
        world.start()
        now = PLANNED + 5 * MINUTE
    code = refusal_of(world, "theory", now, arrived_at=CUTOFF - MINUTE, reason=reason, chief=chief)
    assert code == expected


@pytest.mark.parametrize(
    ("arrived_at", "expected"),
    [
        pytest.param(CUTOFF - SECOND, None, id="in time"),
        pytest.param(CUTOFF, "admission.late", id="no reason makes late early"),
        pytest.param(PLANNED, "admission.arrival_ahead", id="in the future"),
    ],
)
def test_an_arrival_entered_afterwards_keeps_the_cut_off(
    world: World, arrived_at: datetime, expected: str | None
) -> None:
    now = PLANNED - MINUTE
    assert refusal_of(world, "theory", now, arrived_at=arrived_at, reason="登记补录") == expected


def check_in(world: World, name: str, now: datetime, kind: str = "passport", last_four: str = "12Ab") -> None:
    with work(world) as session:
        steps.check_in(
            session,
            registration(session, world, name),
            now=now,
            document_type=kind,
            last_four=last_four,
            actor=BY,
        )


def test_checking_in_records_the_document_and_the_arrival(world: World) -> None:
    now = CHECK_IN_OPENS + MINUTE
    check_in(world, "theory", now, "student_card", "１２a b")
    with work(world) as session:
        row = registration(session, world, "theory")
        assert (row.arrived_at, row.checked_in_at) == (now, now)
        assert (row.document_shown, row.document_last_four) == ("student_card", "12AB")


def test_who_arrived_in_time_may_be_checked_in_after_the_cut_off(world: World) -> None:
    arrive(world, "theory", CUTOFF - SECOND)
    check_in(world, "theory", PLANNED + 10 * MINUTE)
    with work(world) as session:
        assert registration(session, world, "theory").checked_in_at == PLANNED + 10 * MINUTE


def test_who_did_not_arrive_in_time_is_not_checked_in(world: World) -> None:
    with pytest.raises(Conflict, match=r"admission\.late"):
        check_in(world, "theory", CUTOFF)
    with work(world) as session:
        assert registration(session, world, "theory").checked_in_at is None


def test_a_repeated_check_in_corrects_the_document_and_keeps_the_moment(world: World) -> None:
    check_in(world, "theory", CHECK_IN_OPENS)
    check_in(world, "theory", CHECK_IN_OPENS + MINUTE, "resident_id", "001X")
    with work(world) as session:
        row = registration(session, world, "theory")
        assert row.checked_in_at == CHECK_IN_OPENS
        assert (row.document_shown, row.document_last_four) == ("resident_id", "001X")


@pytest.mark.parametrize(
    ("kind", "last_four", "expected"),
    [
        pytest.param("photocopy", "001X", "admission.document_type", id="a copy is no document"),
        pytest.param("passport", "01X", "admission.last_four", id="three characters"),
        pytest.param("passport", "0-1X", "admission.last_four", id="not letters or digits"),
    ],
)
def test_a_check_in_names_a_listed_document(world: World, kind: str, last_four: str, expected: str) -> None:
    with pytest.raises(InvalidInput, match=expected.replace(".", r"\.")):
        check_in(world, "theory", CHECK_IN_OPENS, kind, last_four)


def test_a_centre_may_extend_the_list_of_documents(world: World) -> None:
    with work(world) as session:
        steps.check_in(
            session,
            registration(session, world, "theory"),
            now=CHECK_IN_OPENS,
            document_type="seafarer_card",
            last_four="0001",
            actor=BY,
            documents=("seafarer_card",),
        )


def absent(world: World, name: str, now: datetime, cause: str) -> str | None:
    try:
        with work(world) as session:
            row = registration(session, world, name)
            steps.mark_absent(session, row, now=now, cause=cause, actor=BY)
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
        steps.undo_absent(session, row, now=CUTOFF + MINUTE, actor=BY, reason="核实")
        assert (row.absent_at, row.absent_cause) == (None, None)
    assert refusal_of(world, "theory", CUTOFF + MINUTE, **later) is None


def test_nothing_is_changed_at_the_door_of_an_ended_room(world: World) -> None:
    world.start()
    with work(world) as session:
        session.execute(update(SittingRoom).values(state="ended"))
    assert absent(world, "theory", PLANNED + 60 * MINUTE, "not_arrived") == "admission.door_shut"
    with work(world) as session:
        row = registration(session, world, "theory")
        with pytest.raises(Conflict, match=r"admission\.door_shut"):
            steps.undo_absent(session, row, now=PLANNED + 60 * MINUTE, actor=BY)


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
            steps.allow_sign_in(session, row, now=CUTOFF, actor=BY)


def test_a_login_code_is_issued_after_check_in_and_kept_as_a_hash(world: World) -> None:
    rng = random.Random(5)
    with work(world) as session:
        row = registration(session, world, "theory")
        with pytest.raises(Conflict, match=r"admission\.code_too_soon"):
            steps.issue_login_code(session, row, now=CHECK_IN_OPENS, rng=rng, actor=BY)
    check_in(world, "theory", CHECK_IN_OPENS)
    with work(world) as session:
        row = registration(session, world, "theory")
        code = steps.issue_login_code(session, row, now=CHECK_IN_OPENS, rng=rng, actor=BY)
        assert len(code) == 6
        assert code.isdigit()
        assert row.login_code_hash == steps.login_code_hash(row.ref, code)
        assert row.login_code_until == CHECK_IN_OPENS + 10 * MINUTE


def test_the_same_code_of_two_people_is_stored_differently() -> None:
    assert steps.login_code_hash("re-a", "123456") != steps.login_code_hash("re-b", "123456")


def test_a_query_is_cleared_once(world: World) -> None:
    with work(world) as session:
        row = registration(session, world, "theory")
        row.query_at = PLANNED
        session.flush()
        steps.clear_query(session, row, now=PLANNED, actor=BY)
        assert row.query_at is None
        with pytest.raises(Conflict, match=r"admission\.no_query"):
            steps.clear_query(session, row, now=PLANNED, actor=BY)


def test_permission_to_sign_in_is_recorded(world: World) -> None:
    with work(world) as session:
        row = registration(session, world, "theory")
        with pytest.raises(TooEarly):
            steps.allow_sign_in(session, row, now=CHECK_IN_OPENS - SECOND, actor=BY)
        steps.allow_sign_in(session, row, now=CHECK_IN_OPENS, actor=BY, reason="系统延误")
        assert row.sign_in_allowed_at == CHECK_IN_OPENS
