"""Tables of the results room."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from cbt.db.types import DecimalText, Row, UtcDateTime


class Release(Row):
    """The release of one sitting's scores by two people (R-62)."""

    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"), unique=True)
    released_at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))
    second: Mapped[str] = mapped_column(String(80))


class Result(Row):
    """What was released for one registration: `passed`, `failed`, `absent`, `violation` or `void`."""

    release_id: Mapped[int] = mapped_column(ForeignKey("release.id"), index=True)
    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id"), unique=True)
    outcome: Mapped[str] = mapped_column(String(12))
    score: Mapped[Decimal | None] = mapped_column(DecimalText)
    score_id: Mapped[int | None] = mapped_column(ForeignKey("score.id"), index=True)
    released_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it was released after the others, because an objection held it; NULL: with its sitting (R-90)."""
