"""What is done to many fees at once, as jobs: they arise, are paid of what is free, are cancelled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _

from cbt.enrolment.fees.accounts import FeeBooking, match_credit
from cbt.enrolment.fees.charges import cancel_lines, charge_missing
from cbt.http.i18n import local_day
from cbt.jobs.registry import JobKind, JobResult, Work
from cbt.rules.enrolment.fees import yuan
from cbt.rules.roles import Role

OFFICERS = frozenset({Role.OFFICER})


def _booking(work: Work) -> FeeBooking:
    return FeeBooking(work.actor, work.now, local_day(work.now))


def _charge(work: Work) -> JobResult:
    return JobResult({"count": charge_missing(_booking(work), work=work)})


def _charged(outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(_("enrolment.fees.charged_now", count=outcome["count"])), "ok")]


CHARGE = JobKind("fees.charge", OFFICERS, _charge, is_shared=True, said=_charged)


def _match(work: Work) -> JobResult:
    return JobResult({"fen": match_credit(work.asked["unit"], _booking(work), work=work)})


def _matched(outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(_("enrolment.fees.matched_now", amount=yuan(outcome["fen"]))), "ok")]


MATCH = JobKind("fees.match", OFFICERS, _match, is_shared=True, said=_matched)


def _cancel(work: Work) -> JobResult:
    asked = work.asked
    cause, reason = asked["cause"], asked["reason"]
    count = cancel_lines(
        asked["unit"], asked["lines"], cause=cause, reason=reason, booking=_booking(work), work=work
    )
    return JobResult({"count": count})


def _cancelled(outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(_("enrolment.fees.cancelled_now", count=outcome["count"])), "ok")]


CANCEL_FEES = JobKind("fees.cancel", OFFICERS, _cancel, is_shared=True, said=_cancelled)
