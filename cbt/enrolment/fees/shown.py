"""A statement (对账单) as page, paper and workbook show it, gathered in one reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.accounts.store import actor_names
from cbt.enrolment.applications.models import Applicant, UnitApplication
from cbt.enrolment.body.service import body
from cbt.enrolment.fees.accounts import matches_of
from cbt.enrolment.fees.models import FeeCharge, FeeMatch, FeePayment, FeeRefund
from cbt.enrolment.fees.store import PaymentLine, paid_applications, payment_line, refunds_of
from cbt.enrolment.units.models import MemberUnit
from cbt.errors import NotFound
from cbt.exams.store import blueprints_of
from cbt.rules.enrolment.fees.ledger import FeeLedger
from cbt.rules.enrolment.fees.lines import FeeKind, FeeLine
from cbt.rules.enrolment.fees.statement import ChargedLine, FeeStatement, statement_of
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.sittings.models import Batch


@dataclass(frozen=True, slots=True)
class ShownCharge:
    """A line as it is shown: for whom, for what, and what of it is paid; nobody is named who was taken out."""

    charge: FeeCharge
    name: str
    document: str
    what: str
    paid: int
    open: int


@dataclass(frozen=True, slots=True)
class StatementDetails:
    """The statement of an application, or of all a unit's applications of a batch; `ref` is that of either."""

    unit: MemberUnit
    ref: str
    batch: Batch | None
    levels: list[str]
    sums: FeeStatement
    lines: list[ShownCharge]
    cancelled: list[ShownCharge]
    payments: Sequence[tuple[FeePayment, int]]
    body_name: str
    day: date

    @property
    def title(self) -> str:
        """What it is called: the name of the batch, or the number of the application."""
        return self.batch.name if self.batch and self.batch.ref == self.ref else self.ref


def statement_details(session: Session, unit: MemberUnit, ref: str, *, day: date) -> StatementDetails:
    """Return the statement of one of a unit's applications, or of a batch of it.

    Raise NotFound("fees.no_statement"): another unit's is as unknown as none.

    Source: R-70, R-76.
    """
    applications, batch = _applications(session, unit, ref)
    within = FeeCharge.application_id.in_([one.id for one in applications])
    rows = session.execute(
        select(FeeCharge, Applicant)
        .outerjoin(Applicant, Applicant.id == FeeCharge.applicant_id)
        .where(within)
        .order_by(FeeCharge.application_id, FeeCharge.id)
    ).all()
    charges = [charge for charge, _person in rows]
    ledger = FeeLedger(
        lines={one.ref: one.fen for one in charges},
        cancelled=frozenset(one.ref for one in charges if one.cancelled_on is not None),
        matches=matches_of(session, within),
    )
    charged = [
        ChargedLine(one.ref, str(one.applicant_id), FeeLine(FeeKind(one.kind), one.paper, one.fen))
        for one in charges
        if one.cancelled_on is None
    ]
    sums = statement_of(ledger, charged)
    stands = {row.charged.ref: row for row in sums.rows}
    versions = blueprints_of(session, [one.blueprint_version_id for one in applications])
    blueprints = {one.id: versions[one.blueprint_version_id] for one in applications}
    shown = [
        ShownCharge(
            charge=charge,
            name=person.name if person else "",
            document=person.document_masked if person else "",
            what=_what(charge, blueprints[charge.application_id]),
            paid=stands[charge.ref].paid if charge.ref in stands else 0,
            open=stands[charge.ref].open if charge.ref in stands else 0,
        )
        for charge, person in rows
    ]
    return StatementDetails(
        unit=unit,
        ref=ref,
        batch=batch,
        levels=list(
            dict.fromkeys(f"{one.occupation_name}（{one.level_name}）" for one in blueprints.values())
        ),
        sums=sums,
        lines=[one for one in shown if one.charge.cancelled_on is None],
        cancelled=[one for one in shown if one.charge.cancelled_on is not None],
        payments=[
            (payment, int(fen))
            for payment, fen in session.execute(
                select(FeePayment, func.sum(FeeMatch.fen))
                .join(FeeMatch, FeeMatch.payment_id == FeePayment.id)
                .join(FeeCharge, FeeCharge.id == FeeMatch.charge_id)
                .where(within, FeeMatch.undone_at.is_(None))
                .group_by(FeePayment.id)
                .order_by(FeePayment.paid_on, FeePayment.id)
            )
        ],
        body_name=body(session).name,
        day=day,
    )


@dataclass(frozen=True, slots=True)
class PaymentDetails:
    """A payment, whose it is, what it pays, what of it was given back, and the names of who acted."""

    line: PaymentLine
    unit: MemberUnit
    pays: list[tuple[UnitApplication, int]]
    refunds: Sequence[FeeRefund]
    names: dict[str, str]


def payment_details(session: Session, ref: str) -> PaymentDetails:
    """Return what the page of a payment shows; raise NotFound("fees.no_payment")."""
    payment = FeePayment.by_ref(session, ref, unknown="fees.no_payment")
    refunds = refunds_of(session, payment.id)
    actors = {payment.booked_by, payment.reversed_by, *(one.booked_by for one in refunds)}
    return PaymentDetails(
        line=payment_line(session, payment.id),
        unit=session.get_one(MemberUnit, payment.unit_id),
        pays=paid_applications(session, payment.id),
        refunds=refunds,
        names=actor_names(session, actors),
    )


def _applications(
    session: Session, unit: MemberUnit, ref: str
) -> tuple[Sequence[UnitApplication], Batch | None]:
    """Return what a statement is of: one application and its batch, or the unit's applications of a batch."""
    mine = select(UnitApplication).where(UnitApplication.unit_id == unit.id)
    one = session.scalar(mine.where(UnitApplication.ref == ref))
    if one is not None:
        return [one], session.get(Batch, one.batch_id) if one.batch_id else None
    batch = session.scalar(select(Batch).where(Batch.ref == ref))
    found = (
        session.scalars(mine.where(UnitApplication.batch_id == batch.id).order_by(UnitApplication.id)).all()
        if batch
        else []
    )
    if not found:
        raise NotFound("fees.no_statement")
    return found, batch


def _what(charge: FeeCharge, blueprint: ExamBlueprint) -> str:
    kind = str(_(f"enrolment.fees.kind.{charge.kind}"))
    if not charge.paper:
        return kind
    paper = blueprint.papers.get(charge.paper)
    return str(_("enrolment.fees.of_paper", kind=kind, paper=paper.name if paper else charge.paper))
