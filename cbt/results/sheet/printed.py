"""The 成绩册 as A4 pages across: a list for each paper, with lines to sign on at the foot of every page."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import flask_babel
from flask_babel import gettext as _

from cbt.printing.pdf import pdf
from cbt.results.sheet.sitting import PaperSheet, SheetLine, SittingSheet
from cbt.web.i18n import local_text

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
    said = _(named, expected=balance.expected, present=balance.present, absent=balance.absent)
    if figures:
        said += " " + _(
            "results.print.figures",
            scored=figures.scored, passed=figures.passed, rate=figures.pass_percent, mean=figures.mean,
        )  # fmt: skip
    return [said, *([_("results.head", head=sheet.head)] if sheet.head else [])]
