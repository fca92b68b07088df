"""From rows of JSON to a bank, by the same rules as any text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cbt.bank.formats.fields.contents import choices_of, plain_text
from cbt.bank.formats.fields.shapes import Shape, kind_of, shape_of
from cbt.bank.formats.reading.cutting.parts import FoundQuestion, FoundSection, Parts
from cbt.bank.formats.reading.lines import Line
from cbt.bank.formats.reading.question import WordedQuestion
from cbt.bank.formats.reading.reader import read_asked
from cbt.bank.formats.reading.words import LETTERS, keys_in_stem, letters
from cbt.bank.imports.drafts import Adjustments, Inferred, Reading
from cbt.errors import InvalidInput
from cbt.rules.items.values import ItemType
from cbt.sheets.findings import Place

Row = tuple[str, Mapping[str, Any]]
BASE = "key:base"


@dataclass(slots=True)
class _Base:
    """From which number places of choices count: 0 or 1, and whether a file leaves that open."""

    value: int
    said: bool
    count: int


def read_rows(rows: Sequence[Row], form: str, name: str, adjust: Adjustments) -> Reading:
    """Return the bank in rows; raise InvalidInput("bank.json_fields") where no name is known."""
    asking = [(number, path, row) for number, (path, row) in enumerate(rows, 1)]
    shape = shape_of([row for _number, _path, row in asking])
    if "stem" not in shape.parts:
        names = sorted({key for _number, _path, row in asking for key in row})[:12]
        raise InvalidInput("bank.json_fields", names="、".join(names) or "—")
    sections: dict[str, FoundSection] = {}
    base = _base([row for _number, _path, row in asking], shape, adjust)
    worded = []
    for number, path, row in asking:
        if row.get(shape.parts["stem"]) in (None, ""):
            continue
        section = sections.setdefault(path, FoundSection(path, kind_of(path)))
        one = _asked(row, shape, section, number, base)
        section.questions.append(one.source)
        worded.append(one)
    _by_code(
        worded,
        [row for _number, _path, row in asking if row.get(shape.parts["stem"]) not in (None, "")],
        shape,
    )
    inferred = []
    if base.count and not base.said:
        inferred.append(Inferred(BASE, "text_key_base", str(base.value), ("0", "1"), base.count, Place(name)))
    return read_asked(worded, Parts(list(sections.values()), []), [], [], form, name, adjust, inferred)


def _asked(
    row: Mapping[str, Any], shape: Shape, section: FoundSection, number: int, base: _Base
) -> WordedQuestion:
    stem, pictures = plain_text(row[shape.parts["stem"]])
    choices, right, more = choices_of(row, shape)
    line = Line(stem, number, pictures=pictures + more)
    source = FoundQuestion(section, line, body=[line])
    for part in ("explanation", "difficulty", "point"):
        if text := plain_text(row.get(shape.parts.get(part, "\0")))[0]:
            source.fields[part] = [Line(text, number)]
    kind = kind_of(row.get(shape.parts.get("kind", "\0"))) or section.kind
    stated = _key(row.get(shape.parts.get("answer", "\0")), choices, base, kind)
    faults = [("text_choice_empty", "")] if any(not one for one in choices) else []
    return WordedQuestion(source, kind, stem, choices, stated, keys_in_stem(stem), right, {}, faults)


def _key(value: Any, choices: Sequence[str], base: _Base, kind: str) -> str:
    """Return a key in words: places of choices as their letters."""
    if isinstance(value, bool):
        return "对" if value else "错"
    if isinstance(value, list) and any(isinstance(one, list | dict) for one in value):
        return ""
    if isinstance(value, list) and value and all(isinstance(one, bool) for one in value):
        if len(value) != len(choices):
            return "?"
        return "".join(letter for letter, right in zip(LETTERS, value, strict=False) if right)
    given = value if isinstance(value, list) else [value]
    places = [_place(one) for one in given]
    if choices and kind != ItemType.FILL_BLANK and places and all(one is not None for one in places):
        if isinstance(value, str) and value in choices:
            return value
        shifted = [one - base.value for one in places if one is not None]
        if all(0 <= one < len(LETTERS) for one in shifted):
            return "".join(LETTERS[one] for one in shifted)
        return "?"
    if not choices and kind == ItemType.TRUE_FALSE and len(places) == 1 and places[0] in (0, 1):
        return "对" if places[0] else "错"
    texts = [plain_text(one)[0] for one in given if one is not None]
    if choices and all(letters(one) for one in texts):
        return "".join(texts)
    return "\n".join(texts)


def _place(one: Any) -> int | None:
    if isinstance(one, bool):
        return None
    if isinstance(one, int):
        return one
    return int(one) if isinstance(one, str) and one.strip().isdigit() and len(one) < 3 else None


def _base(rows: Sequence[Mapping[str, Any]], shape: Shape, adjust: Adjustments) -> _Base:
    """Find from which number places count: a 0 says from 0, a place as high as the choices are many from 1."""
    lowest, beyond, count = 99, False, 0
    for row in rows:
        value = row.get(shape.parts.get("answer", "\0"))
        choices = choices_of(row, shape)[0]
        places = [_place(one) for one in (value if isinstance(value, list) else [value])]
        known = [one for one in places if one is not None]
        if (
            not choices
            or not known
            or len(known) != len(places)
            or (isinstance(value, str) and value in choices)
        ):
            continue
        count += 1
        lowest = min(lowest, *known)
        beyond |= max(known) >= len(choices)
    if BASE in adjust:
        return _Base(int(adjust[BASE] == "1"), said=False, count=count)
    return _Base(int(lowest > 0 and beyond), said=lowest == 0 or beyond, count=count)


def _by_code(worded: Sequence[WordedQuestion], rows: Sequence[Mapping[str, Any]], shape: Shape) -> None:
    """Give questions whose type is a number the type of all with that number: 多选 where one has two letters."""
    name = shape.parts.get("kind")
    if name is None:
        return
    groups: dict[str, list[WordedQuestion]] = {}
    for one, row in zip(worded, rows, strict=True):
        if not one.kind and len(one.choices) > 2:
            groups.setdefault(str(row.get(name)), []).append(one)
    for group in groups.values():
        if any(len(letters(one.stated) or one.ticked) > 1 for one in group) and len(groups) > 1:
            for one in group:
                one.kind = str(ItemType.MULTIPLE_CHOICE)
