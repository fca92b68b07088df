"""Queries of what is attached to people, and how it is opened."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from cbt.db.private.sealing import open_bytes
from cbt.enrolment.applications.models import Applicant, UnitApplication
from cbt.enrolment.attached.models import ApplicantPhoto, EvidenceScan
from cbt.errors import NotFound, Unavailable
from cbt.rules.states.application import ApplicationState

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
