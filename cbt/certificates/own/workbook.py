"""The results of a unit's own people as a workbook."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from flask_babel import gettext as _

from cbt.certificates.own.store import OwnLine
from cbt.results.my_results import Exam
from cbt.sheets.writing import add_sheet, new_workbook, text_format, write_text

HEADS = ("name", "document", "level", "paper", "day", "result", "score", "released", "certificate")
_WIDTHS = (12, 22, 10, 16, 12, 24, 8, 12, 26)


def own_book(lines: Sequence[OwnLine], subtitle: str) -> bytes:
    """Return the list as a workbook; every cell is a text."""
    target = BytesIO()
    book = new_workbook(target)
    sheet = add_sheet(book, str(_("accounts.place.own_results")))
    plain, head = text_format(book, {}), text_format(book, {"bold": True, "bg_color": "#EEF1F6"})
    write_text(sheet, 0, 0, subtitle, plain)
    for column, (name, width) in enumerate(zip(HEADS, _WIDTHS, strict=True)):
        sheet.set_column(column, column, width)
        write_text(sheet, 1, column, str(_(f"certificates.own.{name}")), head)
    for row, line in enumerate(lines, 2):
        for column, cell in enumerate(_cells(line)):
            write_text(sheet, row, column, cell, plain)
    sheet.freeze_panes(2, 0)
    book.close()
    return target.getvalue()


def _cells(line: OwnLine) -> list[str]:
    exam = line.exam
    return [
        line.name,
        line.document,
        line.level,
        line.paper,
        exam.exam_on.isoformat(),
        said(exam),
        "" if exam.score is None else str(exam.score),
        "" if exam.released_on is None else exam.released_on.isoformat(),
        line.certificate,
    ]


def said(exam: Exam) -> str:
    """Say what an exam ended with, or how far it is."""
    if exam.outcome is not None:
        return str(_(f"results.outcome.{exam.outcome}"))
    if exam.shown_until is not None:
        return str(_("results.mine.shown", day=exam.shown_until.isoformat()))
    return str(_(f"results.mine.{exam.state}"))
