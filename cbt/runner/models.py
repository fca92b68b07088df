"""Tables of the delivery room: attempts, the answer journal and the clock's personal facts."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from cbt.storage.types import Base, Named, Row, Span, UtcDateTime


class Attempt(Named):
    """An 答卷: one candidate, one form. The one row that closing, lease change and suspension update.

    `closes_at` and the open unit's end are worked out by rules.clock and stored whenever a fact that
    moves them is added; both are NULL while nothing may be accepted and nothing expires (R-25).
    """

    __table_args__ = (
        Index("ix_attempt_due", "state", "closes_at"),
        Index(
            "ix_attempt_unit_due",
            "state",
            "unit_ends_at",
            sqlite_where=text("unit_ends_at IS NOT NULL"),
            postgresql_where=text("unit_ends_at IS NOT NULL"),
        ),
        Index("ix_attempt_room", "sitting_room_id"),
    )

    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id"), unique=True)
    sitting_room_id: Mapped[int] = mapped_column(ForeignKey("sitting_room.id"))
    form_id: Mapped[int] = mapped_column(ForeignKey("form.id"), index=True)
    layout: Mapped[str] = mapped_column(Text)
    """What may come in at each position of the form (see delivery.layout); never changes."""
    state: Mapped[str] = mapped_column(String(12))
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closes_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    earliest_submit_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    grace: Mapped[timedelta] = mapped_column(Span)
    """Transport grace of the paper (R-21)."""
    has_message: Mapped[bool]
    """Whether a 提醒 waits that the candidate's page has not confirmed."""
    open_unit: Mapped[int | None]
    unit_ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    prior_unit: Mapped[int | None]
    prior_unit_ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_by: Mapped[str | None] = mapped_column(String(12))
    submitted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    receipt: Mapped[str | None] = mapped_column(String(20))
    journal_digest: Mapped[str | None] = mapped_column(String(64))
    lease_hash: Mapped[str | None] = mapped_column(String(64))
    lease_epoch: Mapped[int]
    lease_login_id: Mapped[int | None]
    lease_machine: Mapped[str | None] = mapped_column(String(64))
    """The identity of the machine the lease was issued to; no other may use it (R-42)."""
    lease_machines: Mapped[str] = mapped_column(Text, default="")
    """Every machine that had the lease, by spaces: what is left on one of them, that one may ask about (R-16)."""
    move_allowed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """允许换机: the next sign-in on another machine takes the lease (R-42)."""


class PackedPaper(Base):
    """What a page shows of a form's items, packed while its room's doors are open (see delivery.paper.packed).

    A copy of what can be joined at any time: what is missing, of another version or not as it was kept is joined.
    """

    form_id: Mapped[int] = mapped_column(ForeignKey("form.id", ondelete="CASCADE"), primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True)
    """The unit with time of its own; 0 where the paper has none."""
    locale: Mapped[str] = mapped_column(String(20), primary_key=True)
    mark: Mapped[str] = mapped_column(String(64))
    """What it was joined by: the product's version and the words it puts in."""
    seal: Mapped[str] = mapped_column(String(64))
    """The digest of everything else in the row."""
    packed: Mapped[bytes] = mapped_column(LargeBinary)


class JournalEntry(Base):
    """One answer, flag, strike, note, mark, setting or event as it arrived; append-only (R-41)."""

    __tablename__ = "journal"
    __table_args__ = (UniqueConstraint("attempt_id", "lease_epoch", "seq"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"))
    lease_epoch: Mapped[int]
    seq: Mapped[int]
    position: Mapped[int]
    kind: Mapped[str] = mapped_column(String(8))
    value: Mapped[str | None] = mapped_column(Text)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    in_grace: Mapped[bool]


class AttemptLive(Base):
    """What the board reads: one upsert per attempt per batch of saves."""

    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    saved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answered: Mapped[int]
    answered_map: Mapped[str] = mapped_column(Text)
    """One character per position, `1` where the latest answer counts as 已答; `answered` counts them."""
    usable_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the page last said that the candidate can answer (paper loaded)."""
    blurs: Mapped[int]
    position: Mapped[int | None]
    """The item the page was at when it last said so: where the next page of this attempt begins."""
    kept_rows: Mapped[int] = mapped_column(server_default="0")
    """Entries the attempt has written, those kept as evidence included (see delivery.quotas)."""
    kept_bytes: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Bytes of their values."""


class Gap(Row):
    """A silence over 20 s, recorded when the browser is heard again (R-26)."""

    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"), index=True)
    from_at: Mapped[datetime] = mapped_column(UtcDateTime)
    to_at: Mapped[datetime] = mapped_column(UtcDateTime)
    usable: Mapped[bool]
    """Whether the page stayed usable: the same lease went on after the silence."""
    resent: Mapped[int]
    """How many answers arrived with the first save after it."""
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None] = mapped_column(String(80))
    granted: Mapped[timedelta | None] = mapped_column(Span)


class UnitDone(Row):
    """A candidate confirmed the end of a unit; units that end by time leave no row (R-24)."""

    __table_args__ = (UniqueConstraint("attempt_id", "unit"),)

    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"))
    unit: Mapped[int]
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class AttemptSuspension(Row):
    """A 暂停 of one candidate (R-25)."""

    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"), index=True)
    from_at: Mapped[datetime] = mapped_column(UtcDateTime)
    to_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(80))
    resumed_by: Mapped[str | None] = mapped_column(String(80))


class AttemptAdjustment(Row):
    """A 补时 or 延时 of one candidate; append-only but for being taken back (R-20)."""

    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    amount: Mapped[timedelta] = mapped_column(Span)
    kind: Mapped[str] = mapped_column(String(20))
    reason_code: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(80))
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the act that gave it was taken back: no clock follows it then."""


class LateEntry(Row):
    """An answer that arrived after the deadline: kept as evidence, not scored (R-29)."""

    __table_args__ = (UniqueConstraint("attempt_id", "lease_epoch", "seq"),)

    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"), index=True)
    lease_epoch: Mapped[int]
    seq: Mapped[int]
    position: Mapped[int]
    kind: Mapped[str] = mapped_column(String(8))
    value: Mapped[str | None] = mapped_column(Text)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RecoveryImport(Named):
    """A 作答恢复文件 that a proctor imported after the closing: which lease sealed it, what it brought (R-29)."""

    __table_args__ = (UniqueConstraint("attempt_id", "seal"),)

    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"))
    lease_epoch: Mapped[int]
    seal: Mapped[str] = mapped_column(String(64))
    """The file's authenticator; a file is imported once."""
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    entries: Mapped[int]
    fresh: Mapped[int]
    imported_at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))


class HandwrittenAnswer(Base):
    """What somebody wrote by hand at a position of an attempt: the picture that was cut out of a scan (R-81)."""

    attempt_id: Mapped[int] = mapped_column(
        ForeignKey("attempt.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    image: Mapped[bytes] = mapped_column(LargeBinary)
    page_ref: Mapped[str] = mapped_column(String(40))
    """The scanned page that it was cut from."""


class RecoveredEntry(Base):
    """Says of a late entry that it came from a recovery file, and when the page says it was typed."""

    late_entry_id: Mapped[int] = mapped_column(ForeignKey("late_entry.id"), primary_key=True)
    recovery_import_id: Mapped[int] = mapped_column(ForeignKey("recovery_import.id"), index=True)
    typed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Message(Row):
    """A 提醒 from a proctor to one candidate, with its delivered and read receipts."""

    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"), index=True)
    text: Mapped[str] = mapped_column(Text)
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it was taken back before it was read: no page shows it then."""
