"""The photo on a certificate: the same on every print, whatever the photo of its holder becomes (R-93)."""

from __future__ import annotations

from sqlalchemy.orm import Session

from cbt.candidates.store import photos_of
from cbt.certificates.models import Certificate, CertificatePhoto
from cbt.db.private.sealing import open_bytes, seal_bytes
from cbt.errors import Unavailable

PURPOSE = "certificate photo"


def photo_on(session: Session, row: Certificate) -> bytes | None:
    """Return the photo that a certificate shows; before one is kept, its holder's of now."""
    kept = session.get(CertificatePhoto, row.id)
    if kept is None:
        return photos_of(session, [row.candidate_id]).get(row.candidate_id)
    try:
        return open_bytes(kept.sealed, PURPOSE)
    except Unavailable:
        return None


def keep_photo(session: Session, row: Certificate, photo: bytes | None) -> None:
    """Keep the photo that a certificate shows from now on; one that is kept stays."""
    if photo is not None and session.get(CertificatePhoto, row.id) is None:
        session.add(CertificatePhoto(certificate_id=row.id, sealed=seal_bytes(photo, PURPOSE)))
