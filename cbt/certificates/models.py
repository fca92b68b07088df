"""Tables of the certificates room."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from cbt.storage.types import Base, Named, UtcDateTime

ONLY = 1


class CertificateParts(Base):
    """The parts of a 证书编号 that the body sets; year and level come from the certificate.

    The one row is locked while a number is taken.
    """

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(1))
    body: Mapped[str] = mapped_column(String(4))
    province: Mapped[str] = mapped_column(String(2))
    site: Mapped[str] = mapped_column(String(6))


class Certificate(Named):
    """A 证书 of the register: what its print shows, as it was on the day, and the signed statement of it.

    No row is ever deleted, so that no number is given twice.
    """

    number: Mapped[str] = mapped_column(String(22), unique=True)
    candidate_id: Mapped[int] = mapped_column(ForeignKey("candidate.id"), index=True)
    blueprint_ref: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(60), index=True)
    document_type: Mapped[str] = mapped_column(String(40))
    document: Mapped[str] = mapped_column(String(40))
    """The number of the document, masked as it is printed."""
    occupation: Mapped[str] = mapped_column(String(120))
    level: Mapped[str] = mapped_column(String(120))
    body_name: Mapped[str] = mapped_column(String(120))
    issued_on: Mapped[date] = mapped_column(Date)
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    issued_by: Mapped[str] = mapped_column(String(80))
    statement: Mapped[bytes] = mapped_column(LargeBinary)
    public_key: Mapped[str] = mapped_column(String(64))
    """The public key of its signature, as hexadecimal digits."""
    prints: Mapped[int]
    """How often it was printed."""
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_by: Mapped[str] = mapped_column(String(80))
    revoke_reason: Mapped[str] = mapped_column(Text)


class CertificatePhoto(Base):
    """The photo on a certificate, sealed: the one of its issue, or of the first print that had one."""

    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificate.id"), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class LookUpSite(Base):
    """What makes guessing at published records hard: one salt for all of them, drawn once (R-94)."""

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    salt: Mapped[bytes] = mapped_column(LargeBinary)
    iterations: Mapped[int]


class LookUpKey(Base):
    """The stretched keys of a certificate's published records, sealed; without a row they are to be made (R-94)."""

    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificate.id"), primary_key=True)
    by_number: Mapped[bytes] = mapped_column(LargeBinary)
    by_document: Mapped[bytes | None] = mapped_column(LargeBinary)
