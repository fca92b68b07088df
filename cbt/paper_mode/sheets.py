"""The 答题卡 as a document: what `answer_sheet.typ` draws, for one sheet or for all of a room.

Source: R-80.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from flask_babel import gettext as _

from cbt.printing.pdf import qr_drawing
from cbt.rules.paper import sheet

Headings = Mapping[tuple[int, int], str]
"""The names of a form's sections by (unit, section), 0 where a form has no such."""


@dataclass(frozen=True, slots=True)
class AnswerSheet:
    """One 答题卡 to be printed; a spare one has no name, number and seat, and boxes to write them in."""

    piece: str
    """The `PaperPiece.ref`."""
    serial: str
    """Its serial number as people read it, such as `S-017`."""
    form: str
    """The SHA-256 of the form, or `sheet.NO_FORM`."""
    version: str
    layout: sheet.SheetLayout
    headings: Headings
    title: str
    """What is examined: the sitting's name."""
    paper: str
    name: str = ""
    number: str = ""
    """准考证号."""
    seat: str = ""

    @property
    def codes(self) -> tuple[sheet.SheetCode, ...]:
        """What the code on each page says."""
        pages = len(self.layout.pages)
        return tuple(
            sheet.SheetCode(self.piece, self.form[:8], self.layout.digest, page, pages)
            for page in range(1, pages + 1)
        )


def sheet_document(sheets: Sequence[AnswerSheet]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return data and drawings of `pdf("answer_sheet", data, language=…, drawings=drawings)`, in the given order.

    Layouts and names of sections stand in the data once, however many sheets have them. Each sheet takes as many
    pages as its layout has (`PaperPiece.pages`), each on a side of its own; equal sheets, equal bytes.
    """
    layouts: dict[str, Any] = {}
    headings: dict[tuple[tuple[str, str], ...], int] = {}
    shown: list[dict[str, Any]] = []
    drawings: dict[str, bytes] = {}
    for one in sheets:
        digest = one.layout.digest
        if digest not in layouts:
            layouts[digest] = _plain(one.layout)
        names = tuple(sorted((_key(*place), name) for place, name in one.headings.items()))
        codes = {f"{one.piece}-{code.page}.svg": code.text() for code in one.codes}
        drawings |= {name: qr_drawing(text, error="q") for name, text in codes.items()}
        shown.append(
            {
                "layout": digest,
                "headings": headings.setdefault(names, len(headings)),
                "codes": list(codes),
                **{
                    name: getattr(one, name)
                    for name in ("serial", "version", "title", "paper", "name", "number", "seat")
                },
            }
        )
    data = {
        "title": _("paper_mode.sheet.title"),
        "frame": _frame(),
        "layouts": layouts,
        "headings": [dict(names) for names in headings],
        "sheets": shown,
        "words": {
            word: _(f"paper_mode.sheet.{word}")
            for word in ("name", "number", "seat", "version", "serial", "rule", "right", "wrong", "keep")
        }
        | {"page": _("paper_mode.sheet.page", n="{n}", of="{of}")},
    }
    return data, drawings


def _key(unit: int, section: int) -> str:
    return f"{unit}-{section}"


def _frame() -> dict[str, Any]:
    return {
        "corners": sheet.CORNERS,
        "corner": sheet.CORNER,
        "upright": sheet.UPRIGHT,
        "across": sheet.TICKS_ACROSS,
        "down": sheet.TICKS_DOWN,
        "long": sheet.TICK_LONG,
        "short": sheet.TICK_SHORT,
        "code-at": sheet.CODE_AT,
        "code-side": sheet.CODE_SIDE,
        "row-mark": sheet.ROW_MARK,
    }


def _plain(layout: sheet.SheetLayout) -> dict[str, Any]:
    return {
        "size": asdict(layout.size),
        "pages": [
            {
                "headings": [
                    {"name": _key(one.unit, one.section), "left": one.left, "top": one.top}
                    for one in page.headings
                ],
                "rows": [asdict(row) | {"marks": sheet.row_marks(row, layout.size)} for row in page.rows],
                "fields": [asdict(one) for one in page.fields],
            }
            for page in layout.pages
        ],
    }
