"""Use cases of the office: score sheets, release, correction, export, and who may retake what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from cbt.accounts.approvals.requests import Second, claim, countersigned, put_result
from cbt.audit import chain, flood_limit
from cbt.errors import Conflict, InvalidInput
from cbt.http.auth.login import Principal
from cbt.results import release as steps
from cbt.results import retake_ledger as retake_store
from cbt.results import store
from cbt.results.models import Publication
from cbt.results.publicity.store import open_objections, publications_of
from cbt.results.retake_ledger import Ledger
from cbt.results.rulings import unruled_refs
from cbt.results.sheet.page import (
    LinesAsked,
    ReleasePage,
    SheetPage,
    SheetRooms,
    release_page,
    room_sheet,
    sheet_page,
    sheet_rooms,
    whole_sheet,
)
from cbt.results.sheet.sitting import SheetLine, SittingSheet, sheet_of
from cbt.results.store import SittingLine
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.roles import Role
from cbt.sittings.models import Batch
from cbt.sittings.room_state import score_room
from cbt.sittings.store import batches, second_by_password, sitting_by_ref
from cbt.storage.unit_of_work import pieces_of, reading, unit_of_work

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


def sheet_shown(sitting_ref: str, asked: LinesAsked) -> SheetPage:
    """Return a page of the score sheet of a sitting that is over; raise like `sitting_sheet`."""
    with reading() as session:
        return sheet_page(session, store.finished_sitting(session, sitting_ref), asked)


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


def note_printed(subject: str, *, now: datetime, actor: str, document: str = "score_sheet") -> None:
    """Put on record that somebody had a document of `subject` printed; a repeat is counted."""
    with unit_of_work() as session:
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
        plan = steps.plan_release(session, sheet, now=now)
    countersigned(second, roles=SECOND_FOR_RELEASE, seen=_seen(plan.lines))

    def approved(session: Session) -> None:
        claim(session, second, now=now)
        put_result(session, second, {})

    return carry_out(plan, now=now, actor=actor, second=_actor(second), beside=approved)


def carry_out(
    plan: steps.ReleasePlan,
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
        release_id = steps.begin_release(session, plan, now=now, actor=actor, second=second)
    released = 0
    for piece in pieces_of(plan.lines):
        with unit_of_work() as session:
            released += steps.store_results(session, plan, piece, release_id, now=now)
    if released < len(plan.lines):
        with unit_of_work() as session:
            steps.note_left_out(session, plan, len(plan.lines) - released, now=now, actor=actor)
    return released


def _note_scored(plan: steps.ReleasePlan, *, now: datetime, actor: str) -> None:
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
            done = steps.correct(session, piece, now=now, actor=actor, second=by, reason=reason)
            if not corrected and done < len(piece):
                raise Conflict("results.no_change", name=name)
            corrected += done
    return corrected


def _actor(second: Second | None) -> str:
    return "" if second is None else f"staff:{second.ref}"


def _seen(lines: Sequence[SheetLine]) -> str:
    """Return the digest of what a release would put on record: whose result, which outcome, which score."""
    said = [
        [line.row.registration.ref, line.decided and [line.decided.outcome.value, line.decided.score]]
        for line in lines
    ]
    return digest(canonical_json(said))


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
