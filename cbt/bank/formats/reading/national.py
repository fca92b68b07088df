"""The national text form: `A-B-A-001  B  3  5`, `{A}` the stem and its choices, `{B}` the answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cbt.bank.foreign.marks import without
from cbt.bank.formats.reading.choices import split_body
from cbt.bank.formats.reading.cutting.parts import FoundQuestion, FoundSection
from cbt.bank.formats.reading.lines import Line
from cbt.bank.formats.reading.question import WordedQuestion, asked
from cbt.bank.formats.reading.words import letters
from cbt.rules.items.values import ItemType

_FIRST = re.compile(
    r"(?P<point>[A-Za-z](?:\s*[-－—–]\s*[A-Za-z])*\s*[-－—–]\s*\d{1,3})"
    r"[\s　,，;；|]+(?P<type>[A-Za-z](?:[（(][^（()）]{1,8}[)）])?)"
    r"[\s　,，;；|]+(?P<difficulty>[1-5])(?:[\s　,，;；|]+(?P<consistency>[1-5]))?[\s　]*"
)
_MARK = re.compile(r"[{｛]\s*(?P<part>[A-Ca-c])\s*[}｝]\s*")
_CODES = {
    "B": str(ItemType.SINGLE_CHOICE),
    "C": str(ItemType.TRUE_FALSE),
    "G": str(ItemType.MULTIPLE_CHOICE),
    "T": str(ItemType.FILL_BLANK),
    "D": str(ItemType.SHORT_ANSWER),
}
_PARTS = {"A": "stem", "B": "key", "C": "explanation"}


def is_national(lines: Sequence[Line]) -> bool:
    """Say whether lines are of this form: a first line, and {A} after it."""
    return any(_FIRST.fullmatch(line.text) for line in lines) and any(
        _MARK.match(line.text) for line in lines
    )


def read_national(lines: Sequence[Line], edge: int) -> tuple[list[WordedQuestion], list[FoundSection]]:
    """Return the questions of this form, and the one section they stand in."""
    section = FoundSection("")
    made = [_asked(section, first, block, edge) for first, block in _blocks(lines)]
    section.questions += [one.source for one in made]
    return made, [section]


def _blocks(lines: Sequence[Line]) -> Iterator[tuple[Line, list[Line]]]:
    """Yield each first line with the lines up to the next."""
    starts = [place for place, line in enumerate(lines) if _FIRST.fullmatch(line.text)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield lines[start], [line for line in lines[start + 1 : end] if line.text or line.pictures]


def _asked(section: FoundSection, first: Line, block: Sequence[Line], edge: int) -> WordedQuestion:
    found = _FIRST.fullmatch(first.text)
    assert found is not None
    parts: dict[str, list[Line]] = {"stem": [], "key": [], "explanation": []}
    now, loose = "", []
    for line in block:
        mark = _MARK.match(line.text)
        now = _PARTS[mark["part"].upper()] if mark else now
        rest = line.cut(mark.end()) if mark else line
        if not now:
            loose.append(rest)
        elif rest.text or rest.pictures:
            parts[now].append(rest)
    question = FoundQuestion(section, first, body=parts["stem"], absorbed=loose)
    question.fields = {name: parts[name] for name in ("key", "explanation") if parts[name]}
    for name in ("point", "difficulty", "consistency"):
        if found[name]:
            question.fields[name] = [Line(re.sub(r"\s+", "", found[name]), first.number)]
    key = " ".join(without(line.text) for line in parts["key"])
    kind = _kind(found["type"], chosen=len(split_body(parts["stem"]).choices) > 1, key=key)
    question.kind = "" if kind.startswith("type_") else kind
    made = asked(question, edge)
    if kind.startswith("type_"):
        made.faults.append((kind, found["type"]))
    return made


def _kind(word: str, *, chosen: bool, key: str) -> str:
    """Return the type a code names, or why not: D with choices and two letters is 多选, without choices 简答."""
    code = word[:1].upper()
    if code == "D" and chosen:
        return str(ItemType.MULTIPLE_CHOICE) if len(letters(key) or "") > 1 else "type_ask"
    return _CODES.get(code, "type_unsupported")
