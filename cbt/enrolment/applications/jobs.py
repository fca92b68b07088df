"""What is decided about an application and its people, as jobs: every condition is looked at, every fee arises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _

from cbt.enrolment.applications.application import ApplicantVerdict, Applying, decide, take_step
from cbt.http.i18n import local_day
from cbt.jobs.registry import JobKind, JobResult, Work
from cbt.rules.roles import Role
from cbt.rules.states import ApplicationEvent

OFFICERS = frozenset({Role.OFFICER})


def _by(work: Work) -> Applying:
    return Applying(work.actor, work.now, local_day(work.now), unit_id=None)


def _decide(work: Work) -> JobResult:
    asked = work.asked
    verdict = ApplicantVerdict(**asked["verdict"])
    count = decide(asked["application"], asked["people"], verdict, _by(work), work=work)
    return JobResult({"count": count})


def _decided(outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(_("enrolment.decided", count=outcome["count"])), "ok")]


DECIDE = JobKind("application.decide", OFFICERS, _decide, is_shared=True, said=_decided)


def _take_step(work: Work) -> JobResult:
    asked = work.asked
    event = ApplicationEvent(asked["event"])
    take_step(asked["application"], event, words=asked["words"], by=_by(work), work=work)
    return JobResult({"event": event.value})


def _taken(outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(_(f"enrolment.done.{outcome['event']}")), "ok")]


TAKE_STEP = JobKind("application.step", OFFICERS, _take_step, is_shared=True, said=_taken)
