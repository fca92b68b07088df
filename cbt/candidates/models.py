"""Tables of the candidates room: people, tickets, registrations, admission."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from cbt.errors import Unavailable
from cbt.personal import SHOWN
from cbt.storage.crypto import open_sealed
from cbt.storage.types import Base, DecimalText, Named, Row, Span, UtcDateTime


class Candidate(Named):
    """A 考生; the document and phone numbers are encrypted, `document_index` is the document's keyed digest.

    Which columns hold what people are asked for is said by `cbt/personal.py`.
    """

    name: Mapped[str] = mapped_column(String(60))
    gender: Mapped[str] = mapped_column(String(8))
    document_type: Mapped[str] = mapped_column(String(40))
    document_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    document_index: Mapped[str] = mapped_column(String(64), unique=True)
    document_masked: Mapped[str] = mapped_column(String(40))
    phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    employer: Mapped[str] = mapped_column(String(120))
    staff_number: Mapped[str] = mapped_column(String(30), default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class CandidatePhoto(Base):
    """The photo of a candidate; a missing one never blocks entry (R-15)."""

    candidate_id: Mapped[int] = mapped_column(ForeignKey("candidate.id"), primary_key=True)
    mimetype: Mapped[str] = mapped_column(String(40))
    image: Mapped[bytes] = mapped_column(LargeBinary)


class AdmissionTicket(Row):
    """A 准考证: one number per candidate and batch."""

    __table_args__ = (UniqueConstraint("batch_id", "candidate_id"),)

    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"))
    candidate_id: Mapped[int] = mapped_column(ForeignKey("candidate.id"), index=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    printed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When an officer last had it printed; NULL: never."""
    reprint_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when what was printed is no longer right (需重打); NULL: it is, or was never printed."""
    reprint_reasons: Mapped[str] = mapped_column(String(80), default="")
    """Codes of `reprinting.REASONS` joined by a comma: what changed since."""


class Registration(Named):
    """A 报名: one candidate, one paper, one sitting-room, one seat, and what happened at the door.

    `extra`, `factor` and `tools` are the accommodation (R-30). The `_at` columns are facts, NULL until they happen.
    """

    __table_args__ = (
        UniqueConstraint("sitting_room_id", "seat_id"),
        UniqueConstraint("ticket_id", "sitting_id", "paper"),
        Index("ix_registration_room", "sitting_room_id"),
        Index("ix_registration_blueprint", "blueprint_version_id", "sitting_id"),
        Index(
            "ix_registration_out",
            "id",
            "left_at",
            sqlite_where=text("left_at IS NOT NULL"),
            postgresql_where=text("left_at IS NOT NULL"),
        ),
    )

    candidate_id: Mapped[int] = mapped_column(ForeignKey("candidate.id"), index=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("admission_ticket.id"), index=True)
    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"), index=True)
    sitting_room_id: Mapped[int] = mapped_column(ForeignKey("sitting_room.id"))
    seat_id: Mapped[int] = mapped_column(ForeignKey("seat.id"))
    blueprint_version_id: Mapped[int] = mapped_column(ForeignKey("blueprint_version.id"))
    blueprint_ref: Mapped[str] = mapped_column(String(60))
    paper: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(10))
    """`first` 新考 or `retake` 补考."""
    factor: Mapped[Decimal] = mapped_column(DecimalText)
    extra: Mapped[timedelta] = mapped_column(Span)
    accommodation_note: Mapped[str] = mapped_column(Text)
    tools: Mapped[str] = mapped_column(String(60), default="", server_default="")
    """The tools of the answer page that this person gets, as `rules/exam/tools` stores them."""
    eligibility: Mapped[str] = mapped_column(String(200), default="")
    """申报条件 as the roster gave it."""
    note: Mapped[str] = mapped_column(Text, default="")
    """备注 as the roster gave it."""
    arrived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    checked_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    document_shown: Mapped[str | None] = mapped_column(String(40))
    document_last_four_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    absent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    absent_cause: Mapped[str | None] = mapped_column(String(20))
    login_code_hash: Mapped[str | None] = mapped_column(String(64))
    login_code_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    signed_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    query_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """信息有误，请监考员核对: set by the candidate, cleared by a proctor, or by the candidate who takes it back."""
    query_about: Mapped[str] = mapped_column(String(60), server_default="", default="")
    """What the candidate says is wrong: codes of rules.door.admission.QUERY_ABOUT, by commas."""
    query_words_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    pledged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sign_in_allowed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """允许登录: a proctor let this person sign in without, or again after, the door."""
    left_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """临时离场 under escort: out since (NULL when in the room)."""
    violation_code: Mapped[str | None] = mapped_column(String(20))
    violation_version_id: Mapped[int | None]
    """The `reasons_version` whose row it was taken from; NULL from before there were any: the first one."""
    elsewhere_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When this person's login or lease was last used on another machine, until a proctor has looked (R-42)."""
    elsewhere_address: Mapped[str | None] = mapped_column(String(64))

    @property
    def document_last_four(self) -> str:
        """The last four characters of the document shown at the door; dots where the key does not open them."""
        if self.document_last_four_sealed is None:
            return ""
        try:
            return open_sealed(self.document_last_four_sealed, SHOWN)
        except Unavailable:
            return "····"


class CorrectionRecord(Named):
    """A 更正记录: who put what right about a candidate; old, new and evidence are sealed like the numbers.

    The audit log holds its ref, what kind of fact it was about, and a keyed digest of the sealed text.
    """

    __tablename__ = "correction"

    candidate_id: Mapped[int] = mapped_column(ForeignKey("candidate.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))
    countersigned_by: Mapped[str] = mapped_column(String(80))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class Withdrawal(Named):
    """A 退考: a paper that somebody of a batch was registered for and is no more, and what brings it back.

    The registration goes, so that nobody expects this person; its seat is free. The form, which nobody saw, is
    kept and comes back with it (R-43).
    """

    candidate_id: Mapped[int] = mapped_column(ForeignKey("candidate.id"), index=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("admission_ticket.id"), index=True)
    registration_ref: Mapped[str] = mapped_column(String(40), index=True)
    """The ref it had, and has again once it is brought back."""
    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"), index=True)
    sitting_room_id: Mapped[int] = mapped_column(ForeignKey("sitting_room.id"))
    seat_id: Mapped[int] = mapped_column(ForeignKey("seat.id"))
    blueprint_version_id: Mapped[int] = mapped_column(ForeignKey("blueprint_version.id"))
    blueprint_ref: Mapped[str] = mapped_column(String(60))
    paper: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(10))
    factor: Mapped[Decimal] = mapped_column(DecimalText)
    extra: Mapped[timedelta] = mapped_column(Span)
    accommodation_note: Mapped[str] = mapped_column(Text)
    tools: Mapped[str] = mapped_column(String(60), default="", server_default="")
    eligibility: Mapped[str] = mapped_column(String(200))
    note: Mapped[str] = mapped_column(Text)
    form_id: Mapped[int | None] = mapped_column(ForeignKey("form.id"))
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))
    back_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it was brought back, or the paper registered anew; NULL while it stands."""
    back_by: Mapped[str | None] = mapped_column(String(80))
