"""补考: who may retake a paper until when, and what the papers of one level amount to together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from cbt.rules.calendar import last_day
from cbt.rules.exam import RetakePolicy


class PaperOutcome(StrEnum):
    """What one paper ended with: 合格, 不合格, 缺考, 违纪, 作废. Source: R-3, R-63."""

    PASSED = "passed"
    FAILED = "failed"
    ABSENT = "absent"
    VIOLATION = "violation"
    VOID = "void"


class Overall(StrEnum):
    """What the papers of a level amount to: 合格, 单科合格（待补考）, 不合格, 已过补考期.

    Source: R-3, R-4.
    """

    QUALIFIED = "qualified"
    ONE_PASSED = "one_passed"
    NOT_QUALIFIED = "not_qualified"
    WINDOW_OVER = "window_over"


class RetakeRefusal(StrEnum):
    """Why a paper cannot be retaken. ABSENT stands for every result that gives no right: 缺考, 违纪, 作废."""

    NO_RESULT = "no_result"
    PASSED = "passed"
    ABSENT = "absent"
    WINDOW_OVER = "window_over"


@dataclass(frozen=True, slots=True)
class PaperResult:
    """One released result of a candidate, as it stands after corrections; dates are the centre's."""

    paper: str
    exam_on: date
    released_on: date
    outcome: PaperOutcome


@dataclass(frozen=True, slots=True)
class RetakeVerdict:
    """Whether a paper may be retaken on a date, the last day of its window, and why not."""

    allowed: bool
    last_on: date | None = None
    reason: RetakeRefusal | None = None


def may_retake(
    paper: str, results: Iterable[PaperResult], *, exam_on: date, policy: RetakePolicy
) -> RetakeVerdict:
    """Return whether a paper may be retaken in an exam on `exam_on`; when one registers does not matter.

    The window opens with the paper's first result. A passed paper cannot be retaken while its pass counts;
    a pass too old to be joined with another one has to be won again. Being absent, breaking the rules or a
    voided result gives no right of its own, but takes away none that an earlier failure gave.

    Source: R-4.
    """
    own = _of_paper(results, paper)
    if not own:
        return RetakeVerdict(False, reason=RetakeRefusal.NO_RESULT)
    passed = _latest_pass(own)
    if passed is not None:
        valid_to = last_day(_counts_from(passed, policy), policy.years)
        if exam_on <= valid_to:
            return RetakeVerdict(False, valid_to, RetakeRefusal.PASSED)
        return RetakeVerdict(True)
    rights = [one for one in own if _gives_right(one, policy)]
    if not rights:
        return RetakeVerdict(False, reason=RetakeRefusal.ABSENT)
    ends_on = last_day(_counts_from(rights[0], policy), policy.years)
    if exam_on > ends_on:
        return RetakeVerdict(False, ends_on, RetakeRefusal.WINDOW_OVER)
    return RetakeVerdict(True, ends_on)


def overall(
    papers: Sequence[str], results: Iterable[PaperResult], *, on: date, policy: RetakePolicy
) -> Overall | None:
    """Return what a candidate's papers amount to on a day, or None before the first result.

    Both passes are needed and must lie within one window of each other. One pass is 单科合格 only while the
    other paper can still be taken.

    Source: R-3, R-4.
    """
    paper_results = [one for one in results if one.paper in papers]
    if not paper_results:
        return None
    passes = [_latest_pass(_of_paper(paper_results, paper)) for paper in papers]
    won = [one for one in passes if one is not None]
    newest = max((one.exam_on for one in won), default=on)
    if len(won) == len(papers) and all(_counts_on(one, newest, policy) for one in won):
        return Overall.QUALIFIED
    pending = [paper for paper, one in zip(papers, passes, strict=True) if one is None]
    verdicts = [may_retake(paper, paper_results, exam_on=on, policy=policy) for paper in pending]
    lapsed = any(not _counts_on(one, max(on, newest), policy) for one in won)
    if lapsed or any(verdict.reason is RetakeRefusal.WINDOW_OVER for verdict in verdicts):
        return Overall.WINDOW_OVER
    to_come = all(verdict.allowed or verdict.reason is RetakeRefusal.NO_RESULT for verdict in verdicts)
    return Overall.ONE_PASSED if won and to_come else Overall.NOT_QUALIFIED


def _of_paper(results: Iterable[PaperResult], paper: str) -> list[PaperResult]:
    return sorted((one for one in results if one.paper == paper), key=lambda one: one.exam_on)


def _latest_pass(results: list[PaperResult]) -> PaperResult | None:
    return next((one for one in reversed(results) if one.outcome is PaperOutcome.PASSED), None)


def _counts_from(result: PaperResult, policy: RetakePolicy) -> date:
    return result.exam_on if policy.window_from == "exam" else result.released_on


def _counts_on(result: PaperResult, day: date, policy: RetakePolicy) -> bool:
    return day <= last_day(_counts_from(result, policy), policy.years)


def _gives_right(result: PaperResult, policy: RetakePolicy) -> bool:
    if result.outcome is PaperOutcome.ABSENT:
        return policy.absent_may_retake
    return result.outcome is PaperOutcome.FAILED


class ApplicationRefusal(StrEnum):
    """Why somebody cannot apply for papers so: 已合格, 没有补考资格, 已过补考期, 应报补考."""

    PASSED = "passed"
    ABSENT = "absent"
    WINDOW_OVER = "window_over"
    RETAKE_INSTEAD = "retake_instead"


@dataclass(frozen=True, slots=True)
class RefusedPaper:
    """The paper that an application is refused for, and the last day of its window or of its pass."""

    reason: ApplicationRefusal
    paper: str
    last_on: date | None


_NOT_APPLIED_FOR = {
    RetakeRefusal.PASSED: ApplicationRefusal.PASSED,
    RetakeRefusal.ABSENT: ApplicationRefusal.ABSENT,
    RetakeRefusal.WINDOW_OVER: ApplicationRefusal.WINDOW_OVER,
}


def check_application(
    papers: Sequence[str], verdicts: Mapping[str, RetakeVerdict], *, retake: bool
) -> RefusedPaper | None:
    """Return why somebody cannot apply for these papers as a retake, or as a first taking, or None.

    `verdicts` are those of the papers of which anything is known. Who has a failed paper within its window retakes
    that paper alone; of a paper without a result an officer decides. A paper that was passed is taken by neither.

    Source: R-4.
    """
    pairs = [(paper, verdicts[paper]) for paper in papers if paper in verdicts]
    if not retake:
        for paper, verdict in verdicts.items():
            if verdict.allowed and verdict.last_on is not None:
                return RefusedPaper(ApplicationRefusal.RETAKE_INSTEAD, paper, verdict.last_on)
        pairs = [one for one in pairs if one[1].reason is RetakeRefusal.PASSED]
    for paper, verdict in pairs:
        if verdict.reason in _NOT_APPLIED_FOR:
            return RefusedPaper(_NOT_APPLIED_FOR[verdict.reason], paper, verdict.last_on)
    return None
