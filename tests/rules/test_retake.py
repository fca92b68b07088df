"""补考: windows and what the papers amount to."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.rules.calendar import first_day_within, last_day
from cbt.rules.exam import RetakePolicy
from cbt.rules.retake import (
    Overall,
    PaperOutcome,
    PaperResult,
    RetakeRefusal,
    RetakeVerdict,
    check_application,
    may_retake,
    overall,
)

SHIPPED = RetakePolicy()
PAPERS = ("theory", "skills")


def result(paper: str, exam_on: str, outcome: str, released_on: str | None = None) -> PaperResult:
    return PaperResult(
        paper, date.fromisoformat(exam_on), date.fromisoformat(released_on or exam_on), PaperOutcome(outcome)
    )


@pytest.mark.parametrize(
    ("first_on", "last_on"),
    [
        pytest.param("2026-11-24", "2028-11-24", id="the same date two years later"),
        pytest.param("2024-02-29", "2026-02-28", id="29 February"),
        pytest.param("2026-02-28", "2028-02-28", id="28 February stays"),
    ],
)
def test_a_window_ends_on_the_same_date(first_on: str, last_on: str) -> None:
    assert last_day(date.fromisoformat(first_on), 2) == date.fromisoformat(last_on)


@given(st.dates(max_value=date(9000, 1, 1)), st.integers(1, 9))
def test_a_window_never_lasts_longer_than_its_years(first_on: date, years: int) -> None:
    last_on = last_day(first_on, years)
    assert (last_on.year, last_on.month) == (first_on.year + years, first_on.month)
    assert last_on.day in (first_on.day, 28)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, 9))
def test_a_window_is_open_from_the_first_day_that_reaches_so_far(on: date, years: int) -> None:
    first = first_day_within(on, years)
    assert last_day(first - timedelta(days=1), years) < on <= last_day(first, years)


FAILED = result("theory", "2026-11-24", "failed", "2026-12-01")


@pytest.mark.parametrize(
    ("exam_on", "policy", "allowed"),
    [
        pytest.param("2028-12-01", SHIPPED, True, id="on the last day"),
        pytest.param("2028-12-02", SHIPPED, False, id="a day late"),
        pytest.param("2028-11-24", RetakePolicy(window_from="exam"), True, id="counted from the exam"),
        pytest.param("2028-11-25", RetakePolicy(window_from="exam"), False, id="a day late from the exam"),
        pytest.param("2029-12-01", RetakePolicy(years=3), True, id="three years"),
    ],
)
def test_the_last_day_of_the_window_is_inside_it(exam_on: str, policy: RetakePolicy, allowed: bool) -> None:
    verdict = may_retake("theory", [FAILED], exam_on=date.fromisoformat(exam_on), policy=policy)
    assert verdict.allowed is allowed
    assert verdict.reason is (None if allowed else RetakeRefusal.WINDOW_OVER)


def test_the_window_counts_from_the_first_failure() -> None:
    again = result("theory", "2027-06-01", "failed")
    verdict = may_retake("theory", [again, FAILED], exam_on=date(2028, 12, 2), policy=SHIPPED)
    assert verdict == RetakeVerdict(False, date(2028, 12, 1), RetakeRefusal.WINDOW_OVER)


@pytest.mark.parametrize(
    ("results", "policy", "reason"),
    [
        pytest.param([], SHIPPED, RetakeRefusal.NO_RESULT, id="nothing released yet"),
        pytest.param(
            [result("skills", "2026-11-24", "failed")], SHIPPED, RetakeRefusal.NO_RESULT, id="another paper"
        ),
        pytest.param([result("theory", "2026-11-24", "passed")], SHIPPED, RetakeRefusal.PASSED, id="passed"),
        pytest.param(
            [FAILED, result("theory", "2027-01-01", "passed")],
            SHIPPED,
            RetakeRefusal.PASSED,
            id="passed later",
        ),
        pytest.param([result("theory", "2026-11-24", "absent")], SHIPPED, RetakeRefusal.ABSENT, id="absent"),
        pytest.param(
            [result("theory", "2026-11-24", "violation")], SHIPPED, RetakeRefusal.ABSENT, id="broke the rules"
        ),
        pytest.param(
            [FAILED, result("theory", "2027-01-01", "absent")], SHIPPED, None, id="absent after failing"
        ),
        pytest.param(
            [result("theory", "2026-11-24", "absent")],
            RetakePolicy(absent_may_retake=True),
            None,
            id="absent where that is allowed",
        ),
    ],
)
def test_who_failed_may_retake(
    results: list[PaperResult], policy: RetakePolicy, reason: RetakeRefusal | None
) -> None:
    verdict = may_retake("theory", results, exam_on=date(2027, 3, 1), policy=policy)
    assert (verdict.allowed, verdict.reason) == (reason is None, reason)


def test_an_appeal_that_passes_closes_the_make_up() -> None:
    before = may_retake("theory", [FAILED], exam_on=date(2027, 3, 1), policy=SHIPPED)
    turned = result("theory", "2026-11-24", "passed", "2026-12-01")
    after = may_retake("theory", [turned], exam_on=date(2027, 3, 1), policy=SHIPPED)
    assert (before.allowed, after.allowed) == (True, False)


def test_a_pass_that_is_too_old_has_to_be_won_again() -> None:
    old = result("theory", "2024-11-24", "passed")
    assert not may_retake("theory", [old], exam_on=date(2026, 11, 24), policy=SHIPPED).allowed
    assert may_retake("theory", [old], exam_on=date(2026, 11, 25), policy=SHIPPED) == RetakeVerdict(True)


@pytest.mark.parametrize(
    ("results", "on", "expected"),
    [
        pytest.param([], "2026-12-01", None, id="nothing yet"),
        pytest.param(
            [("theory", "2026-11-24", "passed")], "2026-12-01", Overall.ONE_PASSED, id="the other to come"
        ),
        pytest.param(
            [("theory", "2026-11-24", "passed"), ("skills", "2026-11-24", "passed")],
            "2026-12-01",
            Overall.QUALIFIED,
            id="both passed",
        ),
        pytest.param(
            [("theory", "2026-11-24", "passed"), ("skills", "2026-11-24", "failed")],
            "2028-11-24",
            Overall.ONE_PASSED,
            id="on the last day of the window",
        ),
        pytest.param(
            [("theory", "2026-11-24", "passed"), ("skills", "2026-11-24", "failed")],
            "2028-11-25",
            Overall.WINDOW_OVER,
            id="after the window",
        ),
        pytest.param(
            [("theory", "2026-11-24", "failed"), ("skills", "2026-11-24", "failed")],
            "2026-12-01",
            Overall.NOT_QUALIFIED,
            id="both failed",
        ),
        pytest.param(
            [("theory", "2026-11-24", "failed"), ("skills", "2026-11-24", "failed")],
            "2028-11-25",
            Overall.WINDOW_OVER,
            id="both failed long ago",
        ),
        pytest.param(
            [("theory", "2024-01-10", "failed"), ("skills", "2026-11-24", "failed")],
            "2026-12-01",
            Overall.WINDOW_OVER,
            id="one of two failed long ago",
        ),
        pytest.param(
            [("theory", "2024-01-10", "passed"), ("skills", "2026-06-01", "failed")],
            "2026-12-01",
            Overall.WINDOW_OVER,
            id="the pass grew old before the other paper was won",
        ),
        pytest.param(
            [("theory", "2026-11-24", "absent"), ("skills", "2026-11-24", "failed")],
            "2026-12-01",
            Overall.NOT_QUALIFIED,
            id="none passed, one failed",
        ),
        pytest.param(
            [("theory", "2026-11-24", "passed"), ("skills", "2026-11-24", "absent")],
            "2026-12-01",
            Overall.NOT_QUALIFIED,
            id="absent: nothing to retake",
        ),
        pytest.param(
            [("theory", "2026-11-24", "passed"), ("skills", "2028-11-24", "passed")],
            "2030-01-01",
            Overall.QUALIFIED,
            id="two passes within two years stay a qualification",
        ),
        pytest.param(
            [("theory", "2026-11-24", "passed"), ("skills", "2028-11-25", "passed")],
            "2028-12-01",
            Overall.WINDOW_OVER,
            id="two passes a day too far apart",
        ),
        pytest.param(
            [
                ("theory", "2024-01-10", "passed"),
                ("skills", "2026-06-01", "failed"),
                ("theory", "2026-06-01", "passed"),
                ("skills", "2026-12-01", "passed"),
            ],
            "2026-12-10",
            Overall.QUALIFIED,
            id="both retaken after the first pass grew old",
        ),
    ],
)
def test_both_papers_within_one_window_qualify(
    results: list[tuple[str, str, str]], on: str, expected: Overall | None
) -> None:
    known = [result(*one) for one in results]
    assert overall(PAPERS, known, on=date.fromisoformat(on), policy=SHIPPED) is expected


RIGHT = RetakeVerdict(True, date(2028, 11, 19))
WON = RetakeVerdict(False, date(2028, 11, 20), RetakeRefusal.PASSED)
AWAY = RetakeVerdict(False, reason=RetakeRefusal.ABSENT)
OVER = RetakeVerdict(False, date(2026, 1, 1), RetakeRefusal.WINDOW_OVER)
NONE = RetakeVerdict(False, reason=RetakeRefusal.NO_RESULT)
LAPSED = RetakeVerdict(True)


@pytest.mark.parametrize(
    ("papers", "theory", "skills", "retake", "expected"),
    [
        pytest.param("theory skills", None, None, False, None, id="nobody knows them"),
        pytest.param("theory", None, None, True, None, id="a retake of which nothing is known"),
        pytest.param("theory", RIGHT, WON, True, None, id="the failed paper alone"),
        pytest.param("theory skills", RIGHT, WON, True, ("passed", "skills"), id="the passed one with it"),
        pytest.param(
            "theory skills", RIGHT, WON, False, ("retake_instead", "theory"), id="both for the first time"
        ),
        pytest.param("skills", RIGHT, NONE, False, ("retake_instead", "theory"), id="the other paper first"),
        pytest.param("theory", AWAY, None, True, ("absent", "theory"), id="who was absent"),
        pytest.param("theory", AWAY, None, False, None, id="who was absent takes it anew"),
        pytest.param("theory", OVER, None, True, ("window_over", "theory"), id="too late"),
        pytest.param("theory skills", OVER, NONE, False, None, id="too late, anew"),
        pytest.param("theory", NONE, WON, True, None, id="a paper without a result"),
        pytest.param("theory skills", LAPSED, NONE, False, None, id="a pass that is too old"),
        pytest.param("theory skills", WON, WON, False, ("passed", "theory"), id="both passed"),
    ],
)
def test_who_applies_for_a_paper_has_a_right_to_it(
    papers: str,
    theory: RetakeVerdict | None,
    skills: RetakeVerdict | None,
    retake: bool,
    expected: tuple[str, str] | None,
) -> None:
    known = {name: one for name, one in (("theory", theory), ("skills", skills)) if one is not None}
    found = check_application(papers.split(), known, retake=retake)
    assert (found and (found.reason.value, found.paper)) == expected
    if found is not None:
        assert found.last_on == known[found.paper].last_on
