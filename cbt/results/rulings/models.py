"""The table of the rulings on violations."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from cbt.db.types import Named, UtcDateTime


class ViolationRuling(Named):
    """Whether a violation on record stands: told when, what was said to it, on what grounds, by whom (R-92).

    One that does not stand is on record no more; the report of it stays as it was filed.
    """

    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id"), index=True)
    code: Mapped[str] = mapped_column(String(20))
    """Which violation; another one that is put on record later is ruled on anew."""
    stands: Mapped[bool]
    told_on: Mapped[date] = mapped_column(Date)
    statement: Mapped[str] = mapped_column(Text)
    """What the candidate said to it; "" for nothing."""
    grounds: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_by: Mapped[str] = mapped_column(String(80))
