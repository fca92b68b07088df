"""A correction after the start as a request to the chief; what it holds is sealed like other personal data.

Source: R-15, R-62.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import datetime

import flask
from flask_babel import gettext
from sqlalchemy.orm import Session

from cbt.accounts.approvals.kinds import ApprovalKind, Result
from cbt.accounts.approvals.requests import ApprovalWish, Line
from cbt.accounts.approvals.second import Second, Wanted
from cbt.accounts.models import Approval
from cbt.candidates.corrections.making import Correction
from cbt.candidates.desk.service import correct
from cbt.candidates.store import Registered
from cbt.db.private.sealing import open_sealed, seal
from cbt.rules.canonical import canonical_json
from cbt.rules.door.admission import mask_document, normalise_document
from cbt.web.who.login import Principal

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
