"""Tables of the applications: what is applied for, who for, their evidence, and who did what when."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cbt.db.types import Named, Row, UtcDateTime


class UnitApplication(Named):
    """A 评价申请 of a unit for a level; `rules.states.application` says what becomes of it (R-77)."""

    unit_id: Mapped[int] = mapped_column(ForeignKey("member_unit.id"), index=True)
    blueprint_version_id: Mapped[int] = mapped_column(ForeignKey("blueprint_version.id"))
    """The level, by the 考核方案 in force when it was chosen; its conditions are the ones that count."""
    state: Mapped[str] = mapped_column(String(12), index=True)
    preferred_on: Mapped[date] = mapped_column(Date)
    applied_on: Mapped[date | None] = mapped_column(Date)
    """The day of application: the first one, however often it is put right."""
    note: Mapped[str] = mapped_column(Text)
    put_right: Mapped[str] = mapped_column(Text)
    """What is to be put right, while it is returned."""
    late_reason: Mapped[str] = mapped_column(Text)
    """Why an officer took it though it came too late."""
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("batch.id"), index=True)
    charged_on: Mapped[date | None] = mapped_column(Date)
    """The day on which the fees of its accepted people arose; None while there are none (R-76)."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ApplicationStep(Row):
    """Who did what with an application, and when, as its page tells it."""

    application_id: Mapped[int] = mapped_column(ForeignKey("unit_application.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))
    event: Mapped[str] = mapped_column(String(16))
    words: Mapped[str] = mapped_column(Text)


class Applicant(Named):
    """Somebody a unit applies for; numbers are sealed, and so is all else of the registration form (Annex 1, 2)."""

    __table_args__ = (UniqueConstraint("application_id", "document_index"),)

    application_id: Mapped[int] = mapped_column(ForeignKey("unit_application.id"))
    name: Mapped[str] = mapped_column(String(60))
    document_type: Mapped[str] = mapped_column(String(40))
    document_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    document_masked: Mapped[str] = mapped_column(String(40))
    document_index: Mapped[str] = mapped_column(String(64))
    """The keyed digest of the number: nobody is twice in one application."""
    gender: Mapped[str] = mapped_column(String(10))
    phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    told_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """The rest of the form as one JSON object."""
    kind: Mapped[str] = mapped_column(String(8))
    papers: Mapped[str] = mapped_column(String(200))
    """The codes of the papers, joined by a comma."""
    verdict: Mapped[str] = mapped_column(String(10))
    """`accepted`, `refused`, or "" while nobody has decided."""
    condition: Mapped[int | None]
    """The number of the condition by which an officer accepted."""
    reason: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str] = mapped_column(String(80))


class ApplicantProof(Row):
    """A piece of evidence of somebody: when it was received and checked, and by whom (R-74)."""

    __table_args__ = (UniqueConstraint("applicant_id", "proof"),)

    applicant_id: Mapped[int] = mapped_column(ForeignKey("applicant.id"))
    proof: Mapped[str] = mapped_column(String(24))
    received_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    received_by: Mapped[str] = mapped_column(String(80))
    checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    checked_by: Mapped[str] = mapped_column(String(80))
