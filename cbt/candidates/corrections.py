"""更正记录: name, number or photo of a candidate put right, with the old value, the new and the evidence.

Source: R-15.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.candidates.models import AdmissionTicket, Candidate, CandidatePhoto, CorrectionRecord
from cbt.candidates.photos import store_photo
from cbt.candidates.store import has_started
from cbt.candidates.tickets import to_print_again
from cbt.errors import Conflict, InvalidInput, NotAllowed
from cbt.personal.fields import DETAILS
from cbt.personal.identity import (
    CORRECTION,
    DOCUMENT,
    checked_document,
    checked_name,
    document_index,
    keyed_digest,
)
from cbt.rules.canonical import canonical_json
from cbt.rules.door.admission import mask_document
from cbt.storage.crypto import readable, seal
from cbt.storage.types import new_ref


@dataclass(frozen=True, slots=True)
class Correction:
    """What is put right; None leaves it. `document` is (type, number), `photo` a JPEG that `redraw` made.

    What a person is known by at the door needs the chief after the start; `details`, by their names, do not.
    """

    evidence: str
    name: str | None = None
    document: tuple[str, str] | None = None
    photo: bytes | None = None
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def of_identity(self) -> bool:
        """Whether it is about what R-15 names."""
        return (self.name, self.document, self.photo) != (None, None, None)


@dataclass(frozen=True, slots=True)
class Corrected:
    """A 更正记录 as people read it: `before` and `after` by name, document, photo."""

    row: CorrectionRecord
    before: dict[str, str]
    after: dict[str, str]
    evidence: str


def correct_candidate(
    session: Session,
    candidate: Candidate,
    correction: Correction,
    *,
    now: datetime,
    actor: str,
    countersigned_by: str = "",
) -> None:
    """Put a candidate's name, number or photo right and keep old, new and evidence (更正记录).

    The officer does it; once a sitting-room of the candidate has started, the chief countersigns. Frozen
    forms and printed records keep the old value; results read the new one. Numbers are kept masked, photos
    as a digest. The values are sealed in a row of their own; the audit log has that row's ref and a keyed
    digest of it, so that it cannot be changed unseen, and nobody's name.

    Source: R-15.
    """
    if not correction.evidence.strip():
        raise InvalidInput("correction.evidence", field="evidence")
    if correction.of_identity and has_started(session, candidate.id) and not countersigned_by:
        raise NotAllowed("correction.chief")
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    if correction.name is not None:
        _rename(candidate, correction.name, before, after)
    if correction.document is not None:
        _renumber(session, candidate, correction.document, before, after)
    if correction.photo is not None:
        _picture(session, candidate, correction.photo, before, after)
    _details(candidate, correction.details, before, after)
    if not before:
        raise InvalidInput("correction.nothing", field="name")
    if any(name not in DETAILS or DETAILS[name].printed for name in before):
        held = select(AdmissionTicket.id).where(AdmissionTicket.candidate_id == candidate.id)
        to_print_again(session, session.scalars(held).all(), "person", now=now)
    text = canonical_json({"before": before, "after": after, "evidence": correction.evidence.strip()})
    row = CorrectionRecord(
        ref=new_ref("co"),
        candidate_id=candidate.id,
        at=now,
        by=actor,
        countersigned_by=countersigned_by,
        sealed=seal(text, CORRECTION),
    )
    session.add(row)
    chain.record(
        session,
        at=now,
        actor=actor,
        act="candidate.correct",
        subject=f"candidate:{candidate.ref}",
        before={"fields": sorted(before)},
        after={
            "correction": row.ref,
            "digest": keyed_digest(text, CORRECTION),
            **({"countersigned_by": countersigned_by} if countersigned_by else {}),
        },
    )


def corrections_of(session: Session, candidate_id: int) -> list[Corrected]:
    """Return what was put right about a candidate, the latest first."""
    rows = session.scalars(
        select(CorrectionRecord)
        .where(CorrectionRecord.candidate_id == candidate_id)
        .order_by(CorrectionRecord.id.desc())
    )
    found = []
    for row in rows:
        sealed = readable(row.sealed, CORRECTION)
        lost = {"before": {}, "after": {}, "evidence": gettext("candidates.number_unreadable")}
        said = lost if sealed is None else json.loads(sealed)
        found.append(Corrected(row, said["before"], said["after"], said["evidence"]))
    return found


def _rename(candidate: Candidate, name: str, before: dict[str, str], after: dict[str, str]) -> None:
    plain = checked_name(name)
    before["name"], after["name"] = candidate.name, plain
    candidate.name = plain


def _renumber(
    session: Session,
    candidate: Candidate,
    document: tuple[str, str],
    before: dict[str, str],
    after: dict[str, str],
) -> None:
    kind, number = checked_document(*document)
    index = document_index(number)
    other = session.scalar(
        select(Candidate.id).where(Candidate.document_index == index, Candidate.id != candidate.id)
    )
    if other is not None:
        raise Conflict("correction.number_taken")
    before["document"] = f"{candidate.document_type} {candidate.document_masked}"
    candidate.document_type, candidate.document_masked = kind, mask_document(number)
    candidate.document_sealed, candidate.document_index = seal(number, DOCUMENT), index
    after["document"] = f"{kind} {candidate.document_masked}"


def _details(
    candidate: Candidate, details: Mapping[str, str], before: dict[str, str], after: dict[str, str]
) -> None:
    for name, detail in DETAILS.items():
        if name not in details:
            continue
        value = detail.checked(details[name])
        before[name], after[name] = detail.masked_of(candidate), detail.mask(value)
        setattr(candidate, detail.column, detail.stored(value))


def _picture(
    session: Session, candidate: Candidate, image: bytes, before: dict[str, str], after: dict[str, str]
) -> None:
    former = session.get(CandidatePhoto, candidate.id)
    before["photo"] = "" if former is None else _digest(former.image)
    after["photo"] = _digest(image)
    store_photo(session, candidate.id, image)


def _digest(image: bytes) -> str:
    return hashlib.sha256(image).hexdigest()[:16]
