"""Who may sign in, decided over the facts of the door."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from cbt.candidates.models import Candidate, Registration
from cbt.door.admission import Door, PaperState, SignInPlace, refusal, seat_label
from cbt.sittings.models import Centre, Room, Seat, Sitting, SittingRoom
from tests.helpers import utc

START = utc("2026-11-24T09:00:00+08:00")
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
OPENS = START - 20 * MINUTE
CUTOFF = START - 15 * MINUTE
CHECKED = {"arrived_at": START - 30 * MINUTE, "checked_in_at": START - 29 * MINUTE}


def door(
    *, state: str = "admitting", started_at: datetime | None = None, needs_check_in: bool = True, **facts: Any
) -> Door:
    return Door(
        registration=Registration(seat_id=7, sitting_room_id=1, **facts),
        candidate=Candidate(name="王小明"),
        sitting=Sitting(sign_in_opens_at=OPENS, late_cutoff_at=CUTOFF, sign_in_needs_check_in=needs_check_in),
        sitting_room=SittingRoom(state=state, started_at=started_at),
        seat=Seat(id=7, number=7, room_id=1),
        room=Room(id=1, name="机房 A"),
        centre=Centre(name="考点"),
    )


def code(
    at: Door, now: datetime, *, paper: PaperState = PaperState.OPEN, place: SignInPlace | None = None
) -> str | None:
    refused = refusal(at, now=now, paper=paper, place=place)
    return None if refused is None else refused.code


@pytest.mark.parametrize(
    ("now", "facts", "expected"),
    [
        pytest.param(OPENS - SECOND, {}, "door.not_open", id="a second before sign-in opens"),
        pytest.param(OPENS, {}, None, id="on the second it opens"),
        pytest.param(
            OPENS - SECOND, {"state": "running", "started_at": OPENS - MINUTE}, None, id="room started early"
        ),
        pytest.param(
            START + 10 * MINUTE, {"state": "running", "started_at": START}, None, id="late, running"
        ),
        pytest.param(START + 10 * MINUTE, {"state": "held", "started_at": START}, None, id="room is held"),
        pytest.param(OPENS, {"state": "published"}, "door.not_open", id="doors not open"),
        pytest.param(OPENS, {"state": "draft"}, "door.not_published", id="sitting is a draft"),
        pytest.param(START, {"state": "ended", "started_at": START}, "door.over", id="ended"),
        pytest.param(START, {"state": "released", "started_at": START}, "door.over", id="released"),
        pytest.param(OPENS, {"state": "cancelled"}, "door.cancelled", id="cancelled"),
        pytest.param(START, {"state": "aborted", "started_at": START}, "door.aborted", id="stopped"),
    ],
)
def test_sign_in_works_only_while_the_room_admits_or_runs(
    now: datetime, facts: dict[str, Any], expected: str | None
) -> None:
    assert code(door(**CHECKED, **facts), now) == expected


@pytest.mark.parametrize(
    ("now", "facts", "expected"),
    [
        pytest.param(OPENS, {}, "door.not_checked_in", id="nobody has seen them, still in time"),
        pytest.param(CUTOFF - SECOND, {}, "door.not_checked_in", id="a second before the cut-off"),
        pytest.param(CUTOFF, {}, "door.not_arrived", id="no arrival at the cut-off"),
        pytest.param(
            START,
            {"arrived_at": CUTOFF - SECOND},
            "door.not_checked_in",
            id="arrived in time, still in the queue",
        ),
        pytest.param(START, CHECKED, None, id="the cut-off is not for signing in"),
        pytest.param(OPENS, {"needs_check_in": False}, None, id="policy asks for no check-in"),
        pytest.param(START, {"sign_in_allowed_at": START - MINUTE}, None, id="allowed by a proctor"),
        pytest.param(
            START, {"absent_at": START, "absent_cause": "late"}, "door.late", id="barred: came too late"
        ),
        pytest.param(
            START, {"absent_at": START, "absent_cause": "gave_up"}, "door.absent", id="absent otherwise"
        ),
        pytest.param(
            START,
            {"sign_in_allowed_at": OPENS, "absent_at": START, "absent_cause": "gave_up"},
            "door.absent",
            id="absence outlives a permission",
        ),
        pytest.param(START, CHECKED | {"left_at": START}, "door.out", id="out under escort"),
    ],
)
def test_sign_in_needs_the_door_passed(now: datetime, facts: dict[str, Any], expected: str | None) -> None:
    assert code(door(**facts), now) == expected


def test_a_closed_paper_is_not_entered_again() -> None:
    assert code(door(**CHECKED), START, paper=PaperState.CLOSED) == "door.closed"


@pytest.mark.parametrize(
    ("place", "paper", "expected"),
    [
        pytest.param(None, PaperState.OPEN, None, id="machine without a seat"),
        pytest.param(SignInPlace(Seat(id=7, room_id=1), False), PaperState.OPEN, None, id="own seat"),
        pytest.param(
            SignInPlace(Seat(id=8, room_id=1), False), PaperState.OPEN, "door.wrong_seat", id="free seat"
        ),
        pytest.param(
            SignInPlace(Seat(id=8, room_id=1), False), PaperState.MOVING, None, id="free seat, move allowed"
        ),
        pytest.param(
            SignInPlace(Seat(id=8, room_id=1), True),
            PaperState.MOVING,
            "door.wrong_seat",
            id="seat of another person",
        ),
        pytest.param(
            SignInPlace(Seat(id=90, room_id=2), False),
            PaperState.MOVING,
            "door.wrong_room",
            id="seat of another room",
        ),
    ],
)
def test_a_person_sits_where_their_ticket_says(
    place: SignInPlace | None, paper: PaperState, expected: str | None
) -> None:
    assert code(door(**CHECKED), START, paper=paper, place=place) == expected


def test_a_wrong_seat_names_the_right_one() -> None:
    refused = refusal(
        door(**CHECKED), now=START, paper=PaperState.OPEN, place=SignInPlace(Seat(id=8, room_id=1), False)
    )
    assert refused is not None
    assert refused.params == {"seat": "07"}


@pytest.mark.parametrize(("number", "label"), [(7, "07"), (12, "12"), (104, "104")])
def test_a_seat_is_shown_with_two_digits_at_least(number: int, label: str) -> None:
    assert seat_label(number) == label
