"""Tables of forms that were sent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from cbt.db.types import Base, UtcDateTime


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
