"""Tables of the fees: what was charged, paid, matched and given back. All amounts are in 分."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from cbt.db.types import Named, Row, UtcDateTime


class FeeCharge(Named):
    """A line that arose by rule from somebody who was accepted; never edited, but cancelled (R-76)."""

    unit_id: Mapped[int] = mapped_column(ForeignKey("member_unit.id"), index=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("unit_application.id"), index=True)
    applicant_id: Mapped[int | None] = mapped_column(
        ForeignKey("applicant.id", ondelete="SET NULL"), index=True
    )
    """None where somebody was taken out of the application later: the line was cancelled before."""
    kind: Mapped[str] = mapped_column(String(12))
    paper: Mapped[str] = mapped_column(String(40))
    """The code of the paper, "" for all together."""
    fen: Mapped[int] = mapped_column(BigInteger)
    charged_on: Mapped[date] = mapped_column(Date)
    cancelled_on: Mapped[date | None] = mapped_column(Date)
    cause: Mapped[str] = mapped_column(String(16))
    cancel_reason: Mapped[str] = mapped_column(Text)


class FeePayment(Named):
    """What a unit paid (到账); never edited, but reversed (冲正) with a reason."""

    unit_id: Mapped[int] = mapped_column(ForeignKey("member_unit.id"), index=True)
    paid_on: Mapped[date] = mapped_column(Date)
    fen: Mapped[int] = mapped_column(BigInteger)
    way: Mapped[str] = mapped_column(String(12))
    payer: Mapped[str] = mapped_column(String(120))
    reference: Mapped[str] = mapped_column(String(80), index=True)
    note: Mapped[str] = mapped_column(Text)
    booked_on: Mapped[date] = mapped_column(Date)
    booked_by: Mapped[str] = mapped_column(String(80))
    reversed_on: Mapped[date | None] = mapped_column(Date)
    reversed_by: Mapped[str] = mapped_column(String(80))
    reverse_reason: Mapped[str] = mapped_column(Text)


class FeeMatch(Row):
    """So much of a payment pays a line (核销); one that was taken back stays on record."""

    payment_id: Mapped[int] = mapped_column(ForeignKey("fee_payment.id"), index=True)
    charge_id: Mapped[int] = mapped_column(ForeignKey("fee_charge.id"), index=True)
    fen: Mapped[int] = mapped_column(BigInteger)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    made_by: Mapped[str] = mapped_column(String(80))
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class FeeRefund(Named):
    """What of a payment was given back (退费)."""

    payment_id: Mapped[int] = mapped_column(ForeignKey("fee_payment.id"), index=True)
    fen: Mapped[int] = mapped_column(BigInteger)
    given_on: Mapped[date] = mapped_column(Date)
    reference: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str] = mapped_column(Text)
    booked_on: Mapped[date] = mapped_column(Date)
    booked_by: Mapped[str] = mapped_column(String(80))
