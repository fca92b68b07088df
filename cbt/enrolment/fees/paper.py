"""A statement on paper and as a workbook."""

from __future__ import annotations

import io
from typing import Any

from flask_babel import gettext as _

from cbt.enrolment.fees.shown import StatementDetails
from cbt.rules.enrolment.fees.amounts import capital_amount, yuan
from cbt.sheets.writing import add_sheet, new_workbook, text_format, write_text

MONEY = "0.00"
_WIDTHS = (6, 18, 24, 34, 12, 12, 12)


def statement_paper(found: StatementDetails) -> dict[str, Any]:
    """Return what the paper says. Source: R-76."""
    sums = found.sums
    return {
        "title": _("enrolment.fees.statement"),
        "foot": f"{found.title} · {found.unit.name}",
        "body": found.body_name,
        "facts": _facts(found),
        "heads": _heads(),
        "rows": [
            [str(number), one.name, one.document, one.what, *map(yuan, (one.charge.fen, one.paid, one.open))]
            for number, one in enumerate(found.lines, 1)
        ],
        "sums": [
            [_("enrolment.fees.charged"), yuan(sums.fen)],
            [_("enrolment.fees.paid"), yuan(sums.paid)],
            [_("enrolment.fees.open"), yuan(sums.open)],
        ],
        "capital": [_("enrolment.fees.capital"), capital_amount(sums.open)],
        "payments": [
            [one.paid_on.isoformat(), one.payer, one.reference or "—", yuan(fen)]
            for one, fen in found.payments
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
            "in_yuan": _("enrolment.fees.in_yuan"),
        },
    }


def statement_book(found: StatementDetails) -> bytes:
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
    for name, value in _facts(found):
        write_text(sheet, row, 0, str(name), bold)
        write_text(sheet, row, 1, str(value), plain)
        row += 1
    row += 1
    for place, head in enumerate(_heads()):
        write_text(sheet, row, place, head, bold)
    for number, one in enumerate(found.lines, 1):
        row += 1
        sheet.write_number(row, 0, number)
        for place, text in enumerate((one.name, one.document, one.what), 1):
            write_text(sheet, row, place, text, plain)
        for place, fen in enumerate((one.charge.fen, one.paid, one.open), 4):
            sheet.write_number(row, place, fen / 100, money)
    row += 1
    write_text(sheet, row, 3, str(_("enrolment.fees.total")), bold)
    for place, fen in enumerate((found.sums.fen, found.sums.paid, found.sums.open), 4):
        sheet.write_number(row, place, fen / 100, total)
    book.close()
    return target.getvalue()


def _facts(found: StatementDetails) -> list[list[str]]:
    return [
        [_("enrolment.unit.name"), found.unit.name],
        [_("enrolment.unit.credit_code"), found.unit.credit_code],
        [_("enrolment.fees.statement_of"), found.title],
        [_("enrolment.application.level"), _("enrolment.list.comma").join(found.levels)],
        [_("enrolment.application.people"), str(found.sums.people)],
        [_("enrolment.fees.as_of"), found.day.isoformat()],
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
