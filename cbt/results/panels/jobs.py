"""The closing of a panel's round as a job: a child works out what the judges recommend.

Source: R-100.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from flask_babel import gettext as _

from cbt.jobs.registry import JobKind, JobResult, Work
from cbt.results.panels.panel import close_round
from cbt.rules.roles import Role


def _close(work: Work) -> JobResult:
    cut = close_round(work.asked["panel"], now=work.now, actor=work.actor)
    return JobResult({"cut": f"{cut.value:.1f}"})


def _said(outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(_("panel.round.closed", cut=outcome["cut"])), "ok")]


CLOSE_ROUND = JobKind(
    "results.close_panel_round",
    frozenset({Role.OFFICER}),
    _close,
    is_shared=True,
    can_cancel=False,
    said=_said,
)
JOBS: Collection[JobKind] = (CLOSE_ROUND,)
