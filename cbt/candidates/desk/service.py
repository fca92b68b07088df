"""Use cases of the office: reveal a number, correct a person, export a roster.

A correction after the start is a request to the chief; what it holds is sealed like other personal data.

Source: R-15, R-62.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import flask
from flask_babel import gettext
from sqlalchemy.orm import Session

from cbt.accounts.approvals.requests import (
    ApprovalKind,
    ApprovalWish,
    Line,
    Result,
    Second,
    Wanted,
    claim,
    countersigned,
    put_result,
)
from cbt.accounts.models import Approval
from cbt.audit.chain import record
from cbt.blueprints.store import blueprint_of
from cbt.candidates import store
from cbt.candidates.corrections import Correction, correct_candidate
from cbt.candidates.registration import reason_of
from cbt.candidates.roster.export import rows_of
from cbt.candidates.store import Registered, has_started
from cbt.http.auth.login import Principal
from cbt.personal.fields import DETAILS, PersonField
from cbt.personal.identity import DOCUMENT
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.door.admission import mask_document, normalise_document
from cbt.rules.roles import Role
from cbt.sittings.models import Batch
from cbt.sittings.store import sitting_by_ref
from cbt.storage.crypto import open_sealed, readable, seal
from cbt.storage.unit_of_work import reading, unit_of_work

COUNTERSIGNERS: frozenset[str] = frozenset({Role.CHIEF_PROCTOR})
"""Who countersigns a correction after the start (R-15)."""


@dataclass(frozen=True, slots=True)
class Revealed:
    """The numbers of a candidate in full, for this one answer; None for one that was sealed under a lost key."""

    document: str | None
    details: tuple[tuple[PersonField, str | None], ...]
    """What is sealed of `fields.DETAILS`."""

    def facts(self, lost: str) -> list[tuple[str, str]]:
        """Return the title of each detail and what it says, or that it is `lost`."""
        return [(detail.title, lost if value is None else value or "—") for detail, value in self.details]


def reveal(*, ref: str, reason: str, principal: Principal, now: datetime) -> Revealed:
    """Return a candidate's numbers in full; who looked and why is in the audit log.

    Raise InvalidInput("candidates.reason") without a reason, NotFound for a registration of somebody else's.
    """
    reason = reason_of(reason)
    with unit_of_work() as session:
        entry = store.entry_for(session, ref, principal)
        candidate = entry.candidate
        details = [(detail, detail.value_of(candidate)) for detail in DETAILS.values() if detail.sealed]
        revealed = Revealed(readable(candidate.document_sealed, DOCUMENT), tuple(details))
        subject, actor = f"candidate:{candidate.ref}", principal.logged_as
        record(session, at=now, actor=actor, act="personal.reveal", subject=subject, reason=reason)
        return revealed


def correct(
    *, ref: str, correction: Correction, second: Second | None, principal: Principal, now: datetime
) -> None:
    """Put a candidate's name, number or photo right; once a room of theirs has started, with the chief.

    Raise SecondNeeded without the chief then, Conflict("approval.changed") when what stands there changed since
    the chief approved.

    Source: R-15, R-62.
    """
    with unit_of_work() as session:
        claim(session, second, now=now)
        candidate = store.entry_for(session, ref, principal).candidate
        started = has_started(session, candidate.id)
        seen = digest(canonical_json([candidate.ref, candidate.name, candidate.document_index]))
        correct_candidate(
            session,
            candidate,
            correction,
            now=now,
            actor=principal.logged_as,
            # Without the chief it is gone through and rolled back, so that only what would hold is asked for.
            countersigned_by=f"staff:{second.ref if second is not None else '-'}" if started else "",
        )
        if started:
            countersigned(second, roles=COUNTERSIGNERS, seen=seen)
        put_result(session, second, {})


def export_rows(
    *, sitting_ref: str, reveal_numbers: bool, reason: str, actor: str, now: datetime
) -> list[list[str]]:
    """Return the roster rows of a sitting; the export is in the audit log, with its reason when numbers show.

    They are read and opened before anything is written: nobody's save waits for a file.

    Raise InvalidInput("candidates.reason") for numbers without a reason.
    """
    if reveal_numbers:
        reason = reason_of(reason)
    with reading() as session:
        sitting = sitting_by_ref(session, sitting_ref)
        entries = store.entries_of_sitting(session, sitting.id)
        versions = {entry.registration.blueprint_version_id for entry in entries}
        blueprints = {version: blueprint_of(session, version) for version in versions}
        batch = session.get_one(Batch, sitting.batch_id).name
        rows = rows_of(entries, blueprints, batch, reveal=reveal_numbers)
        after = {"rows": len(entries), "numbers": "full" if reveal_numbers else "masked"}
        subject = f"sitting:{sitting.ref}"
    with unit_of_work() as session:
        record(session, at=now, actor=actor, act="roster.export", subject=subject, reason=reason, after=after)
    return rows


KIND = "correction"
PURPOSE = "approval"


def wish_for(entry: Registered, correction: Correction) -> ApprovalWish:
    """Return the request for one correction; its photo and number are kept sealed and emptied when settled."""
    photo = correction.photo
    plain = {
        "evidence": correction.evidence,
        "name": correction.name,
        "document": correction.document,
        "photo": photo and base64.b64encode(photo).decode(),
    }
    return ApprovalWish(
        kind=KIND,
        act="correct_person",
        subject=f"registration:{entry.registration.ref}",
        place=f"{entry.room.name} · {entry.seat.number:02d}",
        params=base64.b64encode(seal(canonical_json(plain), PURPOSE)).decode(),
        preview=tuple(_lines(entry, correction)),
    )


def _lines(entry: Registered, correction: Correction) -> Iterator[Line]:
    yield ("approval.line.whom", "text", entry.candidate.name)
    if correction.name:
        yield ("approval.line.name", "text", f"{entry.candidate.name} → {correction.name}")
    if correction.document:
        masked = mask_document(normalise_document(correction.document[1]))
        yield ("approval.line.document", "text", f"{entry.candidate.document_masked} → {masked}")
    if correction.photo:
        yield ("approval.line.photo", "word", "approval.new_photo")
    yield ("approval.line.reason", "text", correction.evidence.strip())


def _wanted(_session: Session, approval: Approval) -> Wanted:
    return Wanted(frozenset(approval.roles.split(",")))


def _carry_out(approval: Approval, first: Principal, second: Second, now: datetime) -> None:
    plain = json.loads(open_sealed(base64.b64decode(approval.params), PURPOSE))
    photo, document = plain["photo"], plain["document"]
    correction = Correction(
        evidence=plain["evidence"],
        name=plain["name"],
        document=document and (document[0], document[1]),
        photo=photo and base64.b64decode(photo),
    )
    correct(ref=_ref(approval), correction=correction, second=second, principal=first, now=now)


def _ref(approval: Approval) -> str:
    return approval.subject.removeprefix("registration:")


def _said(_approval: Approval, _result: Result) -> str:
    return str(gettext("candidates.corrected"))


def _home(approval: Approval) -> str:
    return flask.url_for("candidates.registration", ref=_ref(approval))


CORRECTIONS = ApprovalKind(KIND, _wanted, _carry_out, _said, _home)
