"""Who gets a certificate: both papers passed in their window, and nothing open."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.rules.certificates import IssueObstacle, OpenMatters, issue_obstacles
from cbt.rules.exam import RetakePolicy
from cbt.rules.retake import PaperOutcome, PaperResult

PAPERS = ("theory", "skills")
CLEAR = OpenMatters(publicity_over=True)
ON = date(2026, 12, 20)


def passed(paper: str, on: str, outcome: PaperOutcome = PaperOutcome.PASSED) -> PaperResult:
    day = date.fromisoformat(on)
    return PaperResult(paper, day, day, outcome)


BOTH = (passed("theory", "2026-11-24"), passed("skills", "2026-11-24"))


@pytest.mark.parametrize(
    ("results", "found"),
    [
        pytest.param(BOTH, (), id="both passed"),
        pytest.param(BOTH[:1], (IssueObstacle.NOT_QUALIFIED,), id="one passed"),
        pytest.param((), (IssueObstacle.NOT_QUALIFIED,), id="no result"),
        pytest.param(
            (BOTH[0], passed("skills", "2026-11-24", PaperOutcome.VOID)),
            (IssueObstacle.NOT_QUALIFIED,),
            id="one void",
        ),
        pytest.param(
            (passed("theory", "2024-01-10"), BOTH[1]), (IssueObstacle.WINDOW_OVER,), id="too far apart"
        ),
    ],
)
def test_both_papers_are_passed_within_the_window(
    results: tuple[PaperResult, ...], found: tuple[IssueObstacle, ...]
) -> None:
    assert issue_obstacles(PAPERS, results, CLEAR, on=ON, policy=RetakePolicy()) == found


def test_passes_within_a_window_stay_good_when_the_certificate_comes_late() -> None:
    assert issue_obstacles(PAPERS, BOTH, CLEAR, on=date(2031, 1, 1), policy=RetakePolicy()) == ()


@given(st.booleans(), st.integers(0, 2), st.integers(0, 2), st.integers(0, 2), st.booleans())
def test_everything_open_is_named(
    over: bool, objections: int, rulings: int, appeals: int, issued: bool
) -> None:
    matters = OpenMatters(over, objections, rulings, appeals, issued)
    found = issue_obstacles(PAPERS, BOTH, matters, on=ON, policy=RetakePolicy())
    assert set(found) == {
        *([] if over else [IssueObstacle.PUBLICITY]),
        *([IssueObstacle.OBJECTION] if objections else []),
        *([IssueObstacle.RULING] if rulings else []),
        *([IssueObstacle.APPEAL] if appeals else []),
        *([IssueObstacle.ISSUED] if issued else []),
    }
    assert (found == ()) == (matters == replace(CLEAR))
