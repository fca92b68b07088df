"""What the bookkeeper takes: every entry of some days, once, by the day on which it was booked."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from cbt.enrolment.fees.statement import MONEY
from cbt.enrolment.models import FeeCharge, FeePayment, FeeRefund, MemberUnit, UnitApplication
from cbt.errors import InvalidInput
from cbt.rules.enrolment.fees import yuan
from cbt.spreadsheets.writer import add_sheet, new_workbook, text_format, to_csv, write_text

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


def entries_of(session: Session, first: date, last: date) -> list[FeeEntry]:
    """Return the entries that were booked from one day to another, in the order of the days. Source: R-76."""
    found = [
        *_lines(session, "charge", FeeCharge.charged_on, FeeCharge.charged_on.between(first, last)),
        *_lines(session, "cancel", FeeCharge.cancelled_on, FeeCharge.cancelled_on.between(first, last)),
        *_money(session, first, last),
    ]
    return sorted(found, key=lambda one: one.booked_on)


def _lines(
    session: Session,
    entry: str,
    booked_on: InstrumentedAttribute[date] | InstrumentedAttribute[date | None],
    chosen: ColumnElement[bool],
) -> Iterator[FeeEntry]:
    why = (FeeCharge.cause, FeeCharge.cancel_reason) if entry == "cancel" else ()
    by = (booked_on, MemberUnit.name, MemberUnit.credit_code, UnitApplication.ref, FeeCharge.kind, *why)
    rows = session.execute(
        select(*by, func.sum(FeeCharge.fen))
        .join(MemberUnit, MemberUnit.id == FeeCharge.unit_id)
        .join(UnitApplication, UnitApplication.id == FeeCharge.application_id)
        .where(chosen)
        .group_by(*by)
        .order_by(UnitApplication.ref, FeeCharge.kind, *why)
    )
    for day, unit, code, of, kind, *cause, fen in rows:
        yield FeeEntry(day, entry, unit, code, of, "", f"kind.{kind}", day, "", "", int(fen), _said(*cause))


def _said(cause: str = "", reason: str = "") -> str:
    """Return why lines were cancelled."""
    said = [str(_(f"enrolment.fees.cause.{cause}"))] if cause else []
    return str(_("enrolment.list.semicolon")).join([*said, *([reason] if reason else [])])


def _money(session: Session, first: date, last: date) -> Iterator[FeeEntry]:
    paid = (
        select(FeePayment, MemberUnit)
        .join(MemberUnit, MemberUnit.id == FeePayment.unit_id)
        .order_by(FeePayment.id)
    )
    for one, unit in session.execute(paid.where(FeePayment.booked_on.between(first, last))):
        yield _payment("payment", one, unit, one.booked_on, one.paid_on, one.note)
    for one, unit in session.execute(paid.where(FeePayment.reversed_on.between(first, last))):
        day = one.reversed_on or last
        yield _payment("reversal", one, unit, day, day, one.reverse_reason)
    given = (
        select(FeeRefund, FeePayment, MemberUnit)
        .join(FeePayment, FeePayment.id == FeeRefund.payment_id)
        .join(MemberUnit, MemberUnit.id == FeePayment.unit_id)
        .where(FeeRefund.booked_on.between(first, last))
        .order_by(FeeRefund.id)
    )
    for back, one, unit in session.execute(given):
        yield FeeEntry(
            back.booked_on, "refund", unit.name, unit.credit_code, "", back.ref, "", back.given_on, one.payer,
            back.reference, back.fen, back.reason,
        )  # fmt: skip


def _payment(
    entry: str, one: FeePayment, unit: MemberUnit, booked_on: date, day: date, reason: str
) -> FeeEntry:
    return FeeEntry(
        booked_on, entry, unit.name, unit.credit_code, "", one.ref, f"way.{one.way}", day, one.payer,
        one.reference, one.fen, reason,
    )  # fmt: skip


def journal_csv(entries: list[FeeEntry]) -> bytes:
    """Return entries as CSV."""
    return to_csv([_heads(), *(one.cells() for one in entries)])


def journal_book(entries: list[FeeEntry]) -> bytes:
    """Return entries as a workbook: amounts are numbers, all else stays text."""
    target = io.BytesIO()
    book = new_workbook(target)
    sheet = add_sheet(book, str(_("enrolment.fees.journal")))
    plain = text_format(book)
    bold = text_format(book, {"bold": True, "bg_color": "#F2F2F2", "border": 1})
    money = book.add_format({"num_format": MONEY})
    for place, ((_name, width), head) in enumerate(zip(COLUMNS, _heads(), strict=True)):
        sheet.set_column(place, place, width)
        write_text(sheet, 0, place, head, bold)
    sheet.freeze_panes(1, 0)
    for row, one in enumerate(entries, 1):
        for place, cell in enumerate(one.cells()):
            if place == _AMOUNT:
                sheet.write_number(row, place, one.fen / 100, money)
            else:
                write_text(sheet, row, place, cell, plain)
    book.close()
    return target.getvalue()


def _heads() -> list[str]:
    return [str(_(f"enrolment.fees.col.{name}")) for name, _width in COLUMNS]
