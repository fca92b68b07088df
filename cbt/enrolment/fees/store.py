"""Queries of the fees: what is charged, paid and left, by unit, application or payment, as sums and as pages.

Amounts are in 分.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Subquery, case, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from cbt.blueprints.models import BlueprintVersion
from cbt.blueprints.store import blueprint_of
from cbt.enrolment.fees.charges import CHARGED
from cbt.enrolment.models import (
    Applicant,
    FeeCharge,
    FeeMatch,
    FeePayment,
    FeeRefund,
    MemberUnit,
    UnitApplication,
)
from cbt.errors import Conflict
from cbt.rules.enrolment.fees import FeePolicy, yuan
from cbt.rules.states import ApplicationState
from cbt.sittings.models import Batch
from cbt.storage.page_span import ListPage, PageSpan


@dataclass(frozen=True, slots=True)
class Owed:
    """What was charged, what of it is open since when, and what was paid that pays nothing yet."""

    charged: int = 0
    open: int = 0
    since: date | None = None
    credit: int = 0

    def days(self, today: date) -> int:
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
    return (
        select(FeeRefund.payment_id.label("key"), func.sum(FeeRefund.fen).label("fen"))
        .group_by(FeeRefund.payment_id)
        .subquery()
    )


def owed(charged: Any, open_: Any, since: date | None, credit: Any) -> Owed:
    """Return sums as a database gives them: nothing for none."""
    return Owed(int(charged or 0), int(open_ or 0), since, int(credit or 0))


def keeps_from_sitting(session: Session, application: UnitApplication, fees: FeePolicy) -> int:
    """Return how much is to be paid before the people of an application may sit, in 分; 0 for nothing.

    Source: R-76.
    """
    if fees.unpaid_may_sit:
        return 0
    lines = line_sums(FeeCharge.application_id, FeeCharge.application_id == application.id)
    return int(session.scalar(select(lines.c.open)) or 0)


def refuse_unpaid(session: Session, application: UnitApplication, fees: FeePolicy) -> None:
    """Refuse to take the people of an application to a batch; raise Conflict("application.unpaid").

    Source: R-76.
    """
    left = keeps_from_sitting(session, application, fees)
    if left:
        raise Conflict("application.unpaid", amount=yuan(left))


@dataclass(frozen=True, slots=True)
class UnpaidApplication:
    """An accepted application of which something is open that keeps its people from sitting, in 分."""

    number: str
    fen: int


_ASKED_AT_ONCE = 500


def unpaid_of(session: Session, indexes: Collection[str]) -> dict[tuple[str, str], UnpaidApplication]:
    """Return what keeps people from sitting, by the digest of their number and the ref of the blueprint.

    They are held to what is open of the whole application, as `refuse_unpaid` holds it, however they come into a
    batch.

    Source: R-76.
    """
    applied: list[tuple[str, str, int, str, int]] = []
    waiting = sorted(indexes)
    for start in range(0, len(waiting), _ASKED_AT_ONCE):
        query = (
            select(
                Applicant.document_index,
                BlueprintVersion.ref,
                UnitApplication.id,
                UnitApplication.number,
                UnitApplication.blueprint_version_id,
            )
            .join(UnitApplication, UnitApplication.id == Applicant.application_id)
            .join(BlueprintVersion, BlueprintVersion.id == UnitApplication.blueprint_version_id)
            .where(
                Applicant.document_index.in_(waiting[start : start + _ASKED_AT_ONCE]),
                Applicant.verdict == "accepted",
                UnitApplication.state.in_((ApplicationState.ACCEPTED, ApplicationState.SCHEDULED)),
            )
        )
        applied += [
            (index, ref, key, number, version) for index, ref, key, number, version in session.execute(query)
        ]
    held = {row[2] for row in applied if not blueprint_of(session, row[4]).fees.unpaid_may_sit}
    if not held:
        return {}
    lines = line_sums(FeeCharge.application_id, FeeCharge.application_id.in_(held))
    still_open = {key: int(fen) for key, fen in session.execute(select(lines.c.key, lines.c.open))}
    return {
        (index, ref): UnpaidApplication(number, still_open[application_id])
        for index, ref, application_id, number, _version in applied
        if still_open.get(application_id)
    }


FEE_PAGE = 50
PAYMENT_PAGE = 20


@dataclass(frozen=True, slots=True)
class UnitFees:
    """A unit and how its account stands."""

    unit: MemberUnit
    owed: Owed


@dataclass(frozen=True, slots=True)
class StatementLine:
    """The statement of an application in a list."""

    application: UnitApplication
    batch: Batch | None
    people: int
    owed: Owed


@dataclass(frozen=True, slots=True)
class PaymentLine:
    """A payment, what of it was given back, and what of it pays nothing yet; nothing of a reversed one is left."""

    payment: FeePayment
    refunded: int
    credit: int


def unit_fees_page(session: Session, *, kind: str, page: int) -> tuple[ListPage[UnitFees], Owed]:
    """Return a page of the units that were charged or paid, those who owe the longest first, and what all owe."""
    lines, money = line_sums(FeeCharge.unit_id), credit_sums()
    owes, credit = func.coalesce(lines.c.open, 0), func.coalesce(money.c.credit, 0)
    kinds: dict[str, ColumnElement[bool]] = {
        "open": owes > 0,
        "credit": credit > 0,
        "all": or_(lines.c.key.is_not(None), money.c.key.is_not(None)),
    }
    joined = (
        select(MemberUnit, lines.c.charged, owes, lines.c.since, credit)
        .outerjoin(lines, lines.c.key == MemberUnit.id)
        .outerjoin(money, money.c.key == MemberUnit.id)
        .where(kinds["all"])
    )
    *each, charged, open_, free = session.execute(
        joined.with_only_columns(
            *(func.count().filter(picked) for picked in kinds.values()),
            func.sum(lines.c.charged),
            func.sum(owes),
            func.sum(credit),
        )
    ).one()
    counts = dict(zip(kinds, each, strict=True))
    kind = kind if kind in counts else "open"
    span = PageSpan(counts[kind], FEE_PAGE, page)
    ordered = joined.where(kinds[kind]).order_by(lines.c.since.is_(None), lines.c.since, MemberUnit.id)
    unit_fees = [UnitFees(unit, owed(*sums)) for unit, *sums in session.execute(span.cut(ordered))]
    return span.of(unit_fees, kind=kind, counts=counts), owed(charged, open_, None, free)


def owed_by(session: Session, unit_id: int) -> Owed:
    """Return how the account of a unit stands."""
    lines, money = line_sums(FeeCharge.unit_id, FeeCharge.unit_id == unit_id), credit_sums(unit_id)
    row = session.execute(
        select(lines.c.charged, lines.c.open, lines.c.since, money.c.credit)
        .select_from(MemberUnit)
        .outerjoin(lines, lines.c.key == MemberUnit.id)
        .outerjoin(money, money.c.key == MemberUnit.id)
        .where(MemberUnit.id == unit_id)
    ).one()
    return owed(*row)


def statements_of(session: Session, unit_id: int, *, page: int) -> ListPage[StatementLine]:
    """Return a page of a unit's statements, one for each application that was charged, the newest first."""
    mine = FeeCharge.unit_id == unit_id
    lines = line_sums(FeeCharge.application_id, mine)
    count = session.scalar(select(func.count()).select_from(lines)) or 0
    span = PageSpan(count, FEE_PAGE, page)
    query = (
        select(UnitApplication, Batch, lines.c.people, lines.c.charged, lines.c.open, lines.c.since)
        .join(lines, lines.c.key == UnitApplication.id)
        .outerjoin(Batch, Batch.id == UnitApplication.batch_id)
        .order_by(UnitApplication.id.desc())
    )
    return span.of(
        [
            StatementLine(one, batch, people, owed(charged, left, since, 0))
            for one, batch, people, charged, left, since in session.execute(span.cut(query))
        ]
    )


def open_statements(session: Session, unit_id: int) -> list[tuple[str, str, int]]:
    """Return the refs and numbers of a unit's applications of which something is open, and how much."""
    lines = line_sums(FeeCharge.application_id, FeeCharge.unit_id == unit_id)
    rows = session.execute(
        select(UnitApplication.ref, UnitApplication.number, lines.c.open)
        .join(lines, lines.c.key == UnitApplication.id)
        .where(lines.c.open > 0)
        .order_by(lines.c.since, UnitApplication.id)
        .limit(FEE_PAGE)
    )
    return [(ref, number, int(fen)) for ref, number, fen in rows]


def payments_of(session: Session, unit_id: int, *, page: int) -> ListPage[PaymentLine]:
    """Return a page of a unit's payments, the newest first."""
    query, count = _payments(FeePayment.unit_id == unit_id), func.count()
    total = session.scalar(select(count).select_from(FeePayment).where(FeePayment.unit_id == unit_id)) or 0
    span = PageSpan(total, PAYMENT_PAGE, page)
    rows = session.execute(span.cut(query.order_by(FeePayment.paid_on.desc(), FeePayment.id.desc())))
    return span.of([PaymentLine(one, int(back), int(free)) for one, back, free in rows])


def payment_line(session: Session, payment_id: int) -> PaymentLine:
    payment, back, free = session.execute(_payments(FeePayment.id == payment_id)).one()
    return PaymentLine(payment, int(back), int(free))


def paid_applications(session: Session, payment_id: int) -> list[tuple[UnitApplication, int]]:
    """Return the applications whose lines a payment pays, and how much of each."""
    rows = session.execute(
        select(UnitApplication, func.sum(FeeMatch.fen))
        .join(FeeCharge, FeeCharge.application_id == UnitApplication.id)
        .join(FeeMatch, FeeMatch.charge_id == FeeCharge.id)
        .where(FeeMatch.payment_id == payment_id, FeeMatch.undone_at.is_(None))
        .group_by(UnitApplication.id)
        .order_by(UnitApplication.id)
    )
    return [(one, int(fen)) for one, fen in rows]


def refunds_of(session: Session, payment_id: int) -> Sequence[FeeRefund]:
    return session.scalars(
        select(FeeRefund).where(FeeRefund.payment_id == payment_id).order_by(FeeRefund.id)
    ).all()


def not_charged(session: Session) -> int:
    """Return how many applications were accepted before fees were kept."""
    query = select(func.count()).select_from(UnitApplication)
    return (
        session.scalar(query.where(UnitApplication.state.in_(CHARGED), UnitApplication.charged_on.is_(None)))
        or 0
    )


def _payments(chosen: ColumnElement[bool]) -> Any:
    back, used = refund_sums(), paid_sums(FeeMatch.payment_id)
    refunded = func.coalesce(back.c.fen, 0)
    free = case(
        (FeePayment.reversed_on.is_(None), FeePayment.fen - refunded - func.coalesce(used.c.fen, 0)), else_=0
    )
    return (
        select(FeePayment, refunded, free)
        .outerjoin(back, back.c.key == FeePayment.id)
        .outerjoin(used, used.c.key == FeePayment.id)
        .where(chosen)
    )
