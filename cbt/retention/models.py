"""Tables of the retention room."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from cbt.storage.types import Base, Named, UtcDateTime

ONLY = 1


class RetentionTerms(Base):
    """So many years electronic records and paper are kept; without a row the rule's own."""

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    electronic: Mapped[int]
    paper: Mapped[int]


class RetentionHold(Named):
    """A 暂停销毁 (legal hold) of a batch: nothing of it is destroyed until somebody else lifts it."""

    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), index=True)
    reason: Mapped[str] = mapped_column(Text)
    placed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    placed_by: Mapped[str] = mapped_column(String(80))
    lifted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lifted_by: Mapped[str] = mapped_column(String(80))
    lift_reason: Mapped[str] = mapped_column(Text)


class Destruction(Named):
    """A 销毁 of a batch's records, asked for by one, confirmed by another, and the record of it."""

    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    """`electronic`, which is carried out here, or `paper`, which is carried out elsewhere and noted."""
    state: Mapped[str] = mapped_column(String(10), index=True)
    """`asked`, `running`, `done`, or `withdrawn`."""
    last_on: Mapped[date] = mapped_column(Date)
    due_on: Mapped[date] = mapped_column(Date)
    years: Mapped[int]
    note: Mapped[str] = mapped_column(Text)
    """What was destroyed and how, of paper; why, of electronic records."""
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    asked_by: Mapped[str] = mapped_column(String(80))
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    settled_by: Mapped[str] = mapped_column(String(80))
    """When and by whom it was confirmed, or withdrawn."""
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    total: Mapped[int]
    left: Mapped[int]
    """How many registrations there were at the beginning, and how many are left."""
    counts: Mapped[str] = mapped_column(Text)
    """JSON: how many rows of each table went."""
