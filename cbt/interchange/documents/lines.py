"""Lines of a document, clean and with what marks parts of them, whatever container they came in."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from cbt.interchange.documents.paragraphs import Paragraph
from cbt.interchange.documents.terms import clean, named_type
from cbt.interchange.picture_marks import PictureMarks, has_mark, only_marks, shifted
from cbt.items.exam_prose import is_signature

WIDE = frozenset("WFA")
_PAGE = re.compile(
    r"[-–—~·\s]*(?:第\s*\d+\s*页(?:\s*[,，/共（(]*\s*共?\s*\d+\s*页[)）]?)?|共\s*\d+\s*页\s*第\s*\d+\s*页|\d+\s*/\s*\d+"
    r"|[-–—]\s*\d+\s*[-–—]|page\s*\d+(?:\s*of\s*\d+)?)[-–—~·\s]*",
    re.IGNORECASE,
)
_SPLIT = re.compile(r"[\n\v\f\r\u2028\u2029]")
_REPEATS = 3
_TELLS = re.compile(
    r"答案|解析|[A-L]\s*[.．、:：)）]|^[A-L][\s\u3400-\u9fff]|[（(][^）)]*[)）]\s*$|^\W*[A-L√×✓✗对错正确误是否]{1,4}\W*$|难度|选项|得分|^\s*\d"
)
"""What a running head never says; a line that says it may stand there often."""
_NAMES = re.compile(
    r"题库|试卷|试题|公司|学院|大学|学校|考试|培训|中心|资料|教材|鉴定|认定|工种|www|http|@|QQ|微信|版权",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its text, where it stands (from 1), and parts of it that are marked (name, from, to)."""

    text: str
    number: int
    marks: tuple[tuple[str, int, int], ...] = ()
    heading: bool = False
    bullet: bool = False
    pictures: int = 0
    formulas: int = 0
    wide: int = 0
    """How wide it stood in its file, an ideograph counted as two; 0 where lines are paragraphs."""
    doubtful: bool = False
    """Whether it stands beside the number of a page, and may be a running head."""

    @property
    def drawn(self) -> bool:
        return has_mark(self.text)

    @property
    def bare(self) -> bool:
        return only_marks(self.text)

    def cut(self, start: int, end: int | None = None) -> Line:
        stop = len(self.text) if end is None else end
        text = self.text[start:stop]
        start += len(text) - len(text.lstrip(" \u3000"))
        text = text.strip(" \u3000")
        inside = ((name, max(a - start, 0), min(b - start, len(text))) for name, a, b in self.marks)
        return replace(self, text=text, marks=tuple(one for one in inside if one[1] < one[2]))

    def share(self, name: str) -> float:
        """Return how much of this line is marked so."""
        letters = sum(not one.isspace() for one in self.text) or 1
        within = sum(not one.isspace() for mark, a, b in self.marks if mark == name for one in self.text[a:b])
        return within / letters


@dataclass(frozen=True, slots=True)
class LinedText:
    """The lines of a document and the pictures that stand in them."""

    lines: list[Line]
    shown: PictureMarks = field(default_factory=PictureMarks)

    def beside(self, other: LinedText) -> LinedText:
        """Return this text with its pictures counted on from those of another."""
        by = len(other.shown.marks)
        lines = [replace(line, text=shifted(line.text, by)) if line.drawn else line for line in self.lines]
        return LinedText(lines, self.shown)


def plain_lines(text: str) -> list[Line]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [Line(clean(one), number, wide=width(one.rstrip())) for number, one in enumerate(lines, 1)]


def marked_lines(paragraphs: Iterable[Paragraph]) -> list[Line]:
    """Return the lines of a document; a break within a paragraph begins another."""
    return [line for paragraph in paragraphs for line in _lines_of(paragraph)]


def _lines_of(paragraph: Paragraph) -> list[Line]:
    rows: list[list[tuple[str, list[str]]]] = [[]]
    for text, marks in paragraph.runs:
        first, *more = _SPLIT.split(text)
        rows[-1].append((first, marks))
        rows += [[(piece, marks)] for piece in more]
    lines = [_joined(row, paragraph) for row in rows]
    kept = [one for one in lines if one.text] or lines[:1]
    first = replace(kept[0], pictures=paragraph.pictures, formulas=paragraph.formulas)
    return [first, *kept[1:]]


def _joined(row: Sequence[tuple[str, list[str]]], paragraph: Paragraph) -> Line:
    text = ""
    marks: list[tuple[str, int, int]] = []
    for piece, names in row:
        start = len(text)
        text += piece.replace("\u00a0", " ").replace("\t", " ")
        marks += [(name, start, len(text)) for name in names]
    tidy = clean(text)
    if tidy != text and marks:
        places = _aligned(text, tidy)
        marks = [(name, places[a], places[b]) for name, a, b in marks]
    kept = tuple(one for one in marks if one[1] < one[2])
    return Line(tidy, paragraph.number, kept, paragraph.heading, paragraph.bullet)


def _aligned(before: str, after: str) -> list[int]:
    """Return for each place of a text the one in what is left of it."""
    places, here = [], 0
    for text in before:
        places.append(here)
        if (here < len(after) and (after[here] == text or (after[here] == " " and text.isspace()))) or (
            here < len(after) and unicodedata.normalize("NFKC", text) == after[here]
        ):
            here += 1
    return [*places, len(after)]


def width(text: str) -> int:
    """Return how wide a line is, an ideograph counted as two."""
    return sum(2 if unicodedata.east_asian_width(one) in WIDE else 1 for one in text)


def without_furniture(lines: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """Return the lines without page numbers and running heads, and those that were left out."""
    places = [place for place, line in enumerate(lines) if line.text]
    pages = [
        not lines[one].bullet
        and (_PAGE.fullmatch(lines[one].text) is not None or is_signature(lines[one].text))
        for one in places
    ]
    heads = _heads([lines[one] for one in places], pages)
    left = {one for one, page in zip(places, pages, strict=True) if page or lines[one].text in heads}
    near = {
        places[beside]
        for place, one in enumerate(places)
        if one in left
        for beside in (place - 1, place + 1)
        if 0 <= beside < len(places)
    }
    kept = [
        replace(line, doubtful=True) if place in near else line
        for place, line in enumerate(lines)
        if place not in left
    ]
    return kept, [lines[one] for one in sorted(left)]


def _heads(lines: Sequence[Line], numbered: Sequence[bool]) -> set[str]:
    """Return the texts that stand at the head or foot of pages: often there, beside a page's number or a name."""
    often = Counter(line.text for line in lines if 2 < len(line.text) <= 60)
    many = {
        text
        for text, count in often.items()
        if (count >= 2 or _NAMES.search(text)) and not _TELLS.search(text) and named_type(text) is None
    }
    beside = Counter(
        lines[one].text
        for place, page in enumerate(numbered)
        for one in ((place - 1, place + 1) if page else ())
        if 0 <= one < len(lines)
    )
    return {
        text
        for text in many
        if beside[text] >= often[text] or (often[text] >= _REPEATS and _NAMES.search(text))
    }


_OPENED = re.compile(r"[（(\[【][\s\u3000]*[A-L√×✓✗对错正确误,，、\s\u3000]{0,12}$")
_CLOSED = re.compile(r"[A-L√×✓✗对错正确误,，、\s\u3000]{0,12}[)）\]】]")


def with_brackets(lines: Sequence[Line]) -> list[Line]:
    """Return the lines with brackets of keys whole again that were broken at the edge."""
    bracketed: list[Line] = []
    for line in lines:
        if (
            bracketed
            and bracketed[-1].wide
            and _OPENED.search(bracketed[-1].text[-16:])
            and _CLOSED.match(line.text)
        ):
            bracketed[-1] = replace(bracketed[-1], text=bracketed[-1].text + line.text, wide=line.wide)
        else:
            bracketed.append(line)
    return bracketed
