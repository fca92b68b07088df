"""Tables of forms that were sent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from cbt.storage.types import Base, Named, UtcDateTime


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
