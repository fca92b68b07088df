"""The draw of a sitting's forms (组卷) as a job: worked out in the background, and gone on with after a crash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext

from cbt.jobs.registry import JobKind, JobResult, Work
from cbt.rules.roles import Role
from cbt.runner.paper.draw import draw_for_sitting


def _draw(work: Work) -> JobResult:
    before = work.so_far.get("forms", 0)
    drawn = draw_for_sitting(work.asked["sitting"], now=work.now, actor=work.actor, work=work, before=before)
    return JobResult({"forms": before + drawn})


def _said(outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    drawn = outcome["forms"]
    sentence = gettext("delivery.draw.done", count=drawn) if drawn else gettext("delivery.draw.nothing")
    return [(str(sentence), "ok" if drawn else "message")]


DRAW = JobKind(
    "sitting.draw_forms", frozenset({Role.OFFICER}), _draw, is_shared=True, is_lasting=True, said=_said
)
