"""Background work of the marking desk: answers brought into the queues, papers scored at its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _

from cbt.jobs.registry import JobKind, JobResult, Work
from cbt.rules.roles import Role
from cbt.scoring.marking.desk import end_desk, open_desk


def _open(work: Work) -> JobResult:
    return JobResult({"count": open_desk(work.asked["sitting"], now=work.now, actor=work.actor, work=work)})


def _end(work: Work) -> JobResult:
    return JobResult({"count": end_desk(work.asked["sitting"], now=work.now, actor=work.actor, work=work)})


def _opened(outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(_("marking.opened", count=outcome["count"])), "ok")]


def _ended(outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(_("marking.ended", count=outcome["count"])), "ok")]


OPEN_DESK = JobKind("marking.open", frozenset({Role.OFFICER}), _open, is_shared=True, said=_opened)
END_DESK = JobKind(
    "marking.end", frozenset({Role.OFFICER}), _end, is_shared=True, can_cancel=False, said=_ended
)
"""Papers are scored to the last one: an end is not cancelled between two of them."""
