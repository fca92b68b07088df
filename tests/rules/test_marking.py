"""阅卷: points, turns, thresholds, the mark that counts, leases, mixing, seed papers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from cbt.errors import InvalidInput
from cbt.rules.form_score import PeopleMark
from cbt.rules.marking import (
    AnswerState,
    Criterion,
    MarkingTurn,
    criteria_of,
    final_points,
    full_points,
    is_held,
    is_seed_due,
    people_mark,
    place_in_mix,
    points_of,
    state_of,
    threshold_of,
    turns_that_count,
    usual_threshold,
)

from .builders import content

D = Decimal
FOUR, QUARTER = Criterion(D(4), "致歉"), Criterion(D("1.25"), "补偿")


def test_an_answer_is_marked_by_its_rubric_or_as_a_whole() -> None:
    assert criteria_of([(D(4), "致歉")], D(20)) == (FOUR,)
    assert criteria_of((), D(20)) == (Criterion(D(20), ""),)
    assert full_points((FOUR, QUARTER)) == D("5.25")


@pytest.mark.parametrize(
    ("given", "points"),
    [
        pytest.param(["0", "0"], [0, 0], id="nothing"),
        pytest.param(["4", "1.25"], [4, D("1.25")], id="all, though no half"),
        pytest.param([" 3.5 ", "1.0"], [D("3.5"), 1], id="halves"),
    ],
)
def test_points_are_given_by_halves(given: list[str], points: list[Decimal]) -> None:
    assert list(points_of((FOUR, QUARTER), given)) == points


@pytest.mark.parametrize(
    ("given", "field"),
    [
        pytest.param(["4.5", "0"], "points-0", id="more than all"),
        pytest.param(["4", "1.2"], "points-1", id="no half"),
        pytest.param(["4"], "points-1", id="too few"),
        pytest.param(["", "0"], "points-0", id="nothing typed"),
        pytest.param(["-1", "0"], "points-0", id="below nothing"),
        pytest.param(["1e1", "0"], "points-0", id="no plain number"),
        pytest.param(["4.", "0"], "points-0", id="half a number"),
        pytest.param(["２", "0"], "points-0", id="wide digits"),
        pytest.param(["000000001", "0"], "points-0", id="long"),
    ],
)
def test_other_points_are_refused(given: list[str], field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        points_of((FOUR, QUARTER), given)
    assert (error.value.code, error.value.params["field"]) == ("marking.points", field)


def test_a_threshold_is_points_of_the_item() -> None:
    assert threshold_of(" 2.5", D(10)) == D("2.5")
    assert [threshold_of(text, D(10)) for text in ("0", "10")] == [0, 10]
    for text in ("", "10.5", "-1", "x"):
        with pytest.raises(InvalidInput):
            threshold_of(text, D(10))
    assert [usual_threshold(D(full)) for full in (20, 10, 5, 4, 1)] == [4, 2, 1, D("0.5"), 0]


FIRST, SECOND, THIRD = MarkingTurn.FIRST, MarkingTurn.SECOND, MarkingTurn.THIRD


@pytest.mark.parametrize(
    ("marks", "state", "final", "turns"),
    [
        pytest.param({}, AnswerState.FIRST, None, None, id="nobody"),
        pytest.param({FIRST: D(5)}, AnswerState.SECOND, None, None, id="one"),
        pytest.param(
            {FIRST: D(5), SECOND: D(7)}, AnswerState.DONE, D(6), (FIRST, SECOND), id="at the threshold"
        ),
        pytest.param(
            {FIRST: D(5), SECOND: D("5.5")}, AnswerState.DONE, D("5.25"), (FIRST, SECOND), id="mean"
        ),
        pytest.param({FIRST: D(5), SECOND: D("7.5")}, AnswerState.THIRD, None, None, id="a half beyond"),
        pytest.param(
            {FIRST: D(8), SECOND: D(2), THIRD: D(1)}, AnswerState.DONE, D(1), (THIRD,), id="decided"
        ),
        pytest.param(
            {FIRST: D(5), SECOND: D(5), THIRD: D(9)}, AnswerState.DONE, D(9), (THIRD,), id="stays decided"
        ),
    ],
)
def test_two_agree_or_a_third_decides(
    marks: dict[MarkingTurn, Decimal],
    state: AnswerState,
    final: Decimal | None,
    turns: tuple[MarkingTurn, ...] | None,
) -> None:
    assert state_of(marks, D(2)) is state
    assert final_points(marks, D(2)) == final
    if turns is not None:
        assert turns_that_count(marks) == turns


def test_an_answer_that_was_taken_goes_back() -> None:
    now = datetime(2026, 12, 2, tzinfo=UTC)
    assert not is_held(None, now=now)
    assert is_held(now + timedelta(seconds=1), now=now)
    assert not is_held(now, now=now)


def test_the_mix_is_the_same_every_time_and_another_for_another_seed() -> None:
    refs = [f"an-{number}" for number in range(50)]
    mixed = [sorted(refs, key=lambda ref, seed=seed: place_in_mix(seed, ref)) for seed in ("a", "a", "b")]
    assert mixed[0] == mixed[1] != mixed[2]
    assert refs not in mixed
    assert all(0 <= place_in_mix("a", ref) < 2**60 for ref in refs)


def test_one_seed_paper_comes_to_ten_answers() -> None:
    def seen_after(account: str, given: int) -> int:
        seen = 0
        for done in range(given + 1):
            while is_seed_due(done, seen, desk_seed="seed", account=account):
                seen += 1
        return seen

    assert not is_seed_due(0, 0, desk_seed="seed", account="staff:a")
    assert {seen_after(f"staff:{one}", 100) for one in range(30)} <= {10}
    firsts = {
        next(n for n in range(20) if is_seed_due(n, 0, desk_seed="seed", account=f"staff:{one}"))
        for one in range(30)
    }
    assert len(firsts) > 3, "not the same one for everybody"


def test_what_people_gave_is_a_share_and_a_rubric_is_lines_with_points() -> None:
    assert people_mark(D(3), D(10), ["mk-1"]) == PeopleMark(Fraction(3, 10), ("mk-1",))
    assert content("true_false").rubric_lines() == ()
    rubric = [{"points": 4, "text": "致歉"}]
    assert content("short_answer", rubric=rubric).rubric_lines() == ((D(4), "致歉"),)
