"""Tables of the audit room."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from cbt.storage.types import Base, UtcDateTime


class AuditEntry(Base):
    """One change of an exam: who, when, why, before, after; each row carries the hash of the one before."""

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(80), index=True)
    act: Mapped[str] = mapped_column(String(60), index=True)
    subject: Mapped[str] = mapped_column(String(120), index=True)
    reason: Mapped[str] = mapped_column(Text)
    before: Mapped[str] = mapped_column(Text)
    after: Mapped[str] = mapped_column(Text)
    prev_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))

    @property
    def fields(self) -> list[str]:
        """What is hashed beside number and time."""
        return [self.actor, self.act, self.subject, self.reason, self.before, self.after]


class AuditHead(Base):
    """The one row that says where the chain ends; locked last, so that writers meet here only briefly.

    `key_print` names the key of the chain, "" for a log from before there was one; `mac` is made with it.
    """

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last_id: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))
    key_print: Mapped[str] = mapped_column(String(16), default="", server_default="")
    mac: Mapped[str] = mapped_column(String(64), default="", server_default="")


class AuditTally(Base):
    """How often somebody did, or tried, what is told once a window and counted from then on."""

    act: Mapped[str] = mapped_column(String(60), primary_key=True)
    actor: Mapped[str] = mapped_column(String(80), primary_key=True)
    subject: Mapped[str] = mapped_column(String(120), primary_key=True)
    window_from: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    count: Mapped[int]
