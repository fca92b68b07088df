"""What a violation does to a result."""

from decimal import Decimal

import pytest

from cbt.rules.retake import PaperOutcome
from cbt.rules.violations import (
    Effect,
    Evidence,
    Tier,
    Violation,
    heaviest,
    outcome_after,
    score_after,
    takes_away,
    takes_two,
    terminates,
    voids,
    weight,
)
from tests.exams.sources import shipped_table


def violation(*effects: Effect, deduct: str = "0") -> Violation:
    return Violation(
        "test",
        "测试",
        "Test",
        "考场须知第 5 条",
        Tier.BREACH,
        effects,
        (Evidence.STATEMENT,),
        Decimal(deduct),
    )


WARNED = violation(Effect.WARNING)
OUT = violation(Effect.TERMINATE)
PAPER = violation(Effect.TERMINATE, Effect.PAPER_VOID)
ALL = violation(Effect.ALL_VOID)


def test_the_shipped_table_is_sound() -> None:
    violations = shipped_table().violations
    assert len(violations) == 13
    cheating = [one for one in violations if one.tier is Tier.CHEATING]
    assert all(terminates(one) and voids(one, same_paper=True) for one in cheating)


def test_only_some_violations_end_the_attempt() -> None:
    assert [terminates(one) for one in (WARNED, OUT, PAPER, ALL)] == [False, True, True, False]


def test_all_but_a_warning_waits_for_a_ruling() -> None:
    points = violation(Effect.WARNING, Effect.DEDUCT, deduct="5")
    assert [takes_away(one) for one in (WARNED, points, OUT, PAPER, ALL)] == [False, True, True, True, True]


@pytest.mark.parametrize(
    ("effects", "two"),
    [
        pytest.param([Effect.WARNING], False, id="a warning"),
        pytest.param([Effect.WARNING, Effect.DEDUCT], False, id="points"),
        pytest.param([Effect.TERMINATE], True, id="the end of the exam"),
        pytest.param([Effect.PAPER_VOID], True, id="a paper void, though it goes on"),
        pytest.param([Effect.ALL_VOID], True, id="all papers void, though it goes on"),
    ],
)
def test_nobody_alone_ends_an_exam_or_takes_a_result_away(effects: list[Effect], two: bool) -> None:
    assert takes_two(violation(*effects)) is two


@pytest.mark.parametrize(
    ("outcome", "own", "elsewhere", "expected"),
    [
        pytest.param(PaperOutcome.PASSED, [], [], PaperOutcome.PASSED, id="none"),
        pytest.param(PaperOutcome.PASSED, [WARNED, OUT], [], PaperOutcome.PASSED, id="warned or sent out"),
        pytest.param(PaperOutcome.PASSED, [PAPER], [], PaperOutcome.VIOLATION, id="this paper is void"),
        pytest.param(PaperOutcome.PASSED, [], [PAPER], PaperOutcome.PASSED, id="only the other paper is"),
        pytest.param(PaperOutcome.FAILED, [], [ALL], PaperOutcome.VIOLATION, id="all papers are"),
        pytest.param(PaperOutcome.ABSENT, [], [ALL], PaperOutcome.ABSENT, id="absent stays absent"),
        pytest.param(PaperOutcome.ABSENT, [ALL], [], PaperOutcome.VIOLATION, id="sent away at the door"),
    ],
)
def test_a_violation_can_void_a_paper_or_all(
    outcome: PaperOutcome, own: list[Violation], elsewhere: list[Violation], expected: PaperOutcome
) -> None:
    assert outcome_after(outcome, own=own, elsewhere=elsewhere) is expected


@pytest.mark.parametrize(
    ("score", "violations", "left"),
    [
        pytest.param("62.0", [violation(Effect.DEDUCT, deduct="5")], "57.0", id="points are taken"),
        pytest.param(
            "62.0", [violation(Effect.WARNING, deduct="5")], "62.0", id="only where the effect says so"
        ),
        pytest.param("3.0", [violation(Effect.DEDUCT, deduct="5")], "0", id="never below zero"),
        pytest.param("62.0", [violation(Effect.DEDUCT, deduct="5")] * 2, "52.0", id="for each of them"),
    ],
)
def test_deducted_points_never_make_a_score_negative(
    score: str, violations: list[Violation], left: str
) -> None:
    assert score_after(Decimal(score), violations) == Decimal(left)


def test_the_heaviest_effect_decides_and_of_equals_the_first() -> None:
    light, void = violation(Effect.WARNING), violation(Effect.WARNING, Effect.PAPER_VOID)
    assert heaviest({}) is None
    assert heaviest({3: light, 5: light}) == 3
    assert heaviest({3: light, 5: void, 7: void}) == 5
    assert weight(light) < weight(violation(Effect.TERMINATE)) < weight(void)
