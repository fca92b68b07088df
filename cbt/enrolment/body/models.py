"""The table of the body."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from cbt.db.types import Base
from cbt.rules.publicity import DAYS

ONLY = 1


class AssessmentBody(Base):
    """The one 评价机构 of an installation; without a row it is the notice's."""

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(120))
    address: Mapped[str] = mapped_column(String(200))
    """Where applications are handed in (申报地点)."""
    phone: Mapped[str] = mapped_column(String(40))
    website: Mapped[str] = mapped_column(String(200))
    """Where certificates and scores are looked up (证书查询)."""
    look_up: Mapped[str] = mapped_column(String(120), server_default="")
    """The page at which anybody looks a certificate up: what a print says and its QR leads to; empty: none yet."""
    publicity_days: Mapped[int] = mapped_column(server_default=str(DAYS), default=DAYS)
    """For how many working days results are shown before they are released; 0: for none (R-90)."""
