"""The retake ledger of one candidate and one level: which released results still count, and for how long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from cbt.rules.exam.policies import RetakePolicy
from cbt.rules.periods import last_day
from cbt.rules.retake import PaperOutcome, PaperResult, RetakeRefusal, may_retake


class RetakeFinding(StrEnum):
    """What is wrong with a registration, given what was released before."""

    PASSED = "passed"
    ABSENT = "absent"
    WINDOW_OVER = "window_over"
    NO_RESULT = "no_result"
    IS_RETAKE = "is_retake"


_REFUSED = {
    RetakeRefusal.PASSED: RetakeFinding.PASSED,
    RetakeRefusal.ABSENT: RetakeFinding.ABSENT,
    RetakeRefusal.WINDOW_OVER: RetakeFinding.WINDOW_OVER,
    RetakeRefusal.NO_RESULT: RetakeFinding.NO_RESULT,
}


@dataclass(frozen=True, slots=True)
class RetakeCheck:
    """A finding with the last day it turns on: of the window, or of the pass that still counts."""

    finding: RetakeFinding
    last_on: date | None = None


def counting(results: Iterable[PaperResult], *, policy: RetakePolicy) -> list[PaperResult]:
    """Return the results that count, by exam date: whoever starts over leaves what lapsed behind.

    A paper taken after its window is a new first result, and so is one taken after its pass lapsed.

    Source: R-4.
    """
    kept: dict[str, list[PaperResult]] = {}
    for result in sorted(results, key=lambda one: (one.exam_on, one.released_on)):
        before = kept.setdefault(result.paper, [])
        if before and _starts_over(before, result, policy):
            before.clear()
        before.append(result)
    return sorted((one for group in kept.values() for one in group), key=lambda one: one.exam_on)


def check_registration(
    paper: str, results: Sequence[PaperResult], *, retake: bool, exam_on: date, policy: RetakePolicy
) -> RetakeCheck | None:
    """Return what is wrong with registering for `paper` in an exam on `exam_on`, or None.

    Whoever starts over (新考 after 缺考 or after the window) may; a passed paper is never taken again while
    its pass counts.

    Source: R-4.
    """
    verdict = may_retake(paper, counting(results, policy=policy), exam_on=exam_on, policy=policy)
    if verdict.reason is RetakeRefusal.PASSED:
        return RetakeCheck(RetakeFinding.PASSED, verdict.last_on)
    if retake:
        return RetakeCheck(_REFUSED[verdict.reason], verdict.last_on) if verdict.reason else None
    within = verdict.allowed and verdict.last_on is not None
    return RetakeCheck(RetakeFinding.IS_RETAKE, verdict.last_on) if within else None


def pass_counts_until(paper: str, results: Iterable[PaperResult], *, policy: RetakePolicy) -> date | None:
    """Return the last day on which the latest pass of a paper can be joined with the other one's.

    Source: R-4.
    """
    passes = [one for one in results if one.paper == paper and one.outcome is PaperOutcome.PASSED]
    if not passes:
        return None
    latest = max(passes, key=lambda one: one.exam_on)
    return last_day(latest.exam_on if policy.window_from == "exam" else latest.released_on, policy.years)


def _starts_over(before: list[PaperResult], result: PaperResult, policy: RetakePolicy) -> bool:
    verdict = may_retake(result.paper, before, exam_on=result.exam_on, policy=policy)
    lapsed_pass = verdict.allowed and verdict.last_on is None
    return lapsed_pass or verdict.reason is RetakeRefusal.WINDOW_OVER
