"""Reading an item's content as its author writes it.

The bank stores an item's content as a mapping in the author's words (letters, texts in authored order).
Everything that scores or shows it works with `ItemContent`, where keys are 0-based places in that order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

from cbt.errors import InvalidInput
from cbt.rules.items.values import (
    CREDITS_OF_TYPE,
    LETTERS,
    AnswerKey,
    CasePart,
    ItemContent,
    ItemType,
    PartialCredit,
    credit_suits,
)

__all__ = [
    "CREDITS_OF_TYPE",
    "LETTERS",
    "AnswerKey",
    "CasePart",
    "ItemContent",
    "ItemType",
    "PartialCredit",
    "credit_suits",
    "number",
    "parse_answer_key",
    "parse_content",
]

MOST_PLACES = 60
"""Digits of a number, and places its point may be moved: more than any sum of an examination has."""
MOST_BLANK_DIGITS = 3
_BLANK = re.compile(r"\{\{(\d+)\}\}")


def parse_content(data: Mapping[str, object]) -> ItemContent:
    """Read an item's content as an author writes it; return it with keys as places in authored order.

    Raises InvalidInput (`item.missing`, `item.unreadable`, `item.type_unknown`, `item.choices`,
    `item.answer`, `item.blanks`, `item.options`, `item.steps`, `item.parts`, `item.scale`), with the field
    at fault, in a part as `parts.2.answer` (counted from 1).

    Source: R-51.
    """
    name = _text(data, "type")
    try:
        kind = ItemType(name)
    except ValueError:
        raise InvalidInput("item.type_unknown", field="type", value=name) from None
    common: dict[str, object] = {
        "type": kind,
        "point": _text(data, "point", ""),
        "difficulty": _scale(data, "difficulty", 3),
        "consistency": _scale(data, "consistency", 5),
        "explanation": _text(data, "explanation", ""),
        "enemies": _texts(data, "enemies", ()),
        "law": _text(data, "law", ""),
    }
    return ItemContent(**(common | _READERS[kind](data)))  # type: ignore[arg-type]  # each reader checks its types


def parse_answer_key(content: ItemContent, answer: object) -> AnswerKey:
    """Read another key for an item in the author's form (`"C"`, `true`, `"86.7"`, lists), for a key revision.

    Matching takes the right for each left, ordering the steps in their order, both as texts of the item.
    Raises InvalidInput `item.answer` when the item has no such answer.

    Source: R-54.
    """
    match content.type:
        case ItemType.MATCHING:
            return _places(answer, content.options, len(content.lefts))
        case ItemType.ORDERING:
            places = _places(answer, content.steps, len(content.steps))
            if len(set(places)) != len(places):
                raise InvalidInput("item.answer", field="answer")
            return places
        case ItemType.CASE:
            raise InvalidInput("item.answer", field="answer")
        case _:
            return _key(content.type, answer, len(content.choices), content.blanks)


def number(value: object) -> Decimal | None:
    """Return a number an author wrote as text or as a number, or None when it is none.

    Nor is it one with more than 60 places: 1e999999 is written in eight characters, and its digits fill a page.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        found = Decimal(str(value).strip())
    except (InvalidOperation, ValueError):  # ValueError: an int of more digits than Python writes
        return None
    if not found.is_finite():
        return None
    digits, exponent = found.as_tuple().digits, int(found.as_tuple().exponent)
    return found if len(digits) <= MOST_PLACES and abs(exponent) <= MOST_PLACES else None


def _key(kind: ItemType, answer: object, choices: int, blanks: int) -> AnswerKey:
    refused = InvalidInput("item.answer", field="answer")
    match kind:
        case ItemType.TRUE_FALSE:
            if not isinstance(answer, bool):
                raise refused
            return (0,) if answer else (1,)
        case ItemType.SINGLE_CHOICE | ItemType.MULTIPLE_CHOICE:
            letters = answer if isinstance(answer, str) else ""
            places = sorted({LETTERS[:choices].find(letter) for letter in letters})
            single = kind is ItemType.SINGLE_CHOICE
            if not places or places[0] < 0 or len(places) != len(letters) or (single and len(places) > 1):
                raise refused
            return tuple(places)
        case ItemType.NUMERIC:
            found = number(answer)
            if found is None:
                raise refused
            return found
        case ItemType.FILL_BLANK:
            if not isinstance(answer, Sequence) or isinstance(answer, str) or len(answer) != blanks:
                raise refused
            accepted = tuple(_strings(spellings, "item.answer", "answer") for spellings in answer)
            if not all(accepted):
                raise refused
            return accepted
        case _:
            return answer if isinstance(answer, str) else ""


def _places(answer: object, texts: tuple[str, ...], count: int) -> tuple[int, ...]:
    given = _strings(answer, "item.answer", "answer")
    if len(given) != count or not set(given) <= set(texts):
        raise InvalidInput("item.answer", field="answer")
    return tuple(texts.index(text) for text in given)


def _read_plain(data: Mapping[str, object]) -> dict[str, object]:
    """true_false and short_answer: a stem and a key."""
    answer_key = _key(ItemType(_text(data, "type")), data.get("answer"), 0, 0)
    return {"stem": _text(data, "stem"), "answer_key": answer_key}


def _read_choices(data: Mapping[str, object]) -> dict[str, object]:
    choices = _texts(data, "choices")
    if not 2 <= len(choices) <= len(LETTERS) or len(set(choices)) != len(choices):
        raise InvalidInput("item.choices", field="choices")
    return {
        "stem": _text(data, "stem"),
        "choices": choices,
        "answer_key": _key(ItemType(_text(data, "type")), data.get("answer"), len(choices), 0),
        "fixed_order": bool(data.get("fixed_order", False)),
    }


def _read_blanks(data: Mapping[str, object]) -> dict[str, object]:
    stem = _text(data, "stem")
    answer_key = _key(ItemType.FILL_BLANK, data.get("answer"), 0, _blank_count(stem))
    return {"stem": stem, "answer_key": answer_key, "word_bank": _texts(data, "word_bank", ())}


def _read_numeric(data: Mapping[str, object]) -> dict[str, object]:
    stem = _text(data, "stem")
    decimals, tolerance = data.get("decimals", 0), number(data.get("tolerance", 0))
    if _blank_count(stem) != 1:
        raise InvalidInput("item.blanks", field="stem")
    if isinstance(decimals, bool) or not isinstance(decimals, int) or not 0 <= decimals <= MOST_PLACES:
        raise InvalidInput("item.unreadable", field="decimals")
    if tolerance is None or tolerance < 0:
        raise InvalidInput("item.unreadable", field="tolerance")
    answer_key = _key(ItemType.NUMERIC, data.get("answer"), 0, 0)
    return {"stem": stem, "answer_key": answer_key, "decimals": decimals, "tolerance": tolerance}


def _read_matching(data: Mapping[str, object]) -> dict[str, object]:
    pairs = data.get("pairs")
    if not isinstance(pairs, Sequence) or isinstance(pairs, str) or len(pairs) < 2:
        raise InvalidInput("item.options", field="pairs")
    read = [_strings(pair, "item.options", "pairs") for pair in pairs]
    if any(len(pair) != 2 for pair in read) or len({pair[0] for pair in read}) != len(read):
        raise InvalidInput("item.options", field="pairs")
    rights = tuple(dict.fromkeys(pair[1] for pair in read))
    extras = _texts(data, "extra_options", ())
    if len({*rights, *extras}) != len(rights) + len(extras):
        raise InvalidInput("item.options", field="extra_options")
    return {
        "stem": _text(data, "stem"),
        "lefts": tuple(pair[0] for pair in read),
        "options": rights + extras,
        "answer_key": tuple(rights.index(pair[1]) for pair in read),
    }


def _read_ordering(data: Mapping[str, object]) -> dict[str, object]:
    steps = _texts(data, "steps")
    if len(steps) < 2 or len(set(steps)) != len(steps):
        raise InvalidInput("item.steps", field="steps")
    return {"stem": _text(data, "stem"), "steps": steps, "answer_key": tuple(range(len(steps)))}


def _read_case(data: Mapping[str, object]) -> dict[str, object]:
    unit, parts = data.get("unit"), data.get("parts")
    if isinstance(unit, bool) or not isinstance(unit, int) or unit < 1:
        raise InvalidInput("item.unreadable", field="unit")
    if not isinstance(parts, Sequence) or isinstance(parts, str) or not parts:
        raise InvalidInput("item.parts", field="parts")
    return {
        "stem": _text(data, "stem", ""),
        "title": _text(data, "title"),
        "stimulus": _text(data, "stimulus"),
        "unit": unit,
        "parts": tuple(_read_part(part, index) for index, part in enumerate(parts, 1)),
    }


def _read_part(data: object, index: int) -> CasePart:
    place = f"parts.{index}"
    if not isinstance(data, Mapping) or data.get("type") == ItemType.CASE:
        raise InvalidInput("item.parts", field=place)
    points = number(data.get("points"))
    if points is None or points <= 0:
        raise InvalidInput("item.unreadable", field=f"{place}.points")
    try:
        return CasePart(content=parse_content(data), points=points)
    except InvalidInput as error:
        located = error.params | {"field": f"{place}.{error.params['field']}"}
        raise InvalidInput(error.code, **located) from None


_READERS = {
    ItemType.TRUE_FALSE: _read_plain,
    ItemType.SINGLE_CHOICE: _read_choices,
    ItemType.MULTIPLE_CHOICE: _read_choices,
    ItemType.FILL_BLANK: _read_blanks,
    ItemType.NUMERIC: _read_numeric,
    ItemType.MATCHING: _read_matching,
    ItemType.ORDERING: _read_ordering,
    ItemType.CASE: _read_case,
    ItemType.SHORT_ANSWER: _read_plain,
}


def _blank_count(stem: str) -> int:
    """Count the blanks {{1}}, {{2}}, … of a stem, which must be numbered from 1 without a gap."""
    found = _BLANK.findall(stem)
    if any(len(digits) > MOST_BLANK_DIGITS for digits in found):
        raise InvalidInput("item.blanks", field="stem")
    numbers = sorted(map(int, found))
    if not numbers or numbers != list(range(1, len(numbers) + 1)):
        raise InvalidInput("item.blanks", field="stem")
    return len(numbers)


def _text(data: Mapping[str, object], field: str, default: str | None = None) -> str:
    value = data.get(field, default)
    if not isinstance(value, str):
        raise InvalidInput("item.missing" if value is None else "item.unreadable", field=field)
    if default is None and not value.strip():
        raise InvalidInput("item.missing", field=field)
    return value


def _texts(data: Mapping[str, object], field: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
    value = data.get(field, default)
    if value is None:
        raise InvalidInput("item.missing", field=field)
    return _strings(value, "item.unreadable", field)


def _strings(value: object, code: str, field: str) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise InvalidInput(code, field=field)
    if not all(isinstance(text, str) and text.strip() for text in value):
        raise InvalidInput(code, field=field)
    return tuple(text.strip() for text in value)


def _scale(data: Mapping[str, object], field: str, default: int) -> int:
    value = data.get(field, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 5:
        raise InvalidInput("item.scale", field=field)
    return value
