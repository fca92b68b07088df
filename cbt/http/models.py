"""Tables of the edge: login sessions, throttle counters, known machines, and forms that were sent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from cbt.storage.types import Base, Named, Row, UtcDateTime


class LoginSession(Row):
    """One signed-in browser; the cookie holds a token whose hash is kept here, so it can be revoked."""

    kind: Mapped[str] = mapped_column(String(16))
    subject_ref: Mapped[str] = mapped_column(String(40), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    machine: Mapped[str] = mapped_column(String(64))
    """The identity of the machine it belongs to; empty for one of the time before machines had tokens."""
    former_machine: Mapped[str | None] = mapped_column(String(64))
    """The identity of the same machine before its token was wiped (R-16)."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    address: Mapped[str] = mapped_column(String(45), server_default="")
    browser: Mapped[str] = mapped_column(String(60), server_default="")
    seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When its person last did something, to the minute; what a page asks for by itself does not count."""
    board_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the open board of a running room last asked, to the minute."""
    owes_factor: Mapped[bool] = mapped_column(server_default=false())
    """Whether this person has to set up a second factor before anything else."""


class Throttle(Base):
    """Tries at one account, ticket or seat in the present window: by one machine, or (machine empty) by all.

    Never of an address alone: a room shares one.
    """

    __table_args__ = (Index("ix_throttle_window_from", "window_from"),)

    scope: Mapped[str] = mapped_column(String(16), primary_key=True)
    subject: Mapped[str] = mapped_column(String(80), primary_key=True)
    machine: Mapped[str] = mapped_column(String(80), primary_key=True)
    tries: Mapped[int]
    window_from: Mapped[datetime] = mapped_column(UtcDateTime)
    last_machine: Mapped[str] = mapped_column(String(80))
    last_address: Mapped[str] = mapped_column(String(64))


class KnownMachine(Row):
    """A machine that signed an account or a ticket in before: its budget is its own (R-14)."""

    __table_args__ = (UniqueConstraint("scope", "subject", "machine"),)

    scope: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(80))
    machine: Mapped[str] = mapped_column(String(80))
    """The hash of its token."""
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class SentForm(Base):
    """A form of which something was made: written with it, so that the same form makes nothing again."""

    mark: Mapped[str] = mapped_column(String(64), primary_key=True)
    """A hash of its key, of who sent it and of where to."""
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    content: Mapped[str] = mapped_column(String(64))
    """A hash of what was typed, to tell a second arrival from another wish."""
    place: Mapped[str | None] = mapped_column(Text)
    """Where the answer led; none as long as whoever made it has not answered."""
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The part of a page that was answered, sealed."""


class KeptForm(Named):
    """A form that came when its sender's login was over: theirs alone, sealed, for half an hour."""

    subject_ref: Mapped[str] = mapped_column(String(40), index=True)
    kept_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    path: Mapped[str] = mapped_column(Text)
    """Where it was sent to."""
    page: Mapped[str] = mapped_column(Text)
    """The address of the page it was on."""
    parts: Mapped[int]


class KeptFormPart(Base):
    """A piece of what a kept form holds."""

    kept_id: Mapped[int] = mapped_column(ForeignKey("kept_form.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
