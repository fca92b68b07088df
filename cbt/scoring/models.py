"""Tables of the scoring room."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cbt.db.base import Base
from cbt.db.types import DecimalText, UtcDateTime


class Score(Base):
    """A 得分 with its evidence: the canonical score sheet and its hash, one row per key revision and closing.

    Source: R-54.
    """

    __tablename__ = "score"
    __table_args__ = (UniqueConstraint("attempt_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"))
    number: Mapped[int]
    """1, 2, … ; the highest counts, the former ones stay on record."""
    key_revision: Mapped[int]
    journal_digest: Mapped[str] = mapped_column(String(64))
    raw: Mapped[Decimal] = mapped_column(DecimalText)
    score: Mapped[Decimal] = mapped_column(DecimalText)
    passed: Mapped[bool]
    sheet: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    scored_at: Mapped[datetime] = mapped_column(UtcDateTime)
