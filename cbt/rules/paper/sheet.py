"""The 答题卡: where every mark, bubble and field lies on its pages, and what its code says.

All measures are millimetres from the upper left corner of an upright A4 page. Who draws a sheet and who reads one
ask here, so that neither can have a place of its own; the layout's digest stands in the code on each page.

Source: R-80, R-81.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from itertools import groupby
from typing import Any
from zlib import crc32

from cbt.rules.items.content import PaperAnswer
from cbt.rules.items.registry import TYPES

WIDTH, HEIGHT = 210.0, 297.0
CORNER = 5.0
"""The side of a corner mark."""
CORNERS = ((12.0, 12.0), (198.0, 12.0), (198.0, 285.0), (12.0, 285.0))
"""The centres of the four corner marks, clockwise from the upper left."""
UPRIGHT = (21.0, 12.0)
"""The centre of the fifth mark, of the same size: it says which corner is the upper left."""
TICK_LONG, TICK_SHORT = 3.2, 1.4
TICKS_ACROSS = tuple(30.0 + 12.0 * place for place in range(14))
"""The x of the ticks along the upper and the lower edge, at the height of the corner marks."""
TICKS_DOWN = tuple(24.0 + 12.0 * place for place in range(21))
"""The y of the ticks along the left and the right edge, in line with the corner marks."""
CODE_SIDE = 20.0
CODE_AT = (170.0, 18.0)
"""The upper left corner of the code (QR, without an edge of its own)."""
LEFT, RIGHT = 18.0, 192.0
TOP_FIRST, TOP, BOTTOM = 68.0, 42.0, 278.0
"""Where rows begin on the first page and on the others, and where they end."""
ROW_MARK = (1.6, 1.0)
"""Width and height of the two black marks of a row of bubbles, before its number and after its last bubble: a page
is read only where these lie as they should."""
_MARK_AFTER = 1.2
"""From the edge of the last bubble to the mark after it."""
_HEADING, _GAP = 7.0, 3.0
_BESIDE = 4.0
"""Between two columns of rows, with the mark after the last bubble."""
_ROOM = RIGHT - LEFT + _BESIDE
"""What columns share: nothing needs to be free after the last."""
_FIVE = 5
_THIN = 0.01
"""Less than any place is told apart by."""


@dataclass(frozen=True, slots=True)
class SheetSize:
    """The measures of rows and fields; `bubble` is width and height."""

    bubble: tuple[float, float]
    across: float
    """From the centre of a bubble to the next."""
    down: float
    """From the middle of a row to the next."""
    label: float
    """The room for a row's number."""
    group: float
    """What is left free after five rows."""
    line: float
    """The height of a line to write on."""


USUAL = SheetSize(bubble=(5.0, 2.8), across=7.0, down=6.0, label=11.0, group=2.0, line=9.0)
LARGE = SheetSize(bubble=(7.2, 4.2), across=10.0, down=9.0, label=15.0, group=3.0, line=13.0)


@dataclass(frozen=True, slots=True)
class BubbleRow:
    """A row of bubbles: of which position and which row of it (from 0), its number, and the bubbles' centres."""

    position: int
    part: int
    label: str
    many: bool
    left: float
    """Where its number begins."""
    y: float
    signs: tuple[str, ...]
    xs: tuple[float, ...]


def row_marks(row: BubbleRow, size: SheetSize) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the centres of the black marks at the two ends of a row."""
    after = row.xs[-1] + size.bubble[0] / 2 + _MARK_AFTER + ROW_MARK[0] / 2
    return (row.left + ROW_MARK[0] / 2, row.y), (round(after, 2), row.y)


@dataclass(frozen=True, slots=True)
class WritingField:
    """A field to write in: its number stands inside, at the upper left."""

    position: int
    part: int
    label: str
    left: float
    top: float
    width: float
    height: float
    lines: int


@dataclass(frozen=True, slots=True)
class SheetHeading:
    """The name of a section (an index into the form's sections, or a unit's number), above its rows."""

    unit: int
    section: int
    left: float
    top: float


@dataclass(frozen=True, slots=True)
class AnswerSheetPage:
    """One side of a sheet of paper."""

    headings: tuple[SheetHeading, ...]
    rows: tuple[BubbleRow, ...]
    fields: tuple[WritingField, ...]


@dataclass(frozen=True, slots=True)
class SheetLayout:
    """All pages of a 答题卡."""

    size: SheetSize
    pages: tuple[AnswerSheetPage, ...]

    @property
    def digest(self) -> str:
        """The first ten hexadecimal digits of the SHA-256 of everything's place; the code on each page has it."""
        plain = repr(
            (CORNERS, UPRIGHT, TICKS_ACROSS, TICKS_DOWN, CODE_AT, ROW_MARK, _MARK_AFTER, asdict(self))
        )
        return sha256(plain.encode()).hexdigest()[:10]


def unfit(positions: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
    """Return the numbers of the positions of a form that cannot be answered on paper.

    Such are those whose type is not for paper, and those whose rows are too long or too many to stand together on
    one page in large print: a form is printed in either size.
    """
    return tuple(one["position"] for one in positions if not _fits(TYPES[one["type"]].on_paper(one)))


def _fits(answer: PaperAnswer | None) -> bool:
    if answer is None:
        return False
    longest = max(map(len, answer.rows), default=0)
    rows = (BOTTOM - TOP_FIRST - _HEADING - LARGE.group) // LARGE.down
    return _width(LARGE, longest) <= _ROOM and len(answer.rows) <= rows


def _width(size: SheetSize, signs: int) -> float:
    """Return what a column of rows of so many bubbles takes, with what is left free beside it."""
    return size.label + signs * size.across + _BESIDE


def lay_out(positions: Sequence[Mapping[str, Any]], *, large: bool = False) -> SheetLayout:
    """Return the answer sheet of a form's positions (as `draw_form` freezes them); none of them is unfit.

    Sections follow each other as in the booklet; a run of rows fills columns downwards, five and five.
    """
    writer = _Writer(LARGE if large else USUAL)
    for (unit, section), group in groupby(positions, key=lambda one: (one["unit"] or 0, one["section"] or 0)):
        answers = [(one["position"], answer) for one in group if (answer := TYPES[one["type"]].on_paper(one))]
        for place, (is_bubbles, run) in enumerate(groupby(answers, key=lambda one: bool(one[1].rows))):
            heading = None if place else (unit, section)
            (writer.bubbles if is_bubbles else writer.fields)(list(run), heading)
    return SheetLayout(writer.size, writer.done())


_Run = Sequence[tuple[int, PaperAnswer]]


@dataclass
class _Writer:
    """Fills pages from the top."""

    size: SheetSize
    pages: list[AnswerSheetPage] = field(default_factory=list)
    y: float = TOP_FIRST
    headings: list[SheetHeading] = field(default_factory=list)
    rows: list[BubbleRow] = field(default_factory=list)
    written: list[WritingField] = field(default_factory=list)

    def bubbles(self, run: _Run, heading: tuple[int, int] | None) -> None:
        size = self.size
        most = max(len(signs) for _, answer in run for signs in answer.rows)
        columns = int(_ROOM // _width(size, most))
        blocks = list(_blocks(run))
        while blocks:
            self._begin(heading, self._height(blocks[0]))
            heading = None
            lowest = self.y
            for column, count in enumerate(
                _shared(list(map(self._height, blocks)), columns, BOTTOM - self.y)
            ):
                taken, blocks = blocks[:count], blocks[count:]
                left, y = LEFT + column * _ROOM / columns, self.y
                for block in taken:
                    for position, part, label, many, signs in block:
                        xs = tuple(
                            round(left + size.label + size.across * (place + 0.5), 2)
                            for place in range(len(signs))
                        )
                        middle = round(y + size.down / 2, 2)
                        self.rows.append(
                            BubbleRow(position, part, label, many, round(left, 2), middle, signs, xs)
                        )
                        y += size.down
                    y += size.group
                lowest = max(lowest, y)
            self.y = lowest + _GAP
            if blocks:
                self._turn()

    def fields(self, run: _Run, heading: tuple[int, int] | None) -> None:
        size, gap = self.size, 2.0
        most = int((BOTTOM - TOP_FIRST - _HEADING - 2.0) // size.line)  # what any page has room for
        half = (RIGHT - LEFT - gap) / 2
        wanted = [
            (position, part, _label(position, part, len(answer.fields)), min(lines, most))
            for position, answer in run
            for part, lines in enumerate(answer.fields)
        ]
        beside = False
        for position, part, label, lines in wanted:
            height = lines * size.line + 2.0
            if not (beside and lines == 1):
                if beside:
                    self.y += size.line + 2.0 + gap
                self._begin(heading, height)
                heading, beside = None, False
            left = LEFT + (half + gap if beside else 0.0)
            width = half if lines == 1 else RIGHT - LEFT
            self.written.append(
                WritingField(position, part, label, left, round(self.y, 2), width, height, lines)
            )
            if lines == 1 and not beside:
                beside = True
            else:
                self.y += height + gap
                beside = False
        if beside:
            self.y += size.line + 2.0 + gap
        self.y += _GAP

    def _height(self, block: Sequence[Any]) -> float:
        return len(block) * self.size.down + self.size.group

    def _begin(self, heading: tuple[int, int] | None, height: float) -> None:
        """Have room for what comes, with its heading, on this page or on the next."""
        needed = height + (_HEADING if heading else 0.0)
        if self.y + needed > BOTTOM and (self.rows or self.written):
            self._turn()
        if heading is not None:
            self.headings.append(SheetHeading(*heading, LEFT, round(self.y, 2)))
            self.y += _HEADING

    def _turn(self) -> None:
        self.pages.append(AnswerSheetPage(tuple(self.headings), tuple(self.rows), tuple(self.written)))
        self.headings, self.rows, self.written, self.y = [], [], [], TOP

    def done(self) -> tuple[AnswerSheetPage, ...]:
        self._turn()
        return tuple(self.pages)


def _blocks(run: _Run) -> Iterator[list[tuple[int, int, str, bool, tuple[str, ...]]]]:
    """Yield what stays together: the rows of one position, or five positions of a row each."""
    five: list[tuple[int, int, str, bool, tuple[str, ...]]] = []
    for position, answer in run:
        rows = [
            (position, part, _label(position, part, len(answer.rows)), answer.many, signs)
            for part, signs in enumerate(answer.rows)
        ]
        if len(rows) > 1:
            if five:
                yield five
                five = []
            yield rows
            continue
        five += rows
        if len(five) == _FIVE:
            yield five
            five = []
    if five:
        yield five


def _shared(heights: Sequence[float], columns: int, room: float) -> list[int]:
    """Return how many blocks each column takes, in order: all in columns as short as can be, or what has room."""
    sums = {
        sum(heights[first:last])
        for first in range(len(heights))
        for last in range(first + 1, len(heights) + 1)
    }
    for high in sorted(one for one in sums if one <= room):
        counts = _poured(heights, columns, high)
        if sum(counts) == len(heights):
            return counts
    return _poured(heights, columns, room)


def _poured(heights: Sequence[float], columns: int, high: float) -> list[int]:
    counts, left, place = [0] * columns, high, 0
    for height in heights:
        if height > left + _THIN:
            place, left = place + 1, high
        if place == columns or height > left + _THIN:
            break
        counts[place] += 1
        left -= height
    return counts


def _label(position: int, part: int, parts: int) -> str:
    return str(position) if parts == 1 else f"{position}-{part + 1}"


NO_FORM = "-"
"""Stands for the form in the code of a spare sheet that fits several."""
_CODE = re.compile(
    r"CBT1\.([A-Z0-9-]{4,40})\.([0-9A-F]{8}|-)\.([0-9A-F]{10})\.(\d{1,2})\.(\d{1,2})\.([0-9A-F]{8})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class SheetCode:
    """What the code on a page says: which piece of paper, of which form and layout, which of its pages."""

    piece: str
    form: str
    """The first eight digits of the form's SHA-256, or `NO_FORM`."""
    layout: str
    page: int
    pages: int

    def text(self) -> str:
        """Return what the code holds, its check at the end: capitals, which a QR packs closest."""
        plain = f"CBT1.{self.piece}.{self.form}.{self.layout}.{self.page}.{self.pages}".upper()
        return f"{plain}.{crc32(plain.encode()):08X}"


def read_code(text: str) -> SheetCode | None:
    """Return what a code says; None where it is none of ours or its check does not hold."""
    parts = _CODE.fullmatch(text)
    if parts is None:
        return None
    piece, form, layout, page, pages, _check = parts.groups()
    code = SheetCode(piece.lower(), form.lower(), layout.lower(), int(page), int(pages))
    return code if code.text() == text and 1 <= code.page <= code.pages else None


def answers_of(
    positions: Sequence[Mapping[str, Any]],
    marked: Mapping[tuple[int, int], tuple[int, ...]],
    written: Mapping[tuple[int, int], str],
) -> dict[int, object]:
    """Return the answer of each position as a browser would send it, "" for none.

    `marked` and `written` are by (position, row or field of it); what is missing is empty.

    Source: R-81.
    """
    answers = {}
    for one in positions:
        number, kind = one["position"], TYPES[one["type"]]
        answer = kind.on_paper(one) or PaperAnswer()
        rows = [marked.get((number, part), ()) for part in range(len(answer.rows))]
        texts = [written.get((number, part), "") for part in range(len(answer.fields))]
        answers[number] = kind.from_paper(one, rows, texts)
    return answers
