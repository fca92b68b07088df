"""Photos that accepted people bring along: put down with them when a roster makes them candidates (R-77)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import Candidate, CandidatePhoto
from cbt.db.writing.parcels import Rows
from cbt.enrolment.attached.store import photos_to_carry
from cbt.pictures.receiving import JPEG

TOGETHER = 4
"""So many photos make a parcel: saves that come along with one hardly notice."""
NEW_PHOTO = (
    "INSERT INTO candidate_photo (candidate_id, mimetype, image) "
    "SELECT c.id, ?, ? FROM candidate c WHERE c.document_index = ? ON CONFLICT DO NOTHING"
)
NO_PHOTO = (
    "DELETE FROM candidate_photo "
    "WHERE candidate_id IN (SELECT id FROM candidate WHERE ref = ? AND created_at = ?) "
    "AND NOT EXISTS (SELECT 1 FROM admission_ticket t WHERE t.candidate_id = candidate_photo.candidate_id)"
)


def photo_parcels(session: Session, indexes: Sequence[str]) -> Iterator[list[Rows]]:
    """Yield the rows that give people, named by the digests of their numbers, the photos of their applications.

    Whoever has a photo keeps it.
    """
    known = (
        select(Candidate.document_index)
        .join(CandidatePhoto, CandidatePhoto.candidate_id == Candidate.id)
        .where(Candidate.document_index.in_(indexes))
    )
    have = set(session.scalars(known))
    found = list(photos_to_carry(session, [one for one in indexes if one not in have]).items())
    for start in range(0, len(found), TOGETHER):
        some = found[start : start + TOGETHER]
        yield [Rows(NEW_PHOTO, [(JPEG, image, index) for index, image in some])]
