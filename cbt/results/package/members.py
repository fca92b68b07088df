"""The members of a package: what it says of a sitting, file by file, and the slice of the log.

What must not be told is there by a keyed digest. The slice goes from the first entry about the sitting to the
last, link by link. Entries about the sitting are whole; of all others there is the number and the hash, so
that the chain has no hole and tells nothing of another sitting. Prints and packages are no part of it: a
package is the same until something changes.

Source: R-64.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, not_, or_, select
from sqlalchemy.orm import Session

from cbt.accounts.audit_log import log_names
from cbt.assembly.models import Form
from cbt.audit.chain import DIGITS, Head
from cbt.audit.models import AuditEntry
from cbt.candidates.models import Registration
from cbt.items.models import Item, ItemVersion
from cbt.proctoring import record as room_store
from cbt.proctoring.incidents import ReportStatement, told_of_room
from cbt.proctoring.models import InspectorComment
from cbt.results.sheet.outcome import balance_of, counts_of
from cbt.results.sheet.sitting import PaperSheet, SheetLine, SittingSheet
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.states import State
from cbt.runner.models import Attempt, LateEntry
from cbt.runner.save.digest import answers_in, journal_texts
from cbt.scoring.late_answers import approved_answers
from cbt.scoring.models import LateRuling, RuledAttempt, RuledEntry, Score
from cbt.sittings.models import RoomHold, SittingRoom
from cbt.storage.crypto import derived
from cbt.storage.types import to_micros

_CHUNK = 400
_USE = "package"


def keyed(text: str) -> str:
    """Return a digest that only this installation can make.

    A plain one of an item with its key, or of a sheet of right and wrong, would give them away to whoever tries the
    few there can be.
    """
    return hmac.new(derived(_USE), text.encode(), hashlib.sha256).hexdigest()


def forms_of(session: Session, form_ids: Collection[int]) -> Sequence[Form]:
    return session.scalars(select(Form).where(Form.id.in_(form_ids)).order_by(Form.ref)).all()


def form_refs(session: Session, form_ids: Collection[int]) -> Mapping[int, str]:
    return dict(session.execute(select(Form.id, Form.ref).where(Form.id.in_(form_ids))).all())


def item_digests(session: Session, forms: Sequence[Form]) -> Mapping[int, str]:
    """Return for each form the keyed digest of all its items, keys included: who rescores has the same ones."""
    placed = {
        form.id: [(one["item"], one["version"]) for one in json.loads(form.content)["positions"]]
        for form in forms
    }
    wanted: defaultdict[int, set[str]] = defaultdict(set)
    for form in forms:
        wanted[form.bank_id] |= {item for item, _version in placed[form.id]}
    digests: dict[tuple[int, str, int], str] = {}
    for bank_id, refs in wanted.items():
        listed = sorted(refs)
        for start in range(0, len(listed), _CHUNK):
            rows = session.execute(
                select(Item.ref, ItemVersion.number, ItemVersion.sha256)
                .join(ItemVersion, ItemVersion.item_id == Item.id)
                .where(Item.bank_id == bank_id, Item.ref.in_(listed[start : start + _CHUNK]))
            )
            digests |= {(bank_id, ref, number): sha256 for ref, number, sha256 in rows}
    return {
        form.id: keyed("\n".join(digests.get((form.bank_id, *one), "") for one in placed[form.id]))
        for form in forms
    }


def late_of(session: Session, attempt_ids: Sequence[int]) -> Mapping[int, list[list[object]]]:
    """Return what came too late, by attempt: lease, number, position, kind, value, when, what was ruled."""
    rulings = dict(
        session.execute(
            select(RuledEntry.late_entry_id, LateRuling.verdict)
            .join(RuledAttempt, RuledAttempt.id == RuledEntry.ruled_attempt_id)
            .join(LateRuling, LateRuling.id == RuledAttempt.late_ruling_id)
            .where(RuledAttempt.attempt_id.in_(attempt_ids))
        ).all()
    )
    query = select(LateEntry).where(LateEntry.attempt_id.in_(attempt_ids))
    entries: defaultdict[int, list[list[object]]] = defaultdict(list)
    for entry in session.scalars(query.order_by(LateEntry.attempt_id, LateEntry.lease_epoch, LateEntry.seq)):
        entries[entry.attempt_id].append(
            [
                entry.lease_epoch,
                entry.seq,
                entry.position,
                entry.kind,
                entry.value,
                to_micros(entry.received_at),
                rulings.get(entry.id),
            ]
        )
    return entries


def past_packages(session: Session, sitting_ref: str, *, limit: int) -> Sequence[AuditEntry]:
    """Return who had a package of a sitting written, the latest first."""
    query = select(AuditEntry).where(
        AuditEntry.act == "package.write", AuditEntry.subject == f"sitting:{sitting_ref}"
    )
    return session.scalars(query.order_by(AuditEntry.id.desc()).limit(limit)).all()


Members = dict[str, bytes]


def text_of(value: object) -> bytes:
    return canonical_json(value).encode()


def at(instant: datetime | None) -> str | None:
    """Return an instant as the package has it: UTC, to the microsecond."""
    return None if instant is None else instant.astimezone(UTC).isoformat(timespec="microseconds")


def answered(journal: str) -> dict[str, str]:
    """Return the answers that count, by position as it is written: what a journal's text comes to."""
    return {place: value for place, value in answers_in(journal).items() if value and place.isdigit()}


def forms_in(session: Session, attempts: Sequence[Attempt]) -> Members:
    """Return each form as it was frozen: items, versions, orders; the items with their keys by a keyed digest."""
    members: Members = {}
    forms = forms_of(session, {attempt.form_id for attempt in attempts})
    digests = item_digests(session, forms)
    rows = []
    for form in forms:
        members[f"forms/{form.ref}.json"] = form.content.encode()
        rows.append(
            {
                "form": form.ref,
                "paper": form.paper,
                "sha256": form.sha256,
                "bank_revision": form.bank_revision,
                "drawn_at": at(form.drawn_at),
                "items": digests[form.id],
            }
        )
    return {"forms.json": text_of(rows), **members}


def papers_in(session: Session, attempts: Sequence[Attempt]) -> Members:
    """Return the journal of each attempt, and what follows from it."""
    ids = [attempt.id for attempt in attempts]
    journals, approved = journal_texts(session, ids), approved_answers(session, ids)
    late, forms = late_of(session, ids), form_refs(session, {one.form_id for one in attempts})
    members: Members = {}
    for attempt in sorted(attempts, key=lambda one: one.ref):
        journal = journals[attempt.id]
        members[f"papers/{attempt.ref}.journal"] = journal.encode()
        members[f"papers/{attempt.ref}.json"] = text_of(
            {
                "attempt": attempt.ref,
                "form": forms[attempt.form_id],
                "state": attempt.state,
                "started_at": at(attempt.started_at),
                "closed_at": at(attempt.closed_at),
                "closed_by": attempt.closed_by,
                "submitted_at": at(attempt.submitted_at),
                "receipt": attempt.receipt,
                "sealed": attempt.journal_digest if attempt.state in (State.CLOSED, State.SCORED) else None,
                "journal": digest(journal),
                "answers": {
                    place: value for place, value in answers_in(journal).items() if value and place.isdigit()
                },
                "late": late.get(attempt.id, []),
                "approved": {str(place): value for place, value in approved.get(attempt.id, {}).items()},
            }
        )
    return members


MOST_LINKS = 100_000
"""So far back the slice goes at most, counted from its end."""
_ASIDE = or_(
    AuditEntry.act.like("print.%"),
    AuditEntry.act.in_(["package.write", "results.export", "results.view_paper", "results.view_keys"]),
)


@dataclass(frozen=True, slots=True)
class Slice:
    """The lines of the slice as JSON, one a line, and where it ends."""

    lines: bytes
    head: Head | None
    own: int


def slice_of(session: Session, sitting_ref: str) -> Slice:
    """Return the log of a sitting with its links."""
    subjects = log_names().of_sitting(sitting_ref)
    about = (AuditEntry.subject.in_(subjects), not_(_ASIDE))
    first, last = session.execute(
        select(func.min(AuditEntry.id), func.max(AuditEntry.id)).where(*about)
    ).one()
    if last is None:
        return Slice(b"", None, 0)
    first = max(first, last - MOST_LINKS)
    own = {
        entry.id: entry for entry in session.scalars(select(AuditEntry).where(*about, AuditEntry.id >= first))
    }
    links = session.execute(
        select(AuditEntry.id, AuditEntry.hash)
        .where(AuditEntry.id >= first, AuditEntry.id <= last)
        .order_by(AuditEntry.id)
    )
    lines = [canonical_json(_entry(own[row.id]) if row.id in own else [row.id, row.hash]) for row in links]
    end = own[last]
    return Slice(
        "".join(f"{line}\n" for line in lines).encode(), Head(last, end.at, end.hash[:DIGITS]), len(own)
    )


def _entry(entry: AuditEntry) -> list[object]:
    at = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
    return [entry.id, entry.hash, entry.prev_hash, at, entry.fields]


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
    sheet_lines = list(lines)
    counted, balanced = (
        counts_of(line.standing for line in sheet_lines),
        balance_of(line.standing for line in sheet_lines),
    )
    names = [name for name in counted.__slots__ if name not in ("moving", "undecided")]
    return {
        **{name: getattr(counted, name) for name in names},
        "expected": balanced.expected,
        "present": balanced.present,
        "absent": balanced.absent,
        "violations": sum(line.row.registration.violation_code is not None for line in sheet_lines),
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


def _hold(hold: RoomHold) -> Mapping[str, object]:
    return {
        "from": at(hold.from_at),
        "to": at(hold.to_at),
        "cause": hold.reason_code,
        "reason": hold.reason,
        "by": hold.held_by,
    }


def _comment(comment: InspectorComment, refs: Mapping[int, str]) -> Mapping[str, object]:
    return {
        "registration": refs.get(comment.registration_id or 0),
        "text": comment.text,
        "noted": [at(comment.at), comment.by],
        "answer": comment.answer and [at(comment.answered_at), comment.answered_by, comment.answer],
    }


def _report(statement: ReportStatement) -> Mapping[str, object]:
    """Return a form of a violation or an incident: as it was filled in, what was added, whether it holds."""
    report = statement.report
    return {
        "ref": report.ref,
        "kind": report.kind,
        "code": report.code,
        "clause": report.clause,
        "registration": None if statement.about is None else statement.about.ref,
        "happened_at": at(report.happened_at),
        "facts": report.facts,
        "evidence": list(statement.evidence),
        "evidence_note": report.evidence_note,
        "witness": report.witness,
        "statement": report.statement,
        "signature": report.signature,
        "filed": [at(report.at), report.by],
        "additions": [[added.part, added.text, at(added.at), added.by] for added in statement.additions],
        "withdrawn": report.withdrawn_at
        and [at(report.withdrawn_at), report.withdrawn_by, report.withdrawn_reason],
    }


def _given(adjustment: Any, registration: str | None) -> Mapping[str, object]:
    return {
        "registration": registration,
        "at": at(adjustment.at),
        "seconds": str(adjustment.amount.total_seconds()),
        "kind": adjustment.kind,
        "cause": adjustment.reason_code,
        "reason": adjustment.reason,
        "by": adjustment.by,
        "withdrawn_at": at(adjustment.withdrawn_at),
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
        "sheet": keyed(score.sha256),
        "scored_at": at(score.scored_at),
    }
