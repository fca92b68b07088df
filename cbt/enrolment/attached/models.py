"""Tables of what is attached to the people of an application; all of it is sealed and goes with the person."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from cbt.db.types import Base, Named, UtcDateTime


class ApplicantPhoto(Base):
    """The photo of somebody who is applied for: a JPEG of our own, sealed."""

    applicant_id: Mapped[int] = mapped_column(
        ForeignKey("applicant.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    sealed: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


class EvidenceScan(Named):
    """A scan of a piece of evidence: a picture or a PDF that was made anew, sealed."""

    applicant_id: Mapped[int] = mapped_column(ForeignKey("applicant.id", ondelete="CASCADE"), index=True)
    proof: Mapped[str] = mapped_column(String(24))
    mimetype: Mapped[str] = mapped_column(String(40))
    pages: Mapped[int]
    size: Mapped[int]
    """Bytes of what was sealed."""
    sealed: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))
