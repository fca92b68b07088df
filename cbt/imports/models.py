"""The table of what people said of the columns of brought files."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from cbt.storage.types import Base, UtcDateTime


class RosterMapping(Base):
    """What was said of the columns of a list of people: the next one with the same headings asks nothing.

    `digest` is that of the headings, `said` JSON: the field of each column by its letter, "" for one left out.
    """

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    said: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))
