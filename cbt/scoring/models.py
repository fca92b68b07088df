"""Tables of the scoring room."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cbt.storage.types import Base, DecimalText, Named, Row, UtcDateTime


class Score(Row):
    """A 得分 with its evidence: the canonical score sheet and its hash, one row per key revision and closing.

    A paper of which people have something to mark (待阅) has no points and no verdict yet: all three are None.

    Source: R-51, R-54.
    """

    __table_args__ = (UniqueConstraint("attempt_id", "number"),)

    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"))
    number: Mapped[int]
    """1, 2, … ; the highest counts, the former ones stay on record."""
    key_revision: Mapped[int]
    journal_digest: Mapped[str] = mapped_column(String(64))
    raw: Mapped[Decimal | None] = mapped_column(DecimalText)
    score: Mapped[Decimal | None] = mapped_column(DecimalText)
    passed: Mapped[bool | None]
    sheet: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    scored_at: Mapped[datetime] = mapped_column(UtcDateTime)


class KeyCorrection(Named):
    """A correction of a key (试题更正) in what one sitting asked: of one version of an item, as its forms froze it.

    Scores whose key revision is `number`, or higher, were made with it; the former ones stay as they were made.

    Source: R-54, R-62, R-99.
    """

    __table_args__ = (UniqueConstraint("sitting_id", "number"),)

    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"))
    number: Mapped[int]
    """1, 2, … in its sitting."""
    bank_id: Mapped[int] = mapped_column(ForeignKey("item_bank.id"))
    item_ref: Mapped[str] = mapped_column(String(60), index=True)
    item_version: Mapped[int]
    part: Mapped[int | None]
    """Which part of a case (0-based)."""
    kind: Mapped[str] = mapped_column(String(10))
    """A value of `CorrectionKind`."""
    answers: Mapped[str] = mapped_column(Text)
    """The answers it makes right as their author writes them, in canonical JSON; [] where it names none."""
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))
    second: Mapped[str] = mapped_column(String(80))
    people: Mapped[int]
    """How many were asked it."""
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the last score of it was there; NULL while they are made."""


class CorrectedAttempt(Row):
    """What a correction makes of one attempt: the score before, and the new one, None where the former is kept.

    Source: R-54, R-99.
    """

    __table_args__ = (UniqueConstraint("key_correction_id", "attempt_id"),)

    key_correction_id: Mapped[int] = mapped_column(ForeignKey("key_correction.id"))
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"), index=True)
    before_score_id: Mapped[int] = mapped_column(ForeignKey("score.id"))
    after_score_id: Mapped[int | None] = mapped_column(ForeignKey("score.id"))
    before: Mapped[Decimal | None] = mapped_column(DecimalText)
    """The points before, and those of the new key, also where the former are kept."""
    after: Mapped[Decimal | None] = mapped_column(DecimalText)
    before_outcome: Mapped[str] = mapped_column(String(12))
    """What the result was, and what the new key makes of it; "" where that is open."""
    after_outcome: Mapped[str] = mapped_column(String(12))


class LateRuling(Named):
    """One act on answers that came after the deadline: approved or rejected by two people, for one fault.

    Source: R-29, R-62.
    """

    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"), index=True)
    verdict: Mapped[str] = mapped_column(String(8))
    """`approved` or `rejected`."""
    fault: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))
    second: Mapped[str] = mapped_column(String(80))


class RuledAttempt(Row):
    """What one act meant for one attempt: the digest of the entries it covered, the scores before and after."""

    late_ruling_id: Mapped[int] = mapped_column(ForeignKey("late_ruling.id"), index=True)
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"), index=True)
    entries: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    before_score_id: Mapped[int] = mapped_column(ForeignKey("score.id"))
    after_score_id: Mapped[int | None] = mapped_column(ForeignKey("score.id"))
    """None where the act rejected: the score stands."""


class RuledEntry(Base):
    """A late entry that was ruled on; it is ruled on once."""

    late_entry_id: Mapped[int] = mapped_column(ForeignKey("late_entry.id"), primary_key=True)
    ruled_attempt_id: Mapped[int] = mapped_column(ForeignKey("ruled_attempt.id"), index=True)
