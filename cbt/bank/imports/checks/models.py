"""Tables of the checks of brought files: how far each is, and what it found."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cbt.db.types import Named, Row, UtcDateTime


class CheckState(StrEnum):
    """How far the check of a file is that somebody brought, and then its import."""

    WAITING = "waiting"
    READING = "reading"
    CHECKING = "checking"
    READY = "ready"
    FAILED = "failed"
    IMPORTING = "importing"
    DONE = "done"


class ImportCheck(Named):
    """A file's check and import by a process of its own; `ref` is that of its draft, and the row is its queue.

    `asked` is what its author says of the file, as JSON. `beat_at` is the last sign of life of the process that
    works on it, None while it waits for one; `tries` counts those that ended without a word.
    """

    bank_id: Mapped[int] = mapped_column(ForeignKey("item_bank.id"))
    actor: Mapped[str] = mapped_column(String(80))
    file_name: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(12), index=True)
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    asked: Mapped[str] = mapped_column(Text)
    error: Mapped[str] = mapped_column(String(60), default="")
    params: Mapped[str] = mapped_column(Text, default="{}")
    run_id: Mapped[int | None] = mapped_column(ForeignKey("import_run.id"))
    tries: Mapped[int] = mapped_column(default=0)
    beat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class ImportPart(Row):
    """A piece of what a check found, sealed as its draft is: pages open one, not the whole."""

    __table_args__ = (UniqueConstraint("check_id", "name", "number"),)

    check_id: Mapped[int] = mapped_column(ForeignKey("import_check.id"))
    name: Mapped[str] = mapped_column(String(12))
    number: Mapped[int]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
