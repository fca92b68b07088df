"""What the tables of checks have in common: how far each is, and the pieces of what it found."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from cbt.db.types import Named, Row, UtcDateTime


class CheckState(StrEnum):
    """How far the check of a file is that somebody brought, and then its import."""

    ARRIVING = "arriving"
    """Its file is not there as a whole: nobody sees it."""
    WAITING = "waiting"
    READING = "reading"
    CHECKING = "checking"
    READY = "ready"
    FAILED = "failed"
    IMPORTING = "importing"
    DONE = "done"
    GONE = "gone"
    """Forgotten: what it found is deleted piece by piece, then its row."""


class FileCheck(Named):
    """A file's check and import by a process of its own; the row is its queue.

    `asked` is what is said of the file by who brought it, as JSON. `beat_at` is the last sign of life of the
    process that works on it, None while it waits for one; `tries` counts those that ended without a word.
    """

    __abstract__ = True

    actor: Mapped[str] = mapped_column(String(80))
    file_name: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(12), index=True)
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    asked: Mapped[str] = mapped_column(Text)
    error: Mapped[str] = mapped_column(String(60), default="")
    params: Mapped[str] = mapped_column(Text, default="{}")
    tries: Mapped[int] = mapped_column(default=0)
    beat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class FilePart(Row):
    """A piece of what a check found, sealed as its draft is: pages open one, not the whole."""

    __abstract__ = True

    check_id: Mapped[int]
    name: Mapped[str] = mapped_column(String(12))
    number: Mapped[int]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
