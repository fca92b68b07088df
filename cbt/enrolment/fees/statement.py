"""A statement (对账单), a payment with what it pays, and the bookkeeper's entries of some days.

Each is gathered in one reading.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from heapq import merge
from itertools import chain
from operator import attrgetter
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from cbt.accounts.store import actor_names
from cbt.blueprints.store import blueprints_of
from cbt.enrolment.body import body
from cbt.enrolment.fees.accounts import matches_of
from cbt.enrolment.fees.store import PaymentLine, paid_applications, payment_line, refunds_of
from cbt.enrolment.models import (
    Applicant,
    FeeCharge,
    FeeMatch,
    FeePayment,
    FeeRefund,
    MemberUnit,
    UnitApplication,
)
from cbt.errors import InvalidInput, NotFound
from cbt.rules.enrolment.fees import (
    ChargedLine,
    FeeKind,
    FeeLedger,
    FeeLine,
    FeeStatement,
    capital_amount,
    statement_of,
    yuan,
)
from cbt.rules.exam import ExamBlueprint
from cbt.sittings.models import Batch
from cbt.spreadsheets.writer import add_sheet, new_workbook, text_format, to_csv, write_text


@dataclass(frozen=True, slots=True)
class ChargeView:
    """A line as it is shown: for whom, for what, and what of it is paid; nobody is named who was taken out."""

    charge: FeeCharge
    name: str
    document: str
    what: str
    paid: int
    open: int


@dataclass(frozen=True, slots=True)
class StatementDetails:
    """The statement of an application, or of all a unit's applications of a batch; `ref` is that of either.

    `number` is the one of the application, "" of several; `paid_into` the account of the body, by its labels.
    """

    unit: MemberUnit
    ref: str
    number: str
    batch: Batch | None
    levels: list[str]
    sums: FeeStatement
    lines: list[ChargeView]
    cancelled: list[ChargeView]
    payments: Sequence[tuple[FeePayment, int]]
    body_name: str
    paid_into: list[tuple[str, str]]
    day: date

    @property
    def title(self) -> str:
        """What it is called: the name of the batch, or the number of the application."""
        return self.batch.name if self.batch and self.batch.ref == self.ref else self.number


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
        ChargeView(
            charge=charge,
            name=person.name if person else "",
            document=person.document_masked if person else "",
            what=_what(charge, blueprints[charge.application_id]),
            paid=stands[charge.ref].paid if charge.ref in stands else 0,
            open=stands[charge.ref].open if charge.ref in stands else 0,
        )
        for charge, person in rows
    ]
    details = body(session)
    return StatementDetails(
        unit=unit,
        ref=ref,
        number=applications[0].number if len(applications) == 1 else "",
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
        body_name=details.name,
        paid_into=details.paid_into,
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
    application = session.scalar(mine.where(UnitApplication.ref == ref))
    if application is not None:
        return [application], session.get(Batch, application.batch_id) if application.batch_id else None
    batch = session.scalar(select(Batch).where(Batch.ref == ref))
    applications = (
        session.scalars(mine.where(UnitApplication.batch_id == batch.id).order_by(UnitApplication.id)).all()
        if batch
        else []
    )
    if not applications:
        raise NotFound("fees.no_statement")
    return applications, batch


def _what(charge: FeeCharge, blueprint: ExamBlueprint) -> str:
    kind = str(_(f"enrolment.fees.kind.{charge.kind}"))
    if not charge.paper:
        return kind
    paper = blueprint.papers.get(charge.paper)
    return str(_("enrolment.fees.of_paper", kind=kind, paper=paper.name if paper else charge.paper))


MONEY = "0.00"
_WIDTHS = (6, 18, 24, 34, 12, 12, 12)


def statement_paper(details: StatementDetails) -> dict[str, Any]:
    """Return what the paper says. Source: R-76."""
    sums = details.sums
    return {
        "title": _("enrolment.fees.statement"),
        "foot": f"{details.title} · {details.unit.name}",
        "body": details.body_name,
        "facts": _facts(details),
        "heads": _heads(),
        "rows": [
            [str(number), one.name, one.document, one.what, *map(yuan, (one.charge.fen, one.paid, one.open))]
            for number, one in enumerate(details.lines, 1)
        ],
        "sums": [
            [_("enrolment.fees.charged"), yuan(sums.fen)],
            [_("enrolment.fees.paid"), yuan(sums.paid)],
            [_("enrolment.fees.open"), yuan(sums.open)],
        ],
        "capital": [_("enrolment.fees.capital"), capital_amount(sums.open)],
        "account": [[_(label), value] for label, value in details.paid_into],
        "payments": [
            [one.paid_on.isoformat(), one.payer, one.reference or "—", yuan(fen)]
            for one, fen in details.payments
        ],
        "payment_heads": [
            _("enrolment.fees.paid_on"),
            _("enrolment.fees.payer"),
            _("enrolment.fees.reference"),
            _("enrolment.fees.matched"),
        ],
        "signing": [_("enrolment.fees.sign.body"), _("enrolment.fees.sign.unit")],
        "words": {
            "page": _("candidates.print.page", number="{n}", count="{of}"),
            "payments": _("enrolment.fees.payments"),
            "paid_into": _("enrolment.fees.paid_into"),
            "paid_into_note": _("enrolment.fees.paid_into.note", number=details.title),
            "in_yuan": _("enrolment.fees.in_yuan"),
        },
    }


def statement_book(details: StatementDetails) -> bytes:
    """Return the statement as a workbook: amounts are numbers of 元, all else stays text."""
    target = io.BytesIO()
    book = new_workbook(target)
    sheet = add_sheet(book, str(_("enrolment.fees.statement")))
    plain = text_format(book)
    bold = text_format(book, {"bold": True, "bg_color": "#F2F2F2", "border": 1})
    money = book.add_format({"num_format": MONEY})
    total = book.add_format({"num_format": MONEY, "bold": True, "top": 1})
    for place, width in enumerate(_WIDTHS):
        sheet.set_column(place, place, width)
    row = 0
    for name, value in _facts(details):
        write_text(sheet, row, 0, str(name), bold)
        write_text(sheet, row, 1, str(value), plain)
        row += 1
    row += 1
    for place, head in enumerate(_heads()):
        write_text(sheet, row, place, head, bold)
    for number, charge in enumerate(details.lines, 1):
        row += 1
        sheet.write_number(row, 0, number)
        for place, text in enumerate((charge.name, charge.document, charge.what), 1):
            write_text(sheet, row, place, text, plain)
        for place, fen in enumerate((charge.charge.fen, charge.paid, charge.open), 4):
            sheet.write_number(row, place, fen / 100, money)
    row += 1
    write_text(sheet, row, 3, str(_("enrolment.fees.total")), bold)
    for place, fen in enumerate((details.sums.fen, details.sums.paid, details.sums.open), 4):
        sheet.write_number(row, place, fen / 100, total)
    row += 1
    for label, value in details.paid_into:
        row += 1
        write_text(sheet, row, 0, str(_(label)), bold)
        write_text(sheet, row, 1, value, plain)
    book.close()
    return target.getvalue()


def _facts(details: StatementDetails) -> list[list[str]]:
    return [
        [_("enrolment.unit.name"), details.unit.name],
        [_("enrolment.unit.credit_code"), details.unit.credit_code],
        [_("enrolment.fees.statement_of"), details.title],
        [_("enrolment.application.level"), _("enrolment.list.comma").join(details.levels)],
        [_("enrolment.application.people"), str(details.sums.people)],
        [_("enrolment.fees.as_of"), details.day.isoformat()],
    ]


def _heads() -> list[str]:
    return [
        _("enrolment.fees.number"),
        _("candidates.name"),
        _("candidates.document"),
        _("enrolment.fees.what"),
        _("enrolment.fees.charged"),
        _("enrolment.fees.paid"),
        _("enrolment.fees.open"),
    ]


COLUMNS = (
    ("booked_on", 12),
    ("entry", 12),
    ("unit", 36),
    ("credit_code", 22),
    ("statement_of", 16),
    ("entry_ref", 16),
    ("what", 18),
    ("day", 12),
    ("payer", 30),
    ("reference", 24),
    ("amount", 14),
    ("reason", 40),
)
_AMOUNT = [name for name, _width in COLUMNS].index("amount")


@dataclass(frozen=True, slots=True)
class FeeEntry:
    """An entry: what was charged or cancelled for an application that day, paid, reversed or given back.

    `fen` is never negative: which way it goes is said by `entry`.
    """

    booked_on: date
    entry: str
    unit: str
    credit_code: str
    statement_of: str
    entry_ref: str
    what: str
    day: date
    payer: str
    reference: str
    fen: int
    reason: str

    def cells(self) -> list[str]:
        """Return the texts of a row, the amount in 元 with two decimals."""
        return [
            self.booked_on.isoformat(),
            str(_(f"enrolment.fees.entry.{self.entry}")),
            self.unit,
            self.credit_code,
            self.statement_of,
            self.entry_ref,
            str(_(f"enrolment.fees.{self.what}")) if self.what else "",
            self.day.isoformat(),
            self.payer,
            self.reference,
            yuan(self.fen),
            self.reason,
        ]


def span_of(first: str, last: str, *, today: date) -> tuple[date, date]:
    """Return from which to which day, this month up to today where nothing is said.

    Raise InvalidInput("fees.span") for what are no days, or days in the wrong order.
    """
    try:
        begins = date.fromisoformat(first) if first else today.replace(day=1)
        ends = date.fromisoformat(last) if last else today
    except ValueError as error:
        raise InvalidInput("fees.span", field="from") from error
    if begins > ends:
        raise InvalidInput("fees.span", field="from")
    return begins, ends


READ_AT_ONCE = 500
"""Rows of a source that are in memory at a time, however many were booked."""


def entries_of(session: Session, first: date, last: date) -> Iterator[FeeEntry]:
    """Yield the entries that were booked from one day to another, in the order of the days, as they are read.

    Each source is read a piece at a time; on one day charges come first, then what was cancelled, paid, reversed,
    given back.

    Source: R-76.
    """
    return merge(
        _lines(session, "charge", FeeCharge.charged_on, FeeCharge.charged_on.between(first, last)),
        _lines(session, "cancel", FeeCharge.cancelled_on, FeeCharge.cancelled_on.between(first, last)),
        _paid(session, first, last),
        _reversed(session, first, last),
        _given_back(session, first, last),
        key=attrgetter("booked_on"),
    )


def entry_count(session: Session, first: date, last: date) -> int:
    """Return how many entries these are at most: lines that make one entry are counted each."""
    days = (FeeCharge.charged_on, FeeCharge.cancelled_on, FeePayment.booked_on, FeePayment.reversed_on)
    counts = [select(func.count()).where(day.between(first, last)).scalar_subquery() for day in days]
    counts.append(select(func.count()).where(FeeRefund.booked_on.between(first, last)).scalar_subquery())
    return sum(session.execute(select(*counts)).one())


def _lines(
    session: Session,
    entry: str,
    booked_on: InstrumentedAttribute[date] | InstrumentedAttribute[date | None],
    chosen: ColumnElement[bool],
) -> Iterator[FeeEntry]:
    why = (FeeCharge.cause, FeeCharge.cancel_reason) if entry == "cancel" else ()
    by = (booked_on, MemberUnit.name, MemberUnit.credit_code, UnitApplication.number, FeeCharge.kind, *why)
    rows = session.execute(
        select(*by, func.sum(FeeCharge.fen))
        .join(MemberUnit, MemberUnit.id == FeeCharge.unit_id)
        .join(UnitApplication, UnitApplication.id == FeeCharge.application_id)
        .where(chosen)
        .group_by(*by)
        .order_by(booked_on, UnitApplication.number, FeeCharge.kind, *why)
        .execution_options(yield_per=READ_AT_ONCE)
    )
    with closing(rows):
        for day, unit, code, of, kind, *cause, fen in rows:
            yield FeeEntry(
                day, entry, unit, code, of, "", f"kind.{kind}", day, "", "", int(fen), _said(*cause)
            )


def _said(cause: str = "", reason: str = "") -> str:
    reasons = [str(_(f"enrolment.fees.cause.{cause}"))] if cause else []
    return str(_("enrolment.list.semicolon")).join([*reasons, *([reason] if reason else [])])


def _paid(session: Session, first: date, last: date) -> Iterator[FeeEntry]:
    query = _payments().where(FeePayment.booked_on.between(first, last))
    with closing(session.execute(query.order_by(FeePayment.booked_on, FeePayment.id))) as rows:
        for payment, unit in rows:
            yield _payment("payment", payment, unit, payment.booked_on, payment.paid_on, payment.note)


def _reversed(session: Session, first: date, last: date) -> Iterator[FeeEntry]:
    query = _payments().where(FeePayment.reversed_on.between(first, last))
    with closing(session.execute(query.order_by(FeePayment.reversed_on, FeePayment.id))) as rows:
        for payment, unit in rows:
            day = payment.reversed_on or last
            yield _payment("reversal", payment, unit, day, day, payment.reverse_reason)


def _payments() -> Select[FeePayment, MemberUnit]:
    query = select(FeePayment, MemberUnit).join(MemberUnit, MemberUnit.id == FeePayment.unit_id)
    return query.execution_options(yield_per=READ_AT_ONCE)


def _given_back(session: Session, first: date, last: date) -> Iterator[FeeEntry]:
    query = (
        select(FeeRefund, FeePayment, MemberUnit)
        .join(FeePayment, FeePayment.id == FeeRefund.payment_id)
        .join(MemberUnit, MemberUnit.id == FeePayment.unit_id)
        .where(FeeRefund.booked_on.between(first, last))
        .order_by(FeeRefund.booked_on, FeeRefund.id)
        .execution_options(yield_per=READ_AT_ONCE)
    )
    with closing(session.execute(query)) as rows:
        for back, payment, unit in rows:
            yield FeeEntry(
                back.booked_on, "refund", unit.name, unit.credit_code, "", back.ref, "", back.given_on,
                payment.payer, back.reference, back.fen, back.reason,
            )  # fmt: skip


def _payment(
    entry: str, payment: FeePayment, unit: MemberUnit, booked_on: date, day: date, reason: str
) -> FeeEntry:
    return FeeEntry(
        booked_on, entry, unit.name, unit.credit_code, "", payment.ref, f"way.{payment.way}", day, payment.payer,
        payment.reference, payment.fen, reason,
    )  # fmt: skip


def journal_csv(entries: Iterable[FeeEntry]) -> bytes:
    return to_csv(chain([_book_heads()], (entry.cells() for entry in entries)))


def journal_book(entries: Iterable[FeeEntry]) -> bytes:
    """Return entries as a workbook, written a row at a time: amounts are numbers, all else stays text."""
    target = io.BytesIO()
    book = new_workbook(target, long=True)
    sheet = add_sheet(book, str(_("enrolment.fees.journal")))
    plain = text_format(book)
    bold = text_format(book, {"bold": True, "bg_color": "#F2F2F2", "border": 1})
    money = book.add_format({"num_format": MONEY})
    for place, ((_name, width), head) in enumerate(zip(COLUMNS, _book_heads(), strict=True)):
        sheet.set_column(place, place, width)
        write_text(sheet, 0, place, head, bold)
    sheet.freeze_panes(1, 0)
    for row, entry in enumerate(entries, 1):
        for place, cell in enumerate(entry.cells()):
            if place == _AMOUNT:
                sheet.write_number(row, place, entry.fen / 100, money)
            else:
                write_text(sheet, row, place, cell, plain)
    book.close()
    return target.getvalue()


def _book_heads() -> list[str]:
    return [str(_(f"enrolment.fees.col.{name}")) for name, _width in COLUMNS]
