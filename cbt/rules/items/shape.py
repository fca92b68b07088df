"""What may come in from a candidate's browser for one position of a frozen form.

A position is a mapping as `assembly.draw_form` writes it: `type`, `order` (the authored place shown at each
displayed place), `lefts` for matching, `blanks` for fill_blank. Values sent are displayed places only, so
nothing here knows an answer key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from cbt.errors import InvalidInput
from cbt.rules.canonical import canonical_json
from cbt.rules.items.values import LETTERS, ItemType

BLANK_LENGTH = 200
NUMBER_LENGTH = 40
ESSAY_LENGTH = 10_000
NOTE_LENGTH = 2_000

CHOICE_TYPES = frozenset({ItemType.TRUE_FALSE, ItemType.SINGLE_CHOICE, ItemType.MULTIPLE_CHOICE})
SETTINGS: Mapping[str, tuple[object, ...]] = {
    "size": ("small", "medium", "large", "xlarge"),
    "scheme": ("light", "dark", "contrast", "sepia"),
    "view": ("one", "list"),
    "keys": (True, False),
    "clock_hidden": (True, False),
}
EVENTS = frozenset({"blur", "focus", "fullscreen_exit", "fullscreen_enter", "paper_loaded", "usable"})


def parse_answer(position: Mapping[str, Any], value: object) -> str | None:
    """Return the canonical JSON of a displayed answer, or None when it clears the position.

    true_false and single_choice take the letter of a displayed place, multiple_choice letters in order,
    fill_blank a list of texts, numeric a text, matching the number of an option (from 1) or null for each
    displayed left, ordering the displayed numbers of the steps in the candidate's order, short_answer a
    text. Whether the answer is right plays no part. Raises InvalidInput `answer.invalid`.

    Source: R-41, R-44, R-51.
    """
    if value is None or value == "" or value == []:
        return None
    shown = len(position["order"])
    match position["type"]:
        case ItemType.TRUE_FALSE | ItemType.SINGLE_CHOICE:
            return _choice(value, shown, 1)
        case ItemType.MULTIPLE_CHOICE:
            return _choice(value, shown, shown)
        case ItemType.FILL_BLANK:
            texts = _texts(value, position["blanks"])
            return canonical_json(texts) if any(text.strip() for text in texts) else None
        case ItemType.MATCHING:
            numbers = _option_numbers(value, lefts=len(position["lefts"]), options=shown)
            return canonical_json(numbers) if any(numbers) else None
        case ItemType.ORDERING:
            return canonical_json(_step_numbers(value, shown))
        case ItemType.NUMERIC:
            return _nonblank(value, NUMBER_LENGTH)
        case ItemType.SHORT_ANSWER:
            return _nonblank(value, ESSAY_LENGTH)
        case _:
            raise _refused()


def is_answered(position: Mapping[str, Any], canonical: str | None) -> bool:
    """Return whether a stored answer is complete enough to count as 已答: every blank and left is filled.

    Source: R-24, R-61.
    """
    if canonical is None:
        return False
    match position["type"]:
        case ItemType.FILL_BLANK:
            return all(text.strip() for text in json.loads(canonical))
        case ItemType.MATCHING:
            return None not in json.loads(canonical)
        case _:
            return True


def parse_note(value: object) -> str:
    """Return a candidate's note of at most 2,000 characters, or raise InvalidInput `answer.invalid`."""
    return _storable(value, NOTE_LENGTH)


def parse_strike(position: Mapping[str, Any], value: object) -> str:
    """Return the letters of the displayed choices that are struck out, in order; "" for none.

    Raises InvalidInput `answer.invalid`, also for a type without choices.
    """
    if ItemType(position["type"]) not in CHOICE_TYPES:
        raise _refused()
    return "" if value == "" else _letters(value, len(position["order"]), most=len(LETTERS))


def parse_flag(value: object) -> bool:
    """Return whether a position is flagged, or raise InvalidInput `answer.invalid`."""
    if not isinstance(value, bool):
        raise _refused()
    return value


def parse_setting(value: object) -> dict[str, object]:
    """Return the display settings in `value`, or raise InvalidInput `answer.invalid` for an unknown one.

    Source: R-42.
    """
    if not isinstance(value, Mapping):
        raise _refused()
    for name, chosen in value.items():
        allowed = SETTINGS.get(name, ())
        if not any(type(chosen) is type(one) and chosen == one for one in allowed):
            raise _refused()
    return dict(value)


def parse_event(value: object) -> dict[str, str]:
    """Return what a browser reports about itself: `type`, and `at` when it gives its own clock's reading.

    Raises InvalidInput `answer.invalid`.

    Source: R-26.
    """
    if not isinstance(value, Mapping) or not set(value) <= {"type", "at"}:
        raise _refused()
    if not isinstance(value.get("type"), str) or value["type"] not in EVENTS:
        raise _refused()
    if value.get("at") is None:
        return {"type": value["type"]}
    read_at = _storable(value["at"], NUMBER_LENGTH)
    try:
        datetime.fromisoformat(read_at)
    except ValueError:
        raise _refused() from None
    return {"type": value["type"], "at": read_at}


def _choice(value: object, shown: int, most: int) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise _refused()
    return _choice_text(value, shown, most)


@lru_cache(maxsize=4096)
def _choice_text(value: str, shown: int, most: int) -> str:
    return canonical_json(_letters(value, shown, most=most))  # most answers of an exam are one of few


def _letters(value: object, shown: int, *, most: int) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise _refused()
    if len(set(value)) != len(value) or not set(value) <= set(LETTERS[:shown]):
        raise _refused()
    return "".join(sorted(value))


def _texts(value: object, count: int) -> list[str]:
    if not isinstance(value, list) or len(value) != count:
        raise _refused()
    return [_storable(text, BLANK_LENGTH) for text in value]


def _option_numbers(value: object, *, lefts: int, options: int) -> list[int | None]:
    if not isinstance(value, list) or len(value) != lefts:
        raise _refused()
    if not all(number is None or _is_place(number, options) for number in value):
        raise _refused()
    return list(value)


def _step_numbers(value: object, steps: int) -> list[int]:
    if not isinstance(value, list) or not all(_is_place(number, steps) for number in value):
        raise _refused()
    if sorted(value) != list(range(1, steps + 1)):
        raise _refused()
    return list(value)


def _is_place(number: object, last: int) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= last


def _nonblank(value: object, longest: int) -> str | None:
    text = _storable(value, longest)
    return canonical_json(text) if text.strip() else None


def _storable(value: object, longest: int) -> str:
    """Return a text both databases can hold: no NUL (PostgreSQL refuses it), no half of a surrogate pair."""
    if not isinstance(value, str) or len(value) > longest or "\0" in value:
        raise _refused()
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise _refused()
    return value


def _refused() -> InvalidInput:
    return InvalidInput("answer.invalid")
