"""The retake ledger: who may register for what, to the day."""

from __future__ import annotations

from datetime import date

import pytest

from cbt.results.retake_ledger import (
    RetakeCheck,
    RetakeFinding,
    check_registration,
    counting,
    pass_counts_until,
)
from cbt.rules.exam import RetakePolicy
from cbt.rules.retake import Overall, PaperOutcome, PaperResult, overall

POLICY = RetakePolicy()
FAILED, PASSED, ABSENT = PaperOutcome.FAILED, PaperOutcome.PASSED, PaperOutcome.ABSENT


def result(
    outcome: PaperOutcome, exam_on: str, released_on: str | None = None, paper: str = "skills"
) -> PaperResult:
    day = date.fromisoformat(exam_on)
    return PaperResult(paper, day, date.fromisoformat(released_on) if released_on else day, outcome)


@pytest.mark.parametrize(
    ("before", "retake", "exam_on", "expected"),
    [
        pytest.param([], False, "2026-06-01", None, id="a first exam"),
        pytest.param([], True, "2026-06-01", RetakeCheck(RetakeFinding.NO_RESULT), id="a retake of nothing"),
        pytest.param([result(FAILED, "2026-06-01")], True, "2028-06-01", None, id="the last day"),
        pytest.param(
            [result(FAILED, "2026-06-01")],
            True,
            "2028-06-02",
            RetakeCheck(RetakeFinding.WINDOW_OVER, date(2028, 6, 1)),
            id="a day late",
        ),
        pytest.param(
            [result(FAILED, "2026-06-01", "2026-06-10")], True, "2028-06-10", None, id="from the release"
        ),
        pytest.param(
            [result(FAILED, "2028-02-29")],
            True,
            "2030-03-01",
            RetakeCheck(RetakeFinding.WINDOW_OVER, date(2030, 2, 28)),
            id="29 February ends on the 28th",
        ),
        pytest.param(
            [result(FAILED, "2026-06-01"), result(FAILED, "2027-06-01")],
            True,
            "2028-06-02",
            RetakeCheck(RetakeFinding.WINDOW_OVER, date(2028, 6, 1)),
            id="the first result opens the window, not the second",
        ),
        pytest.param(
            [result(ABSENT, "2026-06-01")],
            True,
            "2026-09-01",
            RetakeCheck(RetakeFinding.ABSENT),
            id="gave up",
        ),
        pytest.param([result(ABSENT, "2026-06-01")], False, "2026-09-01", None, id="gave up, comes as new"),
        pytest.param(
            [result(PASSED, "2026-06-01")],
            True,
            "2026-09-01",
            RetakeCheck(RetakeFinding.PASSED, date(2028, 6, 1)),
            id="passed",
        ),
        pytest.param(
            [result(PASSED, "2026-06-01")],
            False,
            "2026-09-01",
            RetakeCheck(RetakeFinding.PASSED, date(2028, 6, 1)),
            id="passed, comes as new",
        ),
        pytest.param(
            [result(FAILED, "2026-06-01")],
            False,
            "2026-09-01",
            RetakeCheck(RetakeFinding.IS_RETAKE, date(2028, 6, 1)),
            id="a retake that calls itself new",
        ),
        pytest.param(
            [result(FAILED, "2026-06-01")], False, "2028-09-01", None, id="starts over after the window"
        ),
        pytest.param(
            [result(FAILED, "2026-06-01"), result(FAILED, "2028-09-01")],
            True,
            "2029-01-01",
            None,
            id="has started over, and has a window of that exam",
        ),
        pytest.param(
            [result(FAILED, "2026-06-01", paper="theory")],
            True,
            "2026-09-01",
            RetakeCheck(RetakeFinding.NO_RESULT),
            id="each paper has its own window",
        ),
    ],
)
def test_registering_for_an_exam(
    before: list[PaperResult], retake: bool, exam_on: str, expected: RetakeCheck | None
) -> None:
    day = date.fromisoformat(exam_on)
    assert check_registration("skills", before, retake=retake, exam_on=day, policy=POLICY) == expected


def test_a_rescore_that_passes_closes_the_pending_retake() -> None:
    failed, corrected = result(FAILED, "2026-06-01"), result(PASSED, "2026-06-01")
    booked = {"retake": True, "exam_on": date(2026, 9, 1), "policy": POLICY}
    assert check_registration("skills", [failed], **booked) is None  # type: ignore[arg-type]  # literals of the parametrisation
    found = check_registration("skills", [corrected], **booked)  # type: ignore[arg-type]  # literals of the parametrisation
    assert found == RetakeCheck(RetakeFinding.PASSED, date(2028, 6, 1))


def test_who_starts_over_leaves_a_lapsed_pass_behind() -> None:
    old = [
        result(PASSED, "2026-06-01", paper="theory"),
        result(FAILED, "2026-06-01"),
        result(FAILED, "2028-09-01", paper="theory"),
        result(PASSED, "2028-09-01"),
    ]
    kept = counting(old, policy=POLICY)
    assert {(one.paper, one.exam_on.year) for one in kept} == {("theory", 2028), ("skills", 2028)}
    found = overall(["theory", "skills"], kept, on=date(2028, 9, 2), policy=POLICY)
    assert found is Overall.ONE_PASSED


def test_the_order_of_the_rows_does_not_matter() -> None:
    rows = [result(FAILED, "2026-06-01"), result(FAILED, "2027-06-01"), result(FAILED, "2028-09-01")]
    assert counting(rows, policy=POLICY) == counting(rows[::-1], policy=POLICY)


@pytest.mark.parametrize(
    ("window_from", "until"),
    [
        pytest.param("release", date(2028, 6, 20), id="from the release"),
        pytest.param("exam", date(2028, 6, 1), id="from the exam"),
    ],
)
def test_until_when_a_pass_counts(window_from: str, until: date) -> None:
    policy = RetakePolicy(window_from=window_from)  # type: ignore[arg-type]  # literals of the parametrisation
    rows = [result(PASSED, "2026-06-01", "2026-06-20")]
    assert pass_counts_until("skills", rows, policy=policy) == until
    assert pass_counts_until("theory", rows, policy=policy) is None
