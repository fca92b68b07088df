"""Sums over the rows of the fees: what is charged, paid and left, by unit, application or payment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Subquery, case, func, select
from sqlalchemy.orm import InstrumentedAttribute

from cbt.enrolment.fees.models import FeeCharge, FeeMatch, FeePayment, FeeRefund


@dataclass(frozen=True, slots=True)
class Owed:
    """What was charged, what of it is open since when, and what was paid that pays nothing yet."""

    charged: int = 0
    open: int = 0
    since: date | None = None
    credit: int = 0

    def days(self, today: date) -> int:
        """Return for how many days the oldest line is open."""
        return (today - self.since).days if self.since else 0


def line_sums(by: InstrumentedAttribute[int], *chosen: ColumnElement[bool]) -> Subquery:
    """Return sums of the lines that stand, by the unit or by the application."""
    paid = paid_sums(FeeMatch.charge_id)
    left = FeeCharge.fen - func.coalesce(paid.c.fen, 0)
    return (
        select(
            by.label("key"),
            func.sum(FeeCharge.fen).label("charged"),
            func.sum(left).label("open"),
            func.min(case((left > 0, FeeCharge.charged_on))).label("since"),
            func.count(FeeCharge.applicant_id.distinct()).label("people"),
        )
        .outerjoin(paid, paid.c.key == FeeCharge.id)
        .where(FeeCharge.cancelled_on.is_(None), *chosen)
        .group_by(by)
        .subquery()
    )


def credit_sums(unit_id: int | None = None) -> Subquery:
    """Return what each unit paid that neither pays a line nor was given back."""
    back, used = refund_sums(), paid_sums(FeeMatch.payment_id)
    free = FeePayment.fen - func.coalesce(back.c.fen, 0) - func.coalesce(used.c.fen, 0)
    query = (
        select(FeePayment.unit_id.label("key"), func.sum(free).label("credit"))
        .outerjoin(back, back.c.key == FeePayment.id)
        .outerjoin(used, used.c.key == FeePayment.id)
        .where(FeePayment.reversed_on.is_(None))
        .group_by(FeePayment.unit_id)
    )
    return (query if unit_id is None else query.where(FeePayment.unit_id == unit_id)).subquery()


def paid_sums(by: InstrumentedAttribute[int]) -> Subquery:
    """Return what the matches that stand pay, by line or by payment."""
    return (
        select(by.label("key"), func.sum(FeeMatch.fen).label("fen"))
        .where(FeeMatch.undone_at.is_(None))
        .group_by(by)
        .subquery()
    )


def refund_sums() -> Subquery:
    """Return what of each payment was given back."""
    return (
        select(FeeRefund.payment_id.label("key"), func.sum(FeeRefund.fen).label("fen"))
        .group_by(FeeRefund.payment_id)
        .subquery()
    )


def owed(charged: Any, open_: Any, since: date | None, credit: Any) -> Owed:
    """Return sums as a database gives them: nothing for none."""
    return Owed(int(charged or 0), int(open_ or 0), since, int(credit or 0))
