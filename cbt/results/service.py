"""Use cases of the office: score sheets, release, correction, export, retakes; what of these takes two people."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import flask
from flask_babel import gettext as _
from sqlalchemy import update
from sqlalchemy.orm import Session

from cbt.accounts.approvals.requests import (
    ApprovalKind,
    Line,
    Second,
    SecondPersonTerms,
    claim,
    countersigned,
    put_result,
)
from cbt.accounts.approvals.requests import ApprovalWish as Request
from cbt.accounts.approvals.requests import Result as RequestsResult
from cbt.accounts.models import Approval
from cbt.audit import chain, flood_limit
from cbt.blueprints.reasons import REASON
from cbt.candidates.models import Registration
from cbt.errors import Conflict, InvalidInput
from cbt.http.auth.login import Principal
from cbt.http.i18n import local_day
from cbt.results import late_answers as late_service
from cbt.results import retake_ledger as retake_store
from cbt.results import store
from cbt.results.late_answers import LatePage
from cbt.results.models import Publication, Release, Result
from cbt.results.publicity.publication import publicity_of, require_complete, require_shown
from cbt.results.publicity.store import objected, open_objections, publications_of
from cbt.results.retake_ledger import Ledger
from cbt.results.rulings import unruled_among, unruled_refs
from cbt.results.sheet.outcome import Decision
from cbt.results.sheet.page import (
    LinesFilter,
    ReleasePage,
    SheetPage,
    SheetRooms,
    release_page,
    room_sheet,
    sheet_page,
    sheet_rooms,
    whole_sheet,
)
from cbt.results.sheet.sitting import SheetLine, SittingSheet, lines_of, sheet_of
from cbt.results.store import SittingLine, release_of, rows_of_sitting, violations_elsewhere
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.retake import PaperOutcome
from cbt.rules.roles import Role
from cbt.scoring.late_answers import APPROVED
from cbt.sittings.models import Batch, Sitting
from cbt.sittings.room_clock import release_sitting, score_room
from cbt.sittings.store import batches, hold_sitting, require_official, second_by_password, sitting_by_ref
from cbt.storage.unit_of_work import pieces_of, reading, unit_of_work


@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """What a release would put on record: worked out on a snapshot, approved by a second person, stored in pieces.

    `held` is how many results are left out because somebody objects to them, or they wait for a ruling.
    """

    sitting: Sitting
    first: bool
    lines: Sequence[SheetLine]
    held: int

    @property
    def outcomes(self) -> Mapping[str, int]:
        """How many results there are of each outcome."""
        return Counter(line.decided.outcome.value for line in self.lines if line.decided is not None)


def plan_release(session: Session, sheet: SittingSheet, *, now: datetime) -> ReleasePlan:
    """Return what the release of a sitting is about: one result for everybody examined or absent.

    A result that somebody objects to is left out. Once it is decided, a later release takes what was held.

    Raise Conflict("sitting.not_official") for a trial or practice, ("results.released_already") when nothing is
    left, ("publicity.due"|"publicity.open") before results were shown long enough, ("results.all_held") while
    everything is held, and like `require_complete`.

    Source: R-60, R-62, R-90.
    """
    require_official(sheet.sitting)
    first = sheet.release is None
    waiting = {line.row.registration.ref: line for line in sheet.lines if line.unreleased}
    if not first and not waiting:
        raise Conflict("results.released_already", name=sheet.sitting.name)
    if first:
        require_complete(sheet)
    publicity = publicity_of(session, sheet.sitting.id, on=local_day(now))
    publicity.require_over()
    releasable = publicity.held_from(waiting)
    if not releasable.results:
        raise Conflict("results.all_held", people=len(releasable.held))
    return ReleasePlan(
        sheet.sitting, first, [waiting[ref] for ref in releasable.results], len(releasable.held)
    )


def begin_release(session: Session, plan: ReleasePlan, *, now: datetime, actor: str, second: str) -> int:
    """Put a release on record, and at the first one of a sitting move its rooms on; return the release's id.

    Raise Conflict("results.released_already") where somebody was quicker, and ("publicity.due"|"publicity.open").

    Source: R-60, R-62, R-90.
    """
    sitting = hold_sitting(session, plan.sitting.id)
    row = release_of(session, sitting.id)
    if (row is None) != plan.first:
        raise Conflict("results.released_already", name=sitting.name)
    require_shown(session, sitting.id, on=local_day(now))
    if row is None:
        release_sitting(session, sitting, now=now, actor=actor)
        row = Release(sitting_id=sitting.id, released_at=now, by=actor, second=second)
        session.add(row)
        session.flush()
    chain.record(
        session,
        at=now,
        actor=actor,
        act="results.release",
        subject=f"sitting:{sitting.ref}",
        after={"second": second, "outcomes": dict(plan.outcomes)}
        | ({"held": plan.held} if plan.held else {}),
    )
    return row.id


def store_results(
    session: Session, plan: ReleasePlan, lines: Sequence[SheetLine], release_id: int, *, now: datetime
) -> int:
    """Store some results of a release; return how many were: what is not as it was approved any more is left out.

    Source: R-60, R-90.
    """
    ids = [line.row.registration.id for line in lines]
    rows = rows_of_sitting(session, plan.sitting.id, Registration.id.in_(ids))
    elsewhere = violations_elsewhere(session, plan.sitting.id, Registration.id.in_(ids))
    there = {
        line.row.registration.id: line
        for _, some in lines_of(session, plan.sitting, rows, elsewhere)
        for line in some
    }
    held = objected(session, ids) | unruled_among(session, ids)
    stored = [
        _result(release_id, line, line.decided, None if plan.first else now)
        for line in lines
        if line.decided is not None and _as_approved(line, there.get(line.row.registration.id), held)
    ]
    session.add_all(stored)
    return len(stored)


def _as_approved(line: SheetLine, there: SheetLine | None, held: Collection[int]) -> bool:
    """Return whether the result of a line may still be released as it was approved."""
    if there is None or not there.unreleased or line.row.registration.id in held:
        return False
    return there.decided == line.decided and _score_id(there) == _score_id(line)


def note_left_out(session: Session, plan: ReleasePlan, left: int, *, now: datetime, actor: str) -> None:
    """Put on record that some results changed while others were released; a later release takes them."""
    chain.record(
        session,
        at=now,
        actor=actor,
        act="results.release_left",
        subject=f"sitting:{plan.sitting.ref}",
        after={"people": left},
    )


def correct_lines(
    session: Session, lines: Sequence[SheetLine], *, now: datetime, actor: str, second: str, reason: str
) -> int:
    """Put what the evidence says now in the place of what was released, one audit line per person.

    Return how many were: where somebody else was faster nothing is done. The first release keeps its date, so a
    retake window does not move.

    Source: R-4, R-54, R-62, R-63.
    """
    corrected = 0
    for line in lines:
        result, decision = line.row.result, line.decided
        if result is None or decision is None:
            continue
        before = _plain(line.shown)
        changed = session.scalar(
            update(Result)
            .where(
                Result.id == result.id,
                Result.outcome == result.outcome,
                Result.score_id.is_not_distinct_from(result.score_id),
            )
            .values(outcome=decision.outcome.value, score=decision.score, score_id=_score_id(line))
            .returning(Result.id)
            .execution_options(synchronize_session=False)
        )
        if changed is None:
            continue
        corrected += 1
        chain.record(
            session,
            at=now,
            actor=actor,
            act="results.correct",
            subject=f"registration:{line.row.registration.ref}",
            reason=reason,
            before=before,
            after={**_plain(decision), "second": second},
        )
    return corrected


def _result(release_id: int, line: SheetLine, decision: Decision, later: datetime | None) -> Result:
    return Result(
        release_id=release_id,
        registration_id=line.row.registration.id,
        outcome=decision.outcome.value,
        score=decision.score,
        score_id=_score_id(line),
        released_at=later,
    )


def _score_id(line: SheetLine) -> int | None:
    return line.row.score.id if line.row.score is not None else None


def _plain(decision: Decision | None) -> dict[str, object]:
    if decision is None:
        return {}
    return {"outcome": decision.outcome.value, "score": decision.score}


PAGE = 30
RECENT_BATCHES = 12
SECOND_FOR_RELEASE = frozenset({Role.OFFICER, Role.CHIEF_PROCTOR})
"""Whose credential may countersign a release: not a proctor's, who has no part in scores."""


@dataclass(frozen=True, slots=True)
class Overview:
    """One page of the sittings that are over, and the latest batches; `to_correct` are sitting ids."""

    lines: list[SittingLine]
    pages: int
    batches: list[Batch]
    to_correct: set[int]
    shown: dict[int, Publication]
    """What is shown of those that are not released, by sitting."""


def overview(*, page: int) -> Overview:
    """Return the sittings that are over, the latest first, `PAGE` on a page."""
    with reading() as session:
        lines = store.sitting_lines(session, limit=PAGE, offset=(page - 1) * PAGE)
        pages = -(-store.sitting_count(session) // PAGE)
        recent = [batch for batch, _ in batches(session, limit=RECENT_BATCHES)]
        changed = store.changed_since_release(session, [line.sitting.id for line in lines])
        waiting = [line.sitting.id for line in lines if line.sitting.released_at is None]
        shown = publications_of(session, waiting)
    return Overview(lines, pages, recent, changed, shown)


def sheet_shown(sitting_ref: str, lines_filter: LinesFilter) -> SheetPage:
    """Return a page of the score sheet of a sitting that is over; raise like `sitting_sheet`."""
    with reading() as session:
        return sheet_page(session, store.finished_sitting(session, sitting_ref), lines_filter)


def release_shown(sitting_ref: str, *, rest: bool, on: date) -> ReleasePage:
    """Return what the release of a sitting that is over would be about; raise like `sitting_sheet`."""
    with reading() as session:
        return release_page(session, store.finished_sitting(session, sitting_ref), rest=rest, on=on)


def sitting_sheet(sitting_ref: str) -> SittingSheet:
    """Return the whole score sheet of a sitting that is over.

    Raise NotFound("sitting.unknown"), Conflict("results.not_over").
    """
    with reading() as session:
        return sheet_of(session, store.finished_sitting(session, sitting_ref))


def release_asked(sitting_ref: str) -> tuple[SittingSheet, frozenset[str]]:
    """Return the sheet of a sitting and whose results are held; raise like `sitting_sheet`."""
    with reading() as session:
        sitting = store.finished_sitting(session, sitting_ref)
        return sheet_of(session, sitting), open_objections(session, sitting.id) | unruled_refs(
            session, sitting.id
        )


def sheet_for_paper(sitting_ref: str, *, room: str = "") -> SittingSheet:
    """Return the score sheet of a sitting, or of a room of it, for paper; raise like `sitting_sheet`.

    Raise Conflict("results.print_by_room") for a sitting too large for one file, NotFound("print.nobody").
    """
    with reading() as session:
        return room_sheet(session, sitting_ref, room) if room else whole_sheet(session, sitting_ref)


def rooms_for_paper(sitting_ref: str) -> SheetRooms:
    """Return the rooms whose score sheets may be printed; raise like `sitting_sheet`."""
    with reading() as session:
        return sheet_rooms(session, sitting_ref)


def note_printed(
    session: Session, *, subject: str, now: datetime, actor: str, document: str = "score_sheet"
) -> None:
    """Put on record that somebody had a document of `subject` printed; a repeat is counted."""
    flood_limit.count(session, at=now, actor=actor, act=f"print.{document}", subject=subject)


def release(sitting_ref: str, *, first: Principal, second: Second | None, now: datetime) -> int:
    """Release the results of a sitting with a second person; return how many were.

    What is released is worked out on a snapshot and approved; then it is stored in pieces, each result as it was
    approved or, where something of it changed meanwhile, not at all: a later release takes that.

    Raise SecondNeeded without one, Conflict("approval.changed") when a score or an outcome changed since it was
    approved, or somebody objected, and like `plan_release` and `begin_release`.

    Source: R-60, R-62, R-90.
    """
    actor = first.logged_as
    with reading() as session:
        sheet = sheet_of(session, store.finished_sitting(session, sitting_ref))
        plan = plan_release(session, sheet, now=now)
    countersigned(second, roles=SECOND_FOR_RELEASE, seen=_seen(plan.lines))

    def approved(session: Session) -> None:
        claim(session, second, now=now)
        put_result(session, second, {})

    return carry_out(plan, now=now, actor=actor, second=_actor(second), beside=approved)


def carry_out(
    plan: ReleasePlan,
    *,
    now: datetime,
    actor: str,
    second: str,
    beside: Callable[[Session], None] = lambda _session: None,
) -> int:
    """Store a release that was approved, with what `beside` writes when it begins; return how many results.

    Raise like `begin_release`.

    Source: R-60, R-90.
    """
    _note_scored(plan, now=now, actor=actor)
    with unit_of_work() as session:
        beside(session)
        release_id = begin_release(session, plan, now=now, actor=actor, second=second)
    released = 0
    for piece in pieces_of(plan.lines):
        with unit_of_work() as session:
            released += store_results(session, plan, piece, release_id, now=now)
    if released < len(plan.lines):
        with unit_of_work() as session:
            note_left_out(session, plan, len(plan.lines) - released, now=now, actor=actor)
    return released


def _note_scored(plan: ReleasePlan, *, now: datetime, actor: str) -> None:
    """Note of the rooms of a sitting whose scores are complete that they are scored, some at a time."""
    with reading() as session:
        rooms = store.ended_rooms(session, plan.sitting.id)
    for piece in pieces_of([room.id for room in rooms]):
        with unit_of_work() as session:
            for room in store.ended_rooms(session, plan.sitting.id):
                if room.id in piece:
                    score_room(session, room, now=now, actor=actor)


def correct(sitting_ref: str, *, first: Principal, second: Second | None, reason: str, now: datetime) -> int:
    """Correct what was released where scores or violations changed since; return how many results.

    Raise InvalidInput("results.reason") without a reason, Conflict("results.no_change") when there is nothing to
    correct, or somebody else was faster, else like `release`.

    Source: R-54, R-62.
    """
    reason = reason.strip()
    if not reason:
        raise InvalidInput("results.reason", field="reason")
    with reading() as session:
        sheet = sheet_of(session, store.finished_sitting(session, sitting_ref))
    lines, name = sheet.corrected, sheet.sitting.name
    if not lines:
        raise Conflict("results.no_change", name=name)
    countersigned(second, roles=SECOND_FOR_RELEASE, seen=_seen(lines))
    actor, by = first.logged_as, _actor(second)
    corrected = 0
    for piece in pieces_of(lines):
        with unit_of_work() as session:
            if not corrected:
                claim(session, second, now=now)
                put_result(session, second, {"count": len(lines)})
            done = correct_lines(session, piece, now=now, actor=actor, second=by, reason=reason)
            if not corrected and done < len(piece):
                raise Conflict("results.no_change", name=name)
            corrected += done
    return corrected


def _actor(second: Second | None) -> str:
    return "" if second is None else f"staff:{second.ref}"


def _seen(lines: Sequence[SheetLine]) -> str:
    """Return the digest of what a release would put on record: whose result, which outcome, which score."""
    rows = [
        [line.row.registration.ref, line.decided and [line.decided.outcome.value, line.decided.score]]
        for line in lines
    ]
    return digest(canonical_json(rows))


def password_allowed(sitting_ref: str) -> bool:
    """Return whether the centre of a sitting lets a second person type their password here (R-62)."""
    with reading() as session:
        return second_by_password(session, sitting_by_ref(session, sitting_ref).id)


def for_export(sitting_ref: str) -> tuple[SittingSheet, Ledger]:
    """Return the score sheet and the ledger of its people, read on one snapshot; raise like `finished_sitting`."""
    with reading() as session:
        sheet = sheet_of(session, store.finished_sitting(session, sitting_ref))
        return sheet, retake_store.ledger_of(session, [line.row.candidate.id for line in sheet.lines])


def record_export(session: Session, sheet: SittingSheet, *, now: datetime, actor: str) -> None:
    """Put on record that somebody had the score sheet as a file."""
    chain.record(
        session,
        at=now,
        actor=actor,
        act="results.export",
        subject=f"sitting:{sheet.sitting.ref}",
        after={"people": len(sheet.lines), "released": sheet.release is not None},
    )


# Releases, corrections of them and rulings on late answers as requests to a second person.
#
# Source.

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


def _wanted(_session: Session, approval: Approval) -> SecondPersonTerms:
    return SecondPersonTerms(frozenset(approval.roles.split(",")))


def _ref(approval: Approval) -> str:
    return approval.subject.removeprefix("sitting:")


def _release(approval: Approval, first: Principal, second: Second, now: datetime) -> None:
    if approval.act == "release":
        release(_ref(approval), first=first, second=second, now=now)
    else:
        reason = json.loads(approval.params)["reason"]
        correct(_ref(approval), first=first, second=second, reason=reason, now=now)


def _said_release(approval: Approval, result: RequestsResult) -> str:
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


def _said_late(_approval: Approval, result: RequestsResult) -> str:
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
