"""Tables of the assembly room."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from cbt.db.types import Named, UtcDateTime


class Form(Named):
    """A 试卷, frozen when drawn: canonical JSON of items, versions, orders and points, and its hash.

    Source: R-43.
    """

    blueprint_version_id: Mapped[int] = mapped_column(ForeignKey("blueprint_version.id"))
    paper: Mapped[str] = mapped_column(String(20))
    bank_id: Mapped[int] = mapped_column(ForeignKey("item_bank.id"))
    bank_revision: Mapped[str] = mapped_column(String(64))
    seed: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    drawn_at: Mapped[datetime] = mapped_column(UtcDateTime)
