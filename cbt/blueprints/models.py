"""Tables of the exams room."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cbt.storage.types import Row, UtcDateTime


class BlueprintVersion(Row):
    """A 考核方案 as it stood at one moment; registrations and forms keep the version they began with.

    In force is the one loaded last. `filed_at` is when a file of the folder last began to say this; None for one
    that came in the browser. While the one loaded last is withdrawn, none is in force.
    """

    __table_args__ = (UniqueConstraint("ref", "sha256"),)

    ref: Mapped[str] = mapped_column(String(60), index=True)
    sha256: Mapped[str] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(Text)
    loaded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    filed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ReasonsVersion(Row):
    """The table of reasons as it stood at one moment; a violation keeps the one it was recorded under.

    In force is the one loaded last. `filed_at` is when the folder's file last began to say this; None for one that
    was edited in the browser.
    """

    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    source: Mapped[str] = mapped_column(Text)
    loaded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    filed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
