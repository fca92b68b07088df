"""Arrival and the document check at the door."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from cbt.door import arrival
from cbt.errors import Conflict, InvalidInput
from cbt.sittings.models import SittingRoom
from tests.door.door import (
    BY,
    CHECK_IN_OPENS,
    CUTOFF,
    MINUTE,
    acts,
    arrive,
    check_in,
    refusal_of,
    registration,
    work,
)
from tests.world import PLANNED, World

SECOND = timedelta(seconds=1)


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
        arrival.check_in(
            session,
            registration(session, world, "theory"),
            now=CHECK_IN_OPENS,
            document_type="seafarer_card",
            last_four="0001",
            actor=BY,
            documents=("seafarer_card",),
        )
