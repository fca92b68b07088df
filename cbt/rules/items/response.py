"""What may come in from a candidate's browser for one position of a frozen form.

A position is a mapping as `assembly.draw_form` writes it: `type`, `order` (the authored place shown at each
displayed place), `lefts` for matching, `blanks` for fill_blank, `limits` of a type's own. Values sent
are displayed places and texts only, so nothing here knows an answer key.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cbt.rules.exam import TOOLS
from cbt.rules.items.content import LETTERS
from cbt.rules.items.inputs import letters, refused, storable
from cbt.rules.items.registry import TYPES

NOTE_LENGTH = 2_000
INSTANT_LENGTH = 40
MOST_MARKS = 60
LAST_CHARACTER = 100_000
MARKED = (0, 1)
"""What may be marked of an item: its stem, the material of its case."""

SETTINGS: Mapping[str, tuple[object, ...]] = {
    "size": ("small", "medium", "large", "xlarge"),
    "scheme": ("light", "dark", "contrast", "sepia"),
    "view": ("one", "list"),
    "keys": (True, False),
    "clock_hidden": (True, False),
    **dict.fromkeys(TOOLS, (True, False)),
}
EVENTS = frozenset(
    {"blur", "focus", "fullscreen_exit", "fullscreen_enter", "paste", "paper_loaded", "usable", "leave"}
)


def parse_answer(position: Mapping[str, Any], value: object) -> str | None:
    """Return the canonical JSON of a displayed answer, or None when it clears the position.

    What a type takes stands with the type. Raises InvalidInput `answer.invalid`.

    Source: R-41, R-44, R-51.
    """
    if value is None or value == "" or value == []:
        return None
    return TYPES[position["type"]].parse_answer(position, value)


def is_answered(position: Mapping[str, Any], canonical: str | None) -> bool:
    """Return whether a stored answer is complete enough to count as 已答: every blank and left is filled.

    Source: R-24, R-61.
    """
    return canonical is not None and TYPES[position["type"]].is_answered(canonical)


def parse_note(value: object) -> str:
    """Return a candidate's note of at most 2,000 characters, or raise InvalidInput `answer.invalid`."""
    return storable(value, NOTE_LENGTH)


def parse_strike(position: Mapping[str, Any], value: object) -> str:
    """Return the letters of the displayed choices that are struck out, in order; "" for none.

    Raises InvalidInput `answer.invalid`, also for a type without choices.
    """
    if not TYPES[position["type"]].lettered:
        raise refused()
    return "" if value == "" else letters(value, len(position["order"]), most=len(LETTERS))


def parse_marks(value: object) -> list[list[int]]:
    """Return what is marked of an item's texts, each [of what, from, to] in characters; in order, each once.

    Raises InvalidInput `answer.invalid`.
    """
    if not isinstance(value, list) or len(value) > MOST_MARKS:
        raise refused()
    marks = set()
    for mark in value:
        if not isinstance(mark, list) or len(mark) != 3 or not all(type(number) is int for number in mark):
            raise refused()
        place, start, end = mark
        if place not in MARKED or not 0 <= start < end <= LAST_CHARACTER:
            raise refused()
        marks.add((place, start, end))
    return [list(one) for one in sorted(marks)]


def parse_flag(value: object) -> bool:
    """Return whether a position is flagged, or raise InvalidInput `answer.invalid`."""
    if not isinstance(value, bool):
        raise refused()
    return value


def parse_setting(value: object) -> dict[str, object]:
    """Return the display settings in `value`, or raise InvalidInput `answer.invalid` for an unknown one.

    Source: R-42.
    """
    if not isinstance(value, Mapping):
        raise refused()
    for name, chosen in value.items():
        allowed = SETTINGS.get(name, ())
        if not any(type(chosen) is type(one) and chosen == one for one in allowed):
            raise refused()
    return dict(value)


def parse_event(value: object) -> dict[str, str]:
    """Return what a browser reports about itself: `type`, and `at` when it gives its own clock's reading.

    Raises InvalidInput `answer.invalid`.

    Source: R-26.
    """
    if not isinstance(value, Mapping) or not set(value) <= {"type", "at"}:
        raise refused()
    if not isinstance(value.get("type"), str) or value["type"] not in EVENTS:
        raise refused()
    if value.get("at") is None:
        return {"type": value["type"]}
    read_at = storable(value["at"], INSTANT_LENGTH)
    try:
        datetime.fromisoformat(read_at)
    except ValueError:
        raise refused() from None
    return {"type": value["type"], "at": read_at}
