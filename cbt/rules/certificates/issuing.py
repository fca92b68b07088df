"""Who gets a certificate, and what still stands in its way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from cbt.rules.exam.policies import RetakePolicy
from cbt.rules.retake import Overall, PaperResult, overall


class IssueObstacle(StrEnum):
    """Why there is no certificate yet: 未合格, 已过补考期, 公示未满, 异议未结, 违纪未裁决, 复核未结, 已发证."""

    NOT_QUALIFIED = "not_qualified"
    WINDOW_OVER = "window_over"
    PUBLICITY = "publicity"
    OBJECTION = "objection"
    RULING = "ruling"
    APPEAL = "appeal"
    ISSUED = "issued"


@dataclass(frozen=True, slots=True)
class OpenMatters:
    """What is not decided about a candidate's results of a level, and whether they have a certificate of it."""

    publicity_over: bool
    objections: int = 0
    rulings: int = 0
    appeals: int = 0
    issued: bool = False


def issue_obstacles(
    papers: Sequence[str],
    results: Iterable[PaperResult],
    matters: OpenMatters,
    *,
    on: date,
    policy: RetakePolicy,
) -> tuple[IssueObstacle, ...]:
    """Return everything that keeps a certificate from being issued on a day; nothing where it can be.

    All papers have to be passed within one window, as `overall` of the retakes says.

    Source: R-4, R-93.
    """
    verdict = overall(papers, results, on=on, policy=policy)
    found = {
        IssueObstacle.NOT_QUALIFIED: verdict not in (Overall.QUALIFIED, Overall.WINDOW_OVER),
        IssueObstacle.WINDOW_OVER: verdict is Overall.WINDOW_OVER,
        IssueObstacle.PUBLICITY: not matters.publicity_over,
        IssueObstacle.OBJECTION: matters.objections > 0,
        IssueObstacle.RULING: matters.rulings > 0,
        IssueObstacle.APPEAL: matters.appeals > 0,
        IssueObstacle.ISSUED: matters.issued,
    }
    return tuple(obstacle for obstacle, stands in found.items() if stands)
