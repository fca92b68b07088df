"""When two accounts count as two people (R-62): named cases at their edges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.rules.roles import Hand, PersonStep, Tie, Touch, granted_until, roles_apart, tie_between

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
DAY, HOUR, SECOND = timedelta(hours=24), timedelta(hours=1), timedelta(seconds=1)


def hand(by: str, account: str, ago: timedelta = HOUR, touch: Touch = Touch.RESET, role: str = "") -> Hand:
    """What `by` did to an account so long ago."""
    return Hand(account, by, touch, NOW - ago, role)


def tie(*hands: Hand, first: str = "x", second: str = "y", first_ago: timedelta = timedelta()) -> Tie | None:
    """What ties x, who acted so long ago, and y, who acts now."""
    return tie_between(PersonStep(first, NOW - first_ago), PersonStep(second, NOW), hands)


@pytest.mark.parametrize(
    ("hands", "why"),
    [
        pytest.param([], "", id="nobody's hand"),
        pytest.param([hand("x", "y")], "reset", id="the first on the second"),
        pytest.param([hand("x", "y", touch=Touch.MADE)], "made", id="the first made the second"),
        pytest.param([hand("x", "y", touch=Touch.ENABLED)], "enabled", id="the first enabled the second"),
        pytest.param([hand("x", "y", touch=Touch.FACTOR)], "factor", id="the first took its factor away"),
        pytest.param([hand("x", "y", DAY - SECOND)], "reset", id="a second less than a day"),
        pytest.param([hand("x", "y", DAY)], "", id="a day exactly"),
        pytest.param([hand("x", "y", timedelta())], "reset", id="this moment"),
        pytest.param([hand("y", "x")], "maker", id="the second on the first"),
        pytest.param([hand("y", "x", DAY)], "", id="the second on the first, a day exactly"),
        pytest.param([hand("a", "x"), hand("a", "y")], "shared", id="one administrator on both"),
        pytest.param([hand("a", "x", DAY), hand("a", "y")], "", id="on the first a day ago"),
        pytest.param([hand("a", "x"), hand("a", "y", DAY)], "", id="on the second a day ago"),
        pytest.param([hand("a", "x", DAY - SECOND), hand("a", "y")], "shared", id="on the first just within"),
        pytest.param([hand("a", "x"), hand("b", "y")], "", id="two administrators"),
        pytest.param([hand("a", "x")], "", id="a hand on the first alone"),
        pytest.param([hand("a", "y")], "", id="a hand on the second alone"),
        pytest.param([hand("a", "b"), hand("b", "x"), hand("b", "y")], "shared", id="a, b, both"),
        pytest.param(
            [hand("a", "b"), hand("b", "y"), hand("a", "x")], "shared", id="both by a, one through b"
        ),
        pytest.param(
            [hand("a", "b"), hand("a", "c"), hand("b", "x"), hand("c", "y")], "shared", id="through b and c"
        ),
        pytest.param(
            [hand("a", "b", DAY), hand("a", "c"), hand("b", "x"), hand("c", "y")], "", id="the chain is old"
        ),
        pytest.param(
            [hand("x", "b", touch=Touch.MADE), hand("b", "y", touch=Touch.RESET)], "reset", id="x by way of b"
        ),
        pytest.param([hand("y", "b"), hand("b", "x")], "maker", id="y by way of b"),
        pytest.param(
            [hand("a", "x", touch=Touch.GRANTED, role="proctor"), hand("a", "y")],
            "shared",
            id="one granted a role, the other reset",
        ),
        pytest.param(
            [hand("a", "y", touch=Touch.GRANTED, role="officer"), hand("a", "x")],
            "",
            id="a role of the second alone is no tie",
        ),
        pytest.param(
            [hand("x", "b", touch=Touch.GRANTED, role="admin"), hand("b", "y")],
            "reset",
            id="by one who was made an administrator",
        ),
        pytest.param(
            [hand("x", "y", 2 * HOUR), hand("y", "y")], "reset", id="covered by a hand of one's own"
        ),
        pytest.param([hand("x", "y", 2 * HOUR), hand("b", "y")], "reset", id="covered by somebody else's"),
        pytest.param([hand("a", "b"), hand("b", "a")], "", id="a circle elsewhere"),
        pytest.param(
            [hand("a", "x"), hand("x", "a"), hand("a", "y")], "reset", id="a circle the first is in"
        ),
    ],
)
def test_who_is_whose_second(hands: list[Hand], why: str) -> None:
    found = tie(*hands)
    assert ("" if found is None else found.why) == why
    mirrored = tie(*hands, first="y", second="x")
    if not any(one.touch is Touch.GRANTED for one in hands):
        assert (mirrored is None) == (found is None)


def test_oneself_is_never_another() -> None:
    assert tie(second="x") == Tie("same", None)


@pytest.mark.parametrize(
    ("hands", "first_ago", "until"),
    [
        pytest.param([hand("x", "y")], timedelta(), NOW + 23 * HOUR, id="a day after the hand"),
        pytest.param(
            [hand("x", "y", 5 * HOUR), hand("x", "y")], timedelta(), NOW + 23 * HOUR, id="the later"
        ),
        pytest.param(
            [hand("a", "x", 5 * HOUR), hand("a", "y")], timedelta(), NOW + 19 * HOUR, id="when one is free"
        ),
        pytest.param(
            [hand("a", "x", 5 * HOUR), hand("a", "y")],
            2 * HOUR,
            NOW + 23 * HOUR,
            id="what the first did stays under the hand it was under",
        ),
        pytest.param(
            [hand("a", "x", 50 * HOUR), hand("a", "y")],
            48 * HOUR,
            NOW + 23 * HOUR,
            id="done two days ago, just after the first was reset",
        ),
        pytest.param(
            [hand("y", "x", 5 * HOUR)],
            2 * HOUR,
            NOW + 19 * HOUR,
            id="never for this, later for something else",
        ),
    ],
)
def test_from_when_on_it_is_two_people(hands: list[Hand], first_ago: timedelta, until: datetime) -> None:
    found = tie(*hands, first_ago=first_ago)
    assert found is not None
    assert found.until == until


def test_what_was_done_before_anybody_had_a_hand_on_the_account_is_somebody_elses() -> None:
    assert tie(hand("a", "x", 72 * HOUR), hand("a", "y"), first_ago=48 * HOUR) is None
    assert tie(hand("a", "x", 72 * HOUR - SECOND), hand("a", "y"), first_ago=48 * HOUR) is not None


GRANT = {"touch": Touch.GRANTED, "role": "officer"}


@pytest.mark.parametrize(
    ("hands", "counts"),
    [
        pytest.param([], {"officer", "marker"}, id="no hand"),
        pytest.param([hand("x", "y", **GRANT)], {"marker"}, id="granted by the first"),  # type: ignore[arg-type]
        pytest.param([hand("x", "y", DAY, **GRANT)], {"officer", "marker"}, id="a day ago"),  # type: ignore[arg-type]
        pytest.param([hand("a", "y", **GRANT)], {"officer", "marker"}, id="granted by another"),  # type: ignore[arg-type]
        pytest.param(
            [hand("a", "y", **GRANT), hand("a", "x")],  # type: ignore[arg-type]
            {"marker"},
            id="granted by who reset the first",
        ),
        pytest.param(
            [hand("a", "y", **GRANT), hand("a", "x", touch=Touch.GRANTED, role="proctor")],  # type: ignore[arg-type]
            {"marker"},
            id="both were granted theirs by one",
        ),
        pytest.param(
            [hand("a", "b"), hand("b", "y", **GRANT), hand("a", "x")],  # type: ignore[arg-type]
            {"marker"},
            id="granted by way of another account",
        ),
        pytest.param(
            [hand("a", "y", 2 * HOUR, **GRANT), hand("b", "y", **GRANT), hand("a", "x")],  # type: ignore[arg-type]
            {"officer", "marker"},
            id="taken away and granted by another",
        ),
    ],
)
def test_a_role_counts_that_no_hand_on_both_granted(hands: list[Hand], counts: set[str]) -> None:
    found = roles_apart(PersonStep("x", NOW), PersonStep("y", NOW), {"officer", "marker"}, hands)
    assert found == counts
    if "officer" not in counts:
        until = granted_until(PersonStep("x", NOW), PersonStep("y", NOW), {"officer"}, hands)
        assert until == NOW + 23 * HOUR


def test_a_role_that_is_not_held_is_not_waited_for() -> None:
    with pytest.raises(ValueError, match="role"):
        granted_until(PersonStep("x", NOW), PersonStep("y", NOW), set(), [])


hands_anyhow = st.lists(
    st.builds(
        Hand,
        account=st.sampled_from("abxy"),
        by=st.sampled_from("abxy"),
        touch=st.sampled_from([one for one in Touch if one is not Touch.GRANTED]),
        at=st.integers(0, 60).map(lambda hours: NOW - hours * HOUR),
    ),
    max_size=8,
)


@given(hands=hands_anyhow, first_ago=st.integers(0, 48))
def test_however_hands_were_laid_the_answer_is_the_same_both_ways_and_ends(
    hands: list[Hand], first_ago: int
) -> None:
    """Both of now are each other's second or neither; more hands never make two people of one; a day ends it."""
    now = tie(*hands)
    assert (now is None) == (tie(*hands, first="y", second="x") is None)
    found = tie(*hands, first_ago=first_ago * HOUR)
    if now is None and found is None:
        return
    fewer = tie(*hands[1:], first_ago=first_ago * HOUR)
    assert fewer is None or found is not None
    if found is not None:
        assert found.until is not None
        assert NOW <= found.until <= NOW + DAY
        assert tie_between(PersonStep("x", found.until), PersonStep("y", found.until), hands) is None
