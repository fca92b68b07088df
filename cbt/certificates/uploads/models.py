"""The table of the mappings."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from cbt.db.types import Named, UtcDateTime


class UploadMapping(Named):
    """The columns an authority wants, in its order: what each is called, and what stands in it."""

    name: Mapped[str] = mapped_column(String(60), unique=True)
    dates: Mapped[str] = mapped_column(String(12))
    """How days are written: a key of `columns.DATES`."""
    columns: Mapped[str] = mapped_column(Text)
    """JSON: a list of header, field, and the text of a column that is the same in every line."""
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_by: Mapped[str] = mapped_column(String(80))
