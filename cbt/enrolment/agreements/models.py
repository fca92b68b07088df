"""The table of the agreements."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from cbt.db.types import Named, UtcDateTime


class UnitAgreement(Named):
    """A 职业技能等级认定管理协议 of one year; its days never change, a new term is a new agreement (R-71)."""

    unit_id: Mapped[int] = mapped_column(ForeignKey("member_unit.id"), index=True)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    """协议编号."""
    effective_on: Mapped[date] = mapped_column(Date)
    """生效日, which is not counted."""
    last_on: Mapped[date] = mapped_column(Date, index=True)
    """The last day of its term: the same date a year later."""
    body_name: Mapped[str] = mapped_column(String(120))
    """甲方, as the body was called on the day."""
    unit_signer: Mapped[str] = mapped_column(String(60))
    """乙方代表."""
    body_signer: Mapped[str] = mapped_column(String(60))
    """甲方代表."""
    note: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    made_by: Mapped[str] = mapped_column(String(80))
    ended_on: Mapped[date | None] = mapped_column(Date)
    """The last day on which it was in force, where it was ended before its term (提前终止)."""
    end_reason: Mapped[str] = mapped_column(Text)
