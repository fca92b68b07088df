"""Tables of the member units."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from cbt.db.types import Base, Named, UtcDateTime


class MemberUnit(Named):
    """A 会员单位; the phone of whom to ask is sealed like every personal number (R-70)."""

    name: Mapped[str] = mapped_column(String(120), index=True)
    credit_code: Mapped[str] = mapped_column(String(18), unique=True)
    """统一社会信用代码, in capitals."""
    contact: Mapped[str] = mapped_column(String(60))
    phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    address: Mapped[str] = mapped_column(String(200))
    note: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    left_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when it is no member any more; what it had is kept."""


class UnitClerk(Base):
    """Whose own unit somebody sees: the login of a 单位经办人 belongs to one unit for good (R-70)."""

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True, autoincrement=False)
    unit_id: Mapped[int] = mapped_column(ForeignKey("member_unit.id"), index=True)
