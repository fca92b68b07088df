"""The score sheet (成绩册) as documents: A4 pages across as PDF, and a workbook.

There is a list for each paper, with lines to sign on. Both say where the log ended, so that the paper shows
later what was in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from io import BytesIO
from typing import Any

import flask_babel
from flask_babel import gettext as _

from cbt.http.i18n import local_text
from cbt.printing.pdf import pdf
from cbt.results.sheet.outcome import Decision
from cbt.results.sheet.sitting import LevelSummary, PaperSheet, SheetLine, SittingSheet
from cbt.rules.retake import PaperOutcome
from cbt.spreadsheets.writer import add_sheet, new_workbook, text_format, write_text

_HEADS = ("number", "name", "ticket", "document", "state")
_SIGNATURES = ("counted", "checked", "officer", "date")


def as_points(value: Decimal) -> str:
    """Return points for showing: at most two places, without trailing zeros."""
    shown = value.quantize(Decimal("0.01"), ROUND_HALF_UP)
    return f"{shown:f}".rstrip("0").rstrip(".")


def as_unrounded(value: Decimal | None) -> str:
    """Return unrounded points for a column: two places, so that they stand below each other; 待阅 for none yet."""
    if value is None:
        return str(_("results.outcome.pending"))
    return f"{value.quantize(Decimal('0.01'), ROUND_HALF_UP):f}"


def printed(sheet: SittingSheet, *, room: str = "") -> bytes:
    """Return the score sheet of a sitting, or of its room of this name, as PDF.

    Where the log ended when it was read stands on every page.
    """
    place = " · ".join(filter(None, (sheet.sitting.name, room, local_text(sheet.sitting.planned_start_at))))
    data = {
        "title": _("results.book.title"),
        "foot": place,
        "papers": [_paper(sheet, paper, place, of_room=bool(room)) for paper in sheet.papers],
        "words": {
            "page": _("results.print.page", number="{n}", count="{of}"),
            "heads": [_(f"results.col.{head}") for head in _HEADS],
            "last": [_("results.col.score"), _("results.col.verdict")],
            "signatures": [_(f"results.sign.{name}") for name in _SIGNATURES],
        },
    }
    return pdf("scores", data, language=str(flask_babel.get_locale()))


def _paper(sheet: SittingSheet, paper: PaperSheet, place: str, *, of_room: bool) -> dict[str, Any]:
    state = _("results.book.released") if sheet.release else _("results.book.unreleased")
    return {
        "title": f"{_('results.book.title')} · {paper.title}",
        "sub": " · ".join((paper.blueprint.occupation_name, place, state)),
        "groups": [f"{group.name} ({as_points(group.points)})" for group in paper.groups],
        "rows": [_row(sheet, paper, number, line) for number, line in enumerate(paper.lines, 1)],
        "numbers": _numbers(sheet, paper, of_room=of_room),
    }


def _row(sheet: SittingSheet, paper: PaperSheet, number: int, line: SheetLine) -> list[str]:
    shown, candidate = line.shown, line.row.candidate
    outcome = shown.outcome if shown else "pending" if line.pending else "open"
    return [
        str(number),
        candidate.name,
        line.row.ticket_number,
        candidate.document_masked,
        _(f"results.standing.{line.standing}"),
        *(
            as_unrounded(line.groups[group.number]) if group.number in line.groups else "–"
            for group in paper.groups
        ),
        str(shown.score) if shown and shown.score is not None else "–",
        _("results.held") if sheet.release and line.unreleased else _(f"results.outcome.{outcome}"),
    ]


def _numbers(sheet: SittingSheet, paper: PaperSheet, *, of_room: bool) -> list[str]:
    """Return how many came and passed, and where the log ended (日志锚点)."""
    balance, figures = sheet.balance, paper.distribution
    named = "results.print.numbers_room" if of_room else "results.print.numbers"
    text = _(named, expected=balance.expected, present=balance.present, absent=balance.absent)
    if figures:
        text += " " + _(
            "results.print.figures",
            scored=figures.scored, passed=figures.passed, rate=figures.pass_percent, mean=figures.mean,
        )  # fmt: skip
    if paper.unanswered:
        text += " " + _("results.print.unanswered", count=paper.unanswered)
    return [text, *([_("results.head", head=sheet.head)] if sheet.head else [])]


Cell = str | int | Decimal | None

_POINTS_FORMAT = "0.0##"
_SIGNATURE_TEXTS = (
    "results.sign.counted",
    "results.sign.checked",
    "results.sign.officer",
    "results.sign.date",
)


@dataclass(slots=True)
class _Book:
    book: Any
    formats: dict[str, Any] = field(default_factory=dict)
    foot: str = ""


def build(sheet: SittingSheet, people: Sequence[LevelSummary], *, subtitle: str) -> bytes:
    """Return the workbook; `subtitle` says which sitting it is and whether it was released.

    Each sheet ends with the head of the log at that moment, so that the paper shows later what was in it.

    No cell is a formula, whatever a name begins with: strings are written as strings.
    """
    target = BytesIO()
    book = new_workbook(target)
    frame = {"border": 1, "valign": "vcenter", "text_wrap": True}
    wrapped = _Book(
        book,
        formats={
            "title": text_format(book, {"bold": True, "font_size": 16, "align": "center"}),
            "sub": text_format(book, {"align": "center", "font_color": "#555555"}),
            "head": text_format(book, {**frame, "bold": True, "align": "center", "bg_color": "#EEF1F6"}),
            "text": text_format(book, frame),
            "count": book.add_format(frame),
            "number": book.add_format({**frame, "align": "right", "num_format": _POINTS_FORMAT}),
            "sign": text_format(book, {"top": 0, "align": "left"}),
        },
    )
    wrapped.foot = str(_("results.head", head=sheet.head)) if sheet.head else ""
    _overall_sheet(wrapped, people, subtitle)
    for paper in sheet.papers:
        _paper_sheet(wrapped, paper, subtitle)
    book.close()
    return target.getvalue()


def _overall_sheet(book: _Book, people: Sequence[LevelSummary], subtitle: str) -> None:
    labels: dict[str, str] = {}
    for person in people:
        for code, paper in person.blueprint.papers.items():
            labels.setdefault(code, paper.label)
    heads = [*_who_heads(), _("results.col.level"), *labels.values(), _("results.col.overall")]
    rows: list[list[Cell]] = [
        [
            *_who(number, person.line),
            person.blueprint.level_name,
            *(_score_or_word(person.papers.get(code)) for code in labels),
            _(f"results.overall.{person.overall}") if person.overall else "",
        ]
        for number, person in enumerate(people, 1)
    ]
    widths = [6, 12, 16, 22, 12, *(12 for _code in labels), 20]
    _write(book, _("results.book.overall"), subtitle, heads, rows, widths)


def _paper_sheet(book: _Book, sheet: PaperSheet, subtitle: str) -> None:
    groups = [f"{group.name} ({group.points:f})" for group in sheet.groups]
    heads = [
        *_who_heads(),
        _("results.col.state"),
        *groups,
        _("results.col.score"),
        _("results.col.verdict"),
        _("results.col.note"),
    ]
    rows: list[list[Cell]] = []
    for number, line in enumerate(sheet.lines, 1):
        shown = line.shown
        rows.append(
            [
                *_who(number, line),
                _(f"results.standing.{line.standing}"),
                *(_points(line, group.number) for group in sheet.groups),
                shown.score if shown else None,
                _(f"results.outcome.{shown.outcome if shown else 'pending' if line.pending else 'open'}"),
                "、".join(_(f"results.badge.{badge}") for badge in line.badges),
            ]
        )
    widths = [6, 12, 16, 22, 12, *(14 for _group in groups), 10, 10, 16]
    _write(book, sheet.title, subtitle, heads, rows, widths)


def _who_heads() -> list[str]:
    return [
        _("results.col.number"),
        _("results.col.name"),
        _("results.col.ticket"),
        _("results.col.document"),
    ]


def _who(number: int, line: SheetLine) -> list[Cell]:
    candidate = line.row.candidate
    return [number, candidate.name, line.row.ticket_number, candidate.document_masked]


def _points(line: SheetLine, group: int) -> Cell:
    amount = line.groups.get(group)
    return _("results.outcome.pending") if amount is None and group in line.groups else amount


def _score_or_word(decision: Decision | None) -> Cell:
    if decision is None:
        return ""
    if decision.outcome in {PaperOutcome.PASSED, PaperOutcome.FAILED}:
        return decision.score
    return str(_(f"results.outcome.{decision.outcome}"))


def _write(
    book: _Book,
    name: str,
    subtitle: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    widths: Sequence[int],
) -> None:
    sheet = add_sheet(book.book, name)
    last = len(heads) - 1
    sheet.merge_range(0, 0, 0, last, "", book.formats["title"])
    write_text(sheet, 0, 0, f"{_('results.book.title')} · {name}", book.formats["title"])
    sheet.merge_range(1, 0, 1, last, "", book.formats["sub"])
    write_text(sheet, 1, 0, subtitle, book.formats["sub"])
    for column, (head, width) in enumerate(zip(heads, widths, strict=True)):
        sheet.set_column(column, column, width)
        write_text(sheet, 2, column, head, book.formats["head"])
    for place, row in enumerate(rows, 3):
        for column, cell in enumerate(row):
            _cell(book, sheet, place, column, cell)
    _signatures(book, sheet, len(rows) + 4, last)
    if book.foot:
        write_text(sheet, len(rows) + 6, 0, book.foot, book.formats["sign"])
    _page(sheet)


def _cell(book: _Book, sheet: Any, row: int, column: int, cell: Cell) -> None:
    if isinstance(cell, int):
        sheet.write_number(row, column, cell, book.formats["count"])
    elif isinstance(cell, Decimal):
        sheet.write_number(row, column, cell, book.formats["number"])
    elif cell:
        write_text(sheet, row, column, cell, book.formats["text"])
    else:
        sheet.write_blank(row, column, None, book.formats["text"])


def _signatures(book: _Book, sheet: Any, row: int, last: int) -> None:
    step = max((last + 1) // len(_SIGNATURE_TEXTS), 1)
    for place, label in enumerate(_SIGNATURE_TEXTS):
        write_text(sheet, row, place * step, f"{_(label)} ____________", book.formats["sign"])


def _page(sheet: Any) -> None:
    sheet.set_paper(9)  # A4
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(2)
    sheet.freeze_panes(3, 2)
    sheet.set_footer("&C&P / &N")
