"""What lint said of each bank, kept as long as it is so."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from cbt.db.types import Row, UtcDateTime


class BankLint(Row):
    """The last lint of a bank; `mark` says of what bank it is, "" while there is none.

    `wanted` is the mark of the bank somebody is working on since `begun_at`, or did last.
    """

    bank_id: Mapped[int] = mapped_column(ForeignKey("item_bank.id"), unique=True)
    mark: Mapped[str] = mapped_column(String(64), default="")
    content: Mapped[str] = mapped_column(Text, default="")
    wanted: Mapped[str] = mapped_column(String(64), default="")
    begun_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
