"""Tables of the assembly room."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from cbt.storage.types import Base, Named, UtcDateTime


class Form(Named):
    """A 试卷, frozen when drawn: canonical JSON of items, versions, orders and points, and its hash.

    Source: R-43.
    """

    blueprint_version_id: Mapped[int] = mapped_column(ForeignKey("blueprint_version.id"))
    paper: Mapped[str] = mapped_column(String(20))
    bank_id: Mapped[int] = mapped_column(ForeignKey("item_bank.id"))
    bank_revision: Mapped[str] = mapped_column(String(64))
    seed: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    drawn_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Arrangement(Base):
    """What scoring needs of a form, prepared when it is drawn (see rules.form_score.arranged); no key is in it.

    In a table of its own: to reach what stands behind a long text, a database reads all of it.
    """

    form_id: Mapped[int] = mapped_column(ForeignKey("form.id", ondelete="CASCADE"), primary_key=True)
    bank_id: Mapped[int] = mapped_column(ForeignKey("item_bank.id"))
    seal: Mapped[str] = mapped_column(String(64))
    """The digest of form, bank and text: one that does not fit is not believed."""
    text: Mapped[str] = mapped_column(Text)
    """The hash of the form it was made of, a line of its own, and the arrangement."""
