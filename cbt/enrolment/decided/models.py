"""Tables of what the office decided, over the published arrangement of days and over the blueprints' majors."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cbt.db.types import Base, Named, UtcDateTime


class OfficeDay(Base):
    """A day that the office says is worked or free, whatever was published."""

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    worked: Mapped[bool]
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))


class OfficeMajor(Named):
    """A major (专业) that the office decided about for an occupation, whatever its blueprints say."""

    __table_args__ = (UniqueConstraint("occupation", "plain"),)

    occupation: Mapped[str] = mapped_column(String(80))
    name: Mapped[str] = mapped_column(String(60))
    plain: Mapped[str] = mapped_column(String(60))
    """The name as it is compared (`plain_major`)."""
    kind: Mapped[str] = mapped_column(String(8))
    """`own`, `related` or `other`."""
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))
