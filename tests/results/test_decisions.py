"""Standing, outcome and distribution: the pure parts of a score sheet."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.blueprints.store import load_blueprint_file
from cbt.results.sheet.outcome import (
    Decision,
    EndFacts,
    JudgedEnd,
    Standing,
    balance_of,
    decide,
    standing_of,
)
from cbt.results.sheet.sitting import distribution, paper_figures
from cbt.rules.exam import Paper
from cbt.rules.retake import PaperOutcome
from tests.exams.sources import shipped, shipped_table

TABLE = shipped_table()
PAPER = Paper(code="theory", name="理论知识", duration=timedelta(minutes=45))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param({"absent": True, "attempt_state": "ready"}, Standing.ABSENT, id="absent"),
        pytest.param({"examined": False, "absent": True}, Standing.NOT_EXAMINED, id="room aborted"),
        pytest.param(
            {"attempt_state": "scored", "started": True, "closed_by": "deadline"},
            Standing.BY_DEADLINE,
            id="closed by the deadline",
        ),
        pytest.param(
            {"attempt_state": "closed", "closed_by": "deadline"},
            Standing.UNANSWERED,
            id="closed by the deadline, never opened",
        ),
        pytest.param(
            {"attempt_state": "closed", "closed_by": "violation"},
            Standing.BY_VIOLATION,
            id="ended for a violation before opening",
        ),
        pytest.param({"attempt_state": "ready"}, Standing.UNANSWERED, id="came, never opened, never closed"),
        pytest.param(
            {"attempt_state": "ready", "arrived": False}, Standing.NOT_ARRIVED, id="nobody knows of them"
        ),
        pytest.param({"attempt_state": None, "arrived": False}, Standing.NOT_ARRIVED, id="no form drawn"),
        pytest.param({"attempt_state": "interacting", "started": True}, Standing.INTERACTING, id="answering"),
        pytest.param({"attempt_state": "suspended", "started": True}, Standing.SUSPENDED, id="suspended"),
    ],
)
def test_where_a_registration_stands(facts: dict[str, object], expected: Standing) -> None:
    usual = {
        "attempt_state": "ready",
        "examined": True,
        "absent": False,
        "arrived": True,
        "started": False,
        "closed_by": None,
    }
    assert standing_of(**{**usual, **facts}) is expected  # type: ignore[arg-type]  # facts of the parametrisation


@given(st.lists(st.sampled_from(Standing)))
def test_expected_is_present_plus_absent_plus_those_still_going(standings: list[Standing]) -> None:
    going = {Standing.NOT_ARRIVED, Standing.INTERACTING, Standing.UNITS_DONE, Standing.SUSPENDED}
    assert balance_of(standings).difference == sum(one in going for one in standings)


@pytest.mark.parametrize(
    ("standing", "score", "violation", "expected"),
    [
        pytest.param(
            Standing.BY_CANDIDATE,
            "60.0",
            None,
            Decision(PaperOutcome.PASSED, Decimal("60.0")),
            id="on the mark",
        ),
        pytest.param(
            Standing.BY_DEADLINE,
            "59.9",
            None,
            Decision(PaperOutcome.FAILED, Decimal("59.9")),
            id="a step below",
        ),
        pytest.param(
            Standing.UNANSWERED, None, None, Decision(PaperOutcome.FAILED, Decimal("0.0")), id="never opened"
        ),
        pytest.param(Standing.BY_CANDIDATE, None, None, None, id="not scored yet"),
        pytest.param(Standing.ABSENT, None, None, Decision(PaperOutcome.ABSENT), id="absent"),
        pytest.param(
            Standing.ABSENT, None, "impersonation", Decision(PaperOutcome.VIOLATION), id="somebody else came"
        ),
        pytest.param(
            Standing.BY_CANDIDATE,
            "88.0",
            "noise",
            Decision(PaperOutcome.PASSED, Decimal("88.0")),
            id="warned for noise",
        ),
        pytest.param(
            Standing.BY_VIOLATION,
            "88.0",
            "phone_used",
            Decision(PaperOutcome.VIOLATION),
            id="caught with a phone",
        ),
        pytest.param(
            Standing.BY_VIOLATION,
            "61.0",
            "left_without_leave",
            Decision(PaperOutcome.PASSED, Decimal("61.0")),
            id="left without leave: ended, but what was answered counts",
        ),
        pytest.param(Standing.NOT_EXAMINED, "88.0", None, None, id="room aborted"),
        pytest.param(Standing.INTERACTING, "88.0", None, None, id="still answering"),
    ],
)
def test_what_a_paper_ended_with(
    standing: Standing, score: str | None, violation: str | None, expected: Decision | None
) -> None:
    points = None if score is None else Decimal(score)
    assert decide(standing, score=points, paper=PAPER, own=TABLE.violation(violation)) == expected


@pytest.mark.parametrize(
    ("standing", "code", "outcome"),
    [
        pytest.param(Standing.BY_CANDIDATE, "organised_cheating", PaperOutcome.VIOLATION, id="reaches over"),
        pytest.param(Standing.BY_CANDIDATE, "phone_used", PaperOutcome.PASSED, id="voids its own paper only"),
        pytest.param(
            Standing.ABSENT, "organised_cheating", PaperOutcome.ABSENT, id="nobody absent is a violator"
        ),
    ],
)
def test_a_violation_in_another_paper(standing: Standing, code: str, outcome: PaperOutcome) -> None:
    known = TABLE.violation(code)
    assert known is not None
    decision = decide(standing, score=Decimal("70.0"), paper=PAPER, elsewhere=[known])
    assert decision is not None
    assert decision.outcome is outcome


def test_a_distribution_without_scores_is_none() -> None:
    assert distribution([], points=Decimal(100), pass_points=Decimal(60)) is None


@pytest.mark.parametrize(
    ("score", "place"),
    [
        pytest.param("0.0", 0, id="nothing"),
        pytest.param("59.9", 5, id="a step below the mark"),
        pytest.param("60.0", 6, id="the mark belongs to the class above"),
        pytest.param("100.0", 9, id="the full mark belongs to the last class"),
    ],
)
def test_the_class_of_a_score(score: str, place: int) -> None:
    spread = distribution([Decimal(score)], points=Decimal(100), pass_points=Decimal(60))
    assert spread is not None
    assert [one.count for one in spread.classes] == [int(number == place) for number in range(10)]


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=200))
def test_every_score_is_in_one_class_and_every_bar_inside_the_chart(tenths: list[int]) -> None:
    scores = [Decimal(one) / 10 for one in tenths]
    spread = distribution(scores, points=Decimal(100), pass_points=Decimal(60))
    assert spread is not None
    assert sum(one.count for one in spread.classes) == spread.scored == len(scores)
    assert sum(bar.of.count for bar in spread.bars if bar.passing) == spread.passed
    assert all(bar.x >= 0 and bar.x + bar.width <= 640 and bar.y >= 0 for bar in spread.bars)
    assert all(abs(bar.y + bar.height - spread.base) < 0.2 for bar in spread.bars)


def test_who_came_and_never_opened_the_paper_counts_in_no_average() -> None:
    blueprint = load_blueprint_file(shipped("l3"))
    facts = EndFacts("ended", False, True, "scored", True, "candidate", True, Decimal(70), None, None)
    ended = [
        (JudgedEnd(facts, Standing.BY_CANDIDATE, Decision(PaperOutcome.PASSED, Decimal(70))), 2),
        (JudgedEnd(facts, Standing.UNANSWERED, Decision(PaperOutcome.FAILED, Decimal(0))), 3),
    ]
    figures = paper_figures(blueprint, "theory", ended)
    spread = figures.distribution
    assert spread is not None
    assert (spread.mean, spread.lowest, spread.scored, spread.pass_percent) == (70, 70, 2, 100)
    assert (figures.people, figures.unanswered) == (5, 3)
    assert paper_figures(blueprint, "theory", ended[1:]).distribution is None
