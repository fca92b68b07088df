"""Releases, corrections of them and rulings on late answers as requests to a second person.

Source: R-29, R-62.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator
from datetime import datetime
from decimal import Decimal

import flask
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.accounts.approvals.requests import ApprovalKind, Line, Result, Second, Wanted
from cbt.accounts.approvals.requests import ApprovalWish as Request
from cbt.accounts.models import Approval
from cbt.blueprints.reasons import REASON
from cbt.http.auth.login import Principal
from cbt.results import late_answers as late_service
from cbt.results import service
from cbt.results.late_answers import LatePage
from cbt.results.sheet.sitting import SittingSheet
from cbt.rules.canonical import canonical_json
from cbt.rules.retake import PaperOutcome
from cbt.scoring.late_answers import APPROVED

OUTCOMES = (PaperOutcome.PASSED, PaperOutcome.FAILED, PaperOutcome.ABSENT, PaperOutcome.VIOLATION)
MOST_NAMED = 12


def release_request(
    sheet: SittingSheet, *, reason: str | None, held: Collection[str] = frozenset()
) -> Request:
    """Return the request to release a sitting, or with a `reason` to correct what was released.

    `held` are the registrations whose results are held.
    """
    correcting = reason is not None
    return Request(
        kind="release",
        act="correct" if correcting else "release",
        subject=f"sitting:{sheet.sitting.ref}",
        place=sheet.sitting.name,
        params=canonical_json({"reason": reason or ""}),
        preview=tuple(_corrected(sheet, reason or "") if correcting else _released(sheet, held)),
    )


def _released(sheet: SittingSheet, held: Collection[str]) -> Iterator[Line]:
    waiting = [line for line in sheet.lines if line.unreleased]
    free = [line for line in waiting if line.row.registration.ref not in held]
    counts = Counter(line.decided.outcome for line in free if line.decided is not None)
    for outcome in OUTCOMES:
        yield (f"results.outcome.{outcome.value}", "count", str(counts[outcome]))
    if len(free) < len(waiting):
        yield ("approval.line.held", "count", str(len(waiting) - len(free)))


def _corrected(sheet: SittingSheet, reason: str) -> Iterator[Line]:
    yield ("approval.line.people", "count", str(len(sheet.corrected)))
    for line in sheet.corrected[:MOST_NAMED]:
        shown, decided = line.shown, line.decided
        if shown is not None and decided is not None:
            change = f"{_points(shown.score)} → {_points(decided.score)}"
            yield ("approval.line.score", "text", f"{line.row.candidate.name} {change}")
    yield ("approval.line.reason", "text", reason)


def _points(score: Decimal | None) -> str:
    return "—" if score is None else str(score)


def late_request(late: LatePage, wish: late_service.RulingWish) -> Request:
    """Return the request for a ruling on the late answers of one room."""
    room = next((one for one in late.rooms if one.room.ref == wish.room_ref), None)
    cases = [one for one in room.cases if one.attempt.ref in wish.attempt_refs] if room else []
    names = "、".join(f"{one.seat_number:02d} {one.name}" for one in cases[:MOST_NAMED])
    fields = {
        "room": wish.room_ref,
        "attempts": sorted(wish.attempt_refs),
        "seen": wish.seen,
        "verdict": wish.verdict,
        "fault": wish.fault,
        "reason": wish.reason,
    }
    scores = "、".join(f"{one.name} {one.before.score} → {one.after.score}" for one in cases[:MOST_NAMED])
    lines: list[Line] = [("approval.line.verdict", "word", f"late.past.{wish.verdict}")]
    lines += [("approval.line.people", "count", str(len(cases))), ("approval.line.whom", "text", names)]
    lines += [("approval.line.score", "text", scores)] if wish.verdict == APPROVED else []
    lines += [
        ("approval.line.cause", "word", REASON + wish.fault),
        ("approval.line.reason", "text", wish.reason.strip()),
    ]
    return Request(
        kind="late",
        act="late",
        subject=f"sitting:{late.sitting.ref}",
        place=f"{late.sitting.name} · {room.name}" if room else late.sitting.name,
        params=canonical_json(fields),
        preview=tuple(lines),
    )


def _wanted(_session: Session, approval: Approval) -> Wanted:
    return Wanted(frozenset(approval.roles.split(",")))


def _ref(approval: Approval) -> str:
    return approval.subject.removeprefix("sitting:")


def _release(approval: Approval, first: Principal, second: Second, now: datetime) -> None:
    if approval.act == "release":
        service.release(_ref(approval), first=first, second=second, now=now)
    else:
        reason = json.loads(approval.params)["reason"]
        service.correct(_ref(approval), first=first, second=second, reason=reason, now=now)


def _said_release(approval: Approval, result: Result) -> str:
    if approval.act == "release":
        return str(_("results.released"))
    return str(_("results.corrected", count=result["count"]))


def _rule(approval: Approval, first: Principal, second: Second, now: datetime) -> None:
    fields = json.loads(approval.params)
    wish = late_service.RulingWish(
        room_ref=fields["room"],
        attempt_refs=frozenset(fields["attempts"]),
        seen=fields["seen"],
        verdict=fields["verdict"],
        fault=fields["fault"],
        reason=fields["reason"],
    )
    late_service.rule_late(_ref(approval), wish, first=first, second=second, now=now)


def _said_late(_approval: Approval, result: Result) -> str:
    if result["verdict"] == APPROVED:
        return str(_("late.approved", count=result["count"], changed=result["changed"]))
    return str(_("late.rejected", count=result["count"]))


RELEASES = ApprovalKind(
    "release",
    _wanted,
    _release,
    _said_release,
    lambda approval: flask.url_for("results.sheet", sitting_ref=_ref(approval)),
)
LATE_RULINGS = ApprovalKind(
    "late",
    _wanted,
    _rule,
    _said_late,
    lambda approval: flask.url_for("late.page", sitting_ref=_ref(approval)),
)
