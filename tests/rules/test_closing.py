"""Whether a room can be ended."""

from dataclasses import replace

import pytest

from cbt.rules.states import UNANSWERED, Blocker, ClosedBy, RoomCounts, balance, can_end, closing

ENDED = RoomCounts(
    expected=30,
    absent=2,
    by_candidate=20,
    by_deadline=3,
    by_proctor=1,
    by_violation=1,
    by_evacuation=2,
    unanswered=1,
)


def test_everybody_expected_was_present_or_absent() -> None:
    sums = balance(ENDED)
    assert (sums.expected, sums.present, sums.absent, sums.difference) == (30, 28, 2, 0)
    assert sums.balanced
    assert can_end(ENDED) == []


@pytest.mark.parametrize(
    "reason",
    ["not_arrived", "not_signed_in", "not_begun", "interacting", "units_done", "suspended", "moving"],
)
def test_a_room_is_not_ended_while_somebody_is_still_in_it(reason: str) -> None:
    counts = replace(ENDED, by_candidate=19, **{reason: 1})
    assert can_end(counts) == [Blocker(reason, 1)]
    assert not balance(counts).balanced


def test_a_room_is_not_ended_while_a_compensation_is_undecided() -> None:
    assert can_end(replace(ENDED, undecided=2)) == [Blocker("undecided", 2)]


@pytest.mark.parametrize(("expected", "missing"), [(31, 1), (29, -1)])
def test_a_room_whose_numbers_do_not_add_up_is_not_ended(expected: int, missing: int) -> None:
    counts = replace(ENDED, expected=expected)
    assert can_end(counts) == [Blocker("unbalanced", missing)]


def test_every_reason_is_given_at_once() -> None:
    counts = RoomCounts(
        expected=7, not_arrived=1, not_signed_in=1, not_begun=1, interacting=1, moving=1, undecided=1
    )
    assert [blocker.reason for blocker in can_end(counts)] == [
        "not_arrived",
        "not_signed_in",
        "not_begun",
        "interacting",
        "moving",
        "undecided",
        "unbalanced",
    ]


@pytest.mark.parametrize(
    ("closed_by", "started", "place"),
    [
        pytest.param(ClosedBy.PROCTOR, True, "proctor", id="closed by force"),
        pytest.param(ClosedBy.PROCTOR, False, UNANSWERED, id="closed by force, never opened"),
        pytest.param(ClosedBy.EVACUATION, False, UNANSWERED, id="left with the room, never opened"),
        pytest.param(ClosedBy.VIOLATION, False, "violation", id="a violation before the paper was opened"),
    ],
)
def test_who_never_opened_the_paper_wrote_nothing(closed_by: ClosedBy, started: bool, place: str) -> None:
    assert closing(closed_by, started=started) == place
