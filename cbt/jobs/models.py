"""The tables of jobs: what is asked for, who carries it out and how far it is, and the files that came of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cbt.storage.types import Named, Row, UtcDateTime


class JobState(StrEnum):
    """How far a job is."""

    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN = (JobState.WAITING, JobState.WORKING)
"""A worker is to carry it out, or does."""


class Job(Named):
    """One piece of background work; the row is the queue.

    `asked` is what the job is about, as JSON, and `page` the page it was asked for at. `holder` is the worker that
    carries it out until `held_until`; whoever is there then takes it over. `error` and `params` are those of the
    error it ended with, `outcome` is what it did, or has done so far, as JSON.
    """

    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(120), index=True)
    asked: Mapped[str] = mapped_column(Text)
    page: Mapped[str] = mapped_column(String(300))
    actor: Mapped[str] = mapped_column(String(80), index=True)
    locale: Mapped[str] = mapped_column(String(12))
    state: Mapped[str] = mapped_column(String(12), index=True)
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    tries: Mapped[int] = mapped_column(default=0)
    holder: Mapped[str] = mapped_column(String(40), default="")
    held_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str] = mapped_column(String(60), default="")
    params: Mapped[str] = mapped_column(Text, default="{}")
    outcome: Mapped[str] = mapped_column(Text, default="{}")
    file_bytes: Mapped[int] = mapped_column(default=0)
    file_ending: Mapped[str] = mapped_column(String(10), default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def is_open(self) -> bool:
        """Whether a worker is to carry it out, or does."""
        return self.state in OPEN


class JobPart(Row):
    """A piece of the file of a job, sealed: it may hold personal numbers or keys."""

    __table_args__ = (UniqueConstraint("job_id", "number"),)

    job_id: Mapped[int]
    number: Mapped[int]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
