"""Photos and evidence scans of people in an application: attached, taken off, or read, which the log notes.

A unit's own people attach while the application may be written in, an officer also while it is looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.confined.runner import MEGABYTE
from cbt.enrolment.applications import store as applications
from cbt.enrolment.applications.application import Applying
from cbt.enrolment.models import Applicant, ApplicantPhoto, EvidenceScan, UnitApplication
from cbt.errors import Conflict, InvalidInput, NotFound, TextId, Unavailable
from cbt.media.pictures import MOST_LARGE, redraw, redraw_large
from cbt.printing.pdf import PDF
from cbt.printing.pdf_intake import reset
from cbt.rules.enrolment.eligibility.answers import RequiredProof
from cbt.rules.states.application import EDITABLE, ApplicationState
from cbt.storage.crypto import open_bytes, seal_bytes
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import reading, unit_of_work

PHOTO, SCAN = "applicant photo", "evidence scan"
"""What they are sealed for."""
ON_THE_WAY = (ApplicationState.ACCEPTED.value, ApplicationState.SCHEDULED.value)


def has_photo(session: Session, applicant: Applicant) -> bool:
    """Return whether somebody has a photo."""
    return bool(session.scalar(select(exists().where(ApplicantPhoto.applicant_id == applicant.id))))


def photo_of_applicant(session: Session, applicant: Applicant) -> bytes:
    """Return somebody's photo; raise NotFound("applicant.no_photo"), Unavailable("personal.unreadable")."""
    sealed = session.scalar(select(ApplicantPhoto.sealed).where(ApplicantPhoto.applicant_id == applicant.id))
    if sealed is None:
        raise NotFound("applicant.no_photo")
    return open_bytes(sealed, PHOTO)


def photos_of_people(session: Session, applicants: Collection[int]) -> dict[int, bytes]:
    """Return the photos of people by their ids; who has none, or one the key does not open, is left out."""
    rows = session.execute(
        select(ApplicantPhoto.applicant_id, ApplicantPhoto.sealed).where(
            ApplicantPhoto.applicant_id.in_(applicants)
        )
    )
    return {one: photo for one, sealed in rows if (photo := _opened(sealed))}


def photos_to_carry(session: Session, indexes: Collection[str]) -> dict[str, bytes]:
    """Return the photos that accepted people bring along, by the digests of their numbers: the latest of each.

    Source: R-77.
    """
    rows = session.execute(
        select(Applicant.document_index, ApplicantPhoto.sealed)
        .join(ApplicantPhoto, ApplicantPhoto.applicant_id == Applicant.id)
        .join(UnitApplication, UnitApplication.id == Applicant.application_id)
        .where(
            Applicant.document_index.in_(indexes),
            Applicant.verdict == "accepted",
            UnitApplication.state.in_(ON_THE_WAY),
        )
        .order_by(Applicant.id)
    )
    return {index: photo for index, sealed in rows if (photo := _opened(sealed))}


def scans_of(session: Session, applicant: Applicant) -> Sequence[EvidenceScan]:
    """Return the scans of somebody's evidence without what is in them, in the order in which they came."""
    return session.scalars(
        select(EvidenceScan).where(EvidenceScan.applicant_id == applicant.id).order_by(EvidenceScan.id)
    ).all()


def scan_by_ref(session: Session, applicant: Applicant, ref: str) -> EvidenceScan:
    """Return a scan of somebody; raise NotFound("scan.unknown")."""
    found = session.scalar(
        select(EvidenceScan).where(EvidenceScan.applicant_id == applicant.id, EvidenceScan.ref == ref)
    )
    if found is None:
        raise NotFound("scan.unknown")
    return found


def _opened(sealed: bytes) -> bytes:
    try:
        return open_bytes(sealed, PHOTO)
    except Unavailable:  # sealed under a personal.key that was lost
        return b""


MOST_SCANS = 5
"""Scans of one kind of evidence of somebody."""
_PDF_HEAD = b"%PDF-"
_PICTURES = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"))


@dataclass(frozen=True, slots=True)
class ReadScan:
    """A scan that somebody reads."""

    proof: str
    mimetype: str
    body: bytes


@dataclass(frozen=True, slots=True)
class _Received:
    mimetype: str
    pages: int
    body: bytes


def may_attach(application: UnitApplication, *, by_unit: bool) -> bool:
    """Return whether photos and scans may be attached and taken off now. Source: R-74."""
    if application.state in EDITABLE:
        return True
    return not by_unit and application.state == ApplicationState.SUBMITTED.value


def put_photo(ref: str, person_ref: str, body: bytes, who: Applying) -> None:
    """Set somebody's photo; what is kept is our own picture of it, sealed.

    Raise as `redraw` does, NotFound("application.unknown"|"applicant.unknown"),
    Conflict("application.not_attachable").

    Source: R-74.
    """
    _look(ref, person_ref, who)
    sealed = seal_bytes(redraw(body), PHOTO)
    with unit_of_work() as session:
        person = _person(session, ref, person_ref, who)
        former = session.get(ApplicantPhoto, person.id)
        if former is None:
            session.add(ApplicantPhoto(applicant_id=person.id, sealed=sealed))
        else:
            former.sealed = sealed
        _note(session, person, "applicant.photo", who, {"replaced": "yes" if former else "no"})


def remove_photo(ref: str, person_ref: str, who: Applying) -> None:
    """Take somebody's photo off; raise as `put_photo` does."""
    with unit_of_work() as session:
        person = _person(session, ref, person_ref, who)
        session.execute(delete(ApplicantPhoto).where(ApplicantPhoto.applicant_id == person.id))
        _note(session, person, "applicant.photo_remove", who)


def attach_scans(ref: str, person_ref: str, proof: str, bodies: Sequence[bytes], who: Applying) -> int:
    """Attach scans of a piece of somebody's evidence, all of them or none; return how many.

    Raise InvalidInput("upload.missing"|"scan.proof"|"scan.kind"|…), Conflict("scan.too_many"), and as
    `put_photo` does.

    Source: R-74.
    """
    if proof not in set(RequiredProof):
        raise InvalidInput("scan.proof", field="proof")
    if not bodies:
        raise InvalidInput("upload.missing", field="file")
    if len(bodies) > MOST_SCANS:
        raise Conflict("scan.too_many", field="file", most=MOST_SCANS)
    _look(ref, person_ref, who)
    received = [_receive(body) for body in bodies]
    sealed = [seal_bytes(one.body, SCAN) for one in received]
    with unit_of_work() as session:
        person = _person(session, ref, person_ref, who)
        there = sum(one.proof == proof for one in scans_of(session, person))
        if there + len(received) > MOST_SCANS:
            raise Conflict("scan.too_many", field="file", most=MOST_SCANS)
        for one, kept in zip(received, sealed, strict=True):
            scan = EvidenceScan(
                ref=new_ref("sc", 10),
                applicant_id=person.id,
                proof=proof,
                mimetype=one.mimetype,
                pages=one.pages,
                size=len(one.body),
                sealed=kept,
                at=who.now,
                by=who.actor,
            )
            session.add(scan)
            _note(session, person, "applicant.scan", who, _told(scan))
    return len(received)


def read_scan(ref: str, person_ref: str, scan_ref: str, who: Applying) -> ReadScan:
    """Return a scan for whoever may act for this person; the log notes who read which.

    Raise NotFound("application.unknown"|"applicant.unknown"|"scan.unknown"), Unavailable("personal.unreadable").

    Source: R-70, R-74.
    """
    with reading() as session:
        application = applications.application_by_ref(session, ref, unit_id=who.unit_id)
        person = applications.applicant_by_ref(session, application, person_ref)
        scan = scan_by_ref(session, person, scan_ref)
        found = ReadScan(scan.proof, scan.mimetype, open_bytes(scan.sealed, SCAN))
    with unit_of_work() as session:
        _note(session, person, "applicant.scan_read", who, _told(scan))
    return found


def remove_scan(ref: str, person_ref: str, scan_ref: str, who: Applying) -> None:
    """Take a scan off for good; raise as `put_photo` does, and NotFound("scan.unknown")."""
    with unit_of_work() as session:
        person = _person(session, ref, person_ref, who)
        scan = scan_by_ref(session, person, scan_ref)
        _note(session, person, "applicant.scan_remove", who, _told(scan))
        session.delete(scan)


def _look(ref: str, person_ref: str, who: Applying) -> None:
    """Refuse who may not attach, before a file costs anything."""
    with reading() as session:
        _person(session, ref, person_ref, who, changing=False)


def _person(
    session: Session, ref: str, person_ref: str, who: Applying, *, changing: bool = True
) -> Applicant:
    application = applications.application_by_ref(session, ref, unit_id=who.unit_id, changing=changing)
    person = applications.applicant_by_ref(session, application, person_ref)
    if not may_attach(application, by_unit=who.unit_id is not None):
        state = TextId(f"rules.application.state.{application.state}")
        raise Conflict("application.not_attachable", state=state)
    return person


def _receive(body: bytes) -> _Received:
    """Return a scan made anew in a child: a picture drawn, a PDF set."""
    if body.startswith(_PDF_HEAD):
        made, pages = reset(body)
        return _Received(PDF, pages, made)
    if not body.startswith(tuple(head for head, _kind in _PICTURES)):
        raise InvalidInput("scan.kind", field="file")
    if len(body) > MOST_LARGE:
        raise InvalidInput("scan.too_big", field="file", maximum=MOST_LARGE // MEGABYTE)
    drawn = redraw_large(body)
    return _Received(next(kind for head, kind in _PICTURES if drawn.startswith(head)), 1, drawn)


def _told(scan: EvidenceScan) -> dict[str, object]:
    return {"scan": scan.ref, "proof": scan.proof, "pages": scan.pages}


def _note(
    session: Session, person: Applicant, act: str, who: Applying, after: Mapping[str, object] | None = None
) -> None:
    record(session, at=who.now, actor=who.actor, act=act, subject=person.logged_as, after=after)
