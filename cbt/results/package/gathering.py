"""The members of a package, read from the rows: who came, what they wrote, what it came to, what the log says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from cbt.candidates.models import Registration
from cbt.proctoring.incidents.reports import ToldReport, told_of_room
from cbt.proctoring.models import InspectorComment
from cbt.proctoring.record import store as room_store
from cbt.results.package import rows
from cbt.results.package.papers import Members, at, forms_in, papers_in, text_of
from cbt.results.sheet.sitting import PaperSheet, SheetLine, SittingSheet
from cbt.results.sheet.standing import balance_of, counts_of
from cbt.scoring.models import Score
from cbt.sittings.models import RoomHold, SittingRoom


def members_of(session: Session, sheet: SittingSheet, audit: bytes) -> Members:
    """Return every member in its order: equal rows, equal bytes. Nothing in it says when it was made."""
    lines = sorted(
        sheet.lines, key=lambda line: (line.row.room_name, line.row.seat_number, line.row.registration.ref)
    )
    papers = {line.row.registration.ref: paper for paper in sheet.papers for line in paper.lines}
    scored = [
        (row.score, row.attempt.ref) for row in (line.row for line in lines) if row.score and row.attempt
    ]
    members = {
        "sitting.json": text_of(_sitting(sheet)),
        "rooms.json": text_of([_room(session, room, name, sheet) for room, name in sheet.rooms]),
        "people.json": text_of([_person(line, papers[line.row.registration.ref]) for line in lines]),
        "scores.json": text_of([_score(*one) for one in scored]),
        "audit.jsonl": audit,
    }
    attempts = [line.row.attempt for line in lines if line.row.attempt is not None]
    return members | forms_in(session, attempts) | papers_in(session, attempts)


def _sitting(sheet: SittingSheet) -> Mapping[str, object]:
    sitting, release = sheet.sitting, sheet.release
    return {
        "ref": sitting.ref,
        "name": sitting.name,
        "state": sitting.state,
        "planned_start_at": at(sitting.planned_start_at),
        "report_at": at(sitting.report_at),
        "late_cutoff_at": at(sitting.late_cutoff_at),
        "released_at": None if release is None else at(release.released_at),
        "released_by": None if release is None else [release.by, release.second],
        "figures": _figures(sheet.lines),
    }


def _figures(lines: Iterable[SheetLine]) -> Mapping[str, object]:
    """Return the figures of R-61; each standing is one."""
    found = list(lines)
    counted, balanced = (
        counts_of(line.standing for line in found),
        balance_of(line.standing for line in found),
    )
    names = [name for name in counted.__slots__ if name not in ("moving", "undecided")]
    return {
        **{name: getattr(counted, name) for name in names},
        "expected": balanced.expected,
        "present": balanced.present,
        "absent": balanced.absent,
        "violations": sum(line.row.registration.violation_code is not None for line in found),
    }


def _room(session: Session, room: SittingRoom, name: str, sheet: SittingSheet) -> Mapping[str, object]:
    mine = [line for line in sheet.lines if line.row.registration.sitting_room_id == room.id]
    refs = {line.row.registration.id: line.row.registration.ref for line in mine}
    return {
        "ref": room.ref,
        "name": name,
        "state": room.state,
        "started_at": at(room.started_at),
        "ended_at": at(room.ended_at),
        "figures": _figures(mine),
        "staff": [list(one) for one in room_store.staff_of(session, room.id)],
        "holds": [_hold(one) for one in room_store.holds(session, room.id)],
        "given": [
            *(_given(one, None) for one in room_store.given_to_room(session, room.id)),
            *(_given(one, refs.get(who)) for one, who in room_store.given_to_people(session, room.id)),
        ],
        "outside": [
            {
                "registration": refs[one.registration_id],
                "out": at(one.out_at),
                "in": at(one.in_at),
                "escort": one.escort,
            }
            for one in room_store.leaves(session, list(refs))
        ],
        "reports": [_report(one) for one in told_of_room(session, room.id)],
        "comments": [_comment(one, refs) for one in room_store.comments(session, room.id)],
        "log": [
            {
                "at": at(one.at),
                "kind": one.kind,
                "by": one.by,
                "registration": refs.get(one.registration_id or 0),
                "said": json.loads(one.params),
            }
            for one in room_store.incidents(session, room.id)
        ],
    }


def _hold(one: RoomHold) -> Mapping[str, object]:
    return {
        "from": at(one.from_at),
        "to": at(one.to_at),
        "cause": one.reason_code,
        "reason": one.reason,
        "by": one.held_by,
    }


def _comment(one: InspectorComment, refs: Mapping[int, str]) -> Mapping[str, object]:
    return {
        "registration": refs.get(one.registration_id or 0),
        "text": one.text,
        "noted": [at(one.at), one.by],
        "answer": one.answer and [at(one.answered_at), one.answered_by, one.answer],
    }


def _report(told: ToldReport) -> Mapping[str, object]:
    """Return a form of a violation or an incident: as it was filled in, what was added, whether it holds."""
    one = told.report
    return {
        "ref": one.ref,
        "kind": one.kind,
        "code": one.code,
        "clause": one.clause,
        "registration": None if told.about is None else told.about.ref,
        "happened_at": at(one.happened_at),
        "facts": one.facts,
        "evidence": list(told.evidence),
        "evidence_note": one.evidence_note,
        "witness": one.witness,
        "statement": one.statement,
        "signature": one.signature,
        "filed": [at(one.at), one.by],
        "additions": [[added.part, added.text, at(added.at), added.by] for added in told.additions],
        "withdrawn": one.withdrawn_at and [at(one.withdrawn_at), one.withdrawn_by, one.withdrawn_reason],
    }


def _given(one: Any, registration: str | None) -> Mapping[str, object]:
    return {
        "registration": registration,
        "at": at(one.at),
        "seconds": str(one.amount.total_seconds()),
        "kind": one.kind,
        "cause": one.reason_code,
        "reason": one.reason,
        "by": one.by,
        "withdrawn_at": at(one.withdrawn_at),
    }


def _person(line: SheetLine, paper: PaperSheet) -> Mapping[str, object]:
    """Return what is told of a person: the name and the masked number; the whole one stays where it is sealed."""
    row, registration = line.row, line.row.registration
    return {
        "registration": registration.ref,
        "attempt": None if row.attempt is None else row.attempt.ref,
        "ticket": row.ticket_number,
        "name": row.candidate.name,
        "document": row.candidate.document_masked,
        "room": row.room_name,
        "seat": row.seat_number,
        "level": paper.blueprint.level_name,
        "paper": registration.paper,
        "paper_name": paper.paper.name,
        "kind": registration.kind,
        "standing": line.standing.value,
        **_door(registration),
        "violation": registration.violation_code,
        "outcome": None if line.shown is None else line.shown.outcome.value,
        "score": None if line.shown is None else line.shown.score,
        "released": row.result is not None,
    }


def _door(registration: Registration) -> Mapping[str, object]:
    names = ("arrived_at", "checked_in_at", "signed_in_at", "confirmed_at", "pledged_at", "absent_at")
    return {
        **{name: at(getattr(registration, name)) for name in names},
        "document_shown": registration.document_shown,
        "absent_cause": registration.absent_cause,
    }


def _score(score: Score, attempt_ref: str) -> Mapping[str, object]:
    """Return a score by its groups; the sheet, which tells right from wrong, by a keyed digest."""
    sheet = json.loads(score.sheet)
    return {
        "attempt": attempt_ref,
        "number": score.number,
        "key_revision": score.key_revision,
        "raw": score.raw,
        "score": score.score,
        "passed": score.passed,
        "groups": sheet["groups"],
        "journal": score.journal_digest,
        "sheet": rows.keyed(score.sha256),
        "scored_at": at(score.scored_at),
    }
