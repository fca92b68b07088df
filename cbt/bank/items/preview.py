"""An item as the candidate's page wants it, and its key as an author reads it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from cbt.bank.items import rich
from cbt.bank.items.fragments import sanitised
from cbt.rules.items.reading import LETTERS, ItemContent, ItemType


@dataclass(frozen=True, slots=True)
class KeyLines:
    """The answer key of an item or of one part: its type, what it is worth, the right answer, why."""

    type: str
    points: str
    point: str
    difficulty: int
    stem: str
    lines: list[str]
    explanation: str


def preview_paper(content: ItemContent, *, seed: str) -> dict[str, Any]:
    """Return the item as a paper of one item or one case, in the shape of the candidate's page.

    What a form shuffles without fail (matching, ordering) is shuffled here too, the same way each time.

    Source: R-44.
    """
    rng = random.Random(seed)
    asked = [part.content for part in content.parts] or [content]
    points = [f"{part.points:f}" for part in content.parts] or ["1"]
    unit = content.unit or 1
    is_case = content.type is ItemType.CASE
    items = [
        {
            "position": number,
            "section": 0,
            "unit": unit if is_case else 0,
            "points": worth,
            **_item(one, rng),
        }
        for number, (one, worth) in enumerate(zip(asked, points, strict=True), 1)
    ]
    name = content.title if is_case else _(f"bank.type.{content.type.value}")
    group = {"name": name, "first": 1, "last": len(items)}
    clean = sanitised(content)
    return {
        "items": items,
        "sections": [] if is_case else [{**group, "type": content.type.value, "points_each": "1"}],
        "units": [{**group, "number": unit, "state": "open"}] if is_case else [],
        "cases": [{"unit": unit, "title": clean["title"], "stimulus": clean["stimulus"]}] if is_case else [],
    }


def _item(content: ItemContent, rng: random.Random) -> dict[str, Any]:
    clean = dict(sanitised(content))
    if content.type is ItemType.TRUE_FALSE:
        clean["choices"] = [_("bank.key.true"), _("bank.key.false")]
    for name in ("lefts", "options", "steps"):
        if name in clean:
            clean[name] = _shuffled(clean[name], rng)
    return clean


def _shuffled(texts: Any, rng: random.Random) -> list[str]:
    mixed = list(texts)
    rng.shuffle(mixed)
    return mixed


def key_lines(content: ItemContent) -> list[KeyLines]:
    """Return the key of an item, or of each part of a case, as safe HTML lines."""
    if content.type is ItemType.CASE:
        return [_key(part.content, f"{part.points:f}") for part in content.parts]
    return [_key(content, "")]


def _key(content: ItemContent, points: str) -> KeyLines:
    return KeyLines(
        type=content.type.value,
        points=points,
        point=content.point,
        difficulty=content.difficulty,
        stem=rich.to_html(content.stem),
        lines=[rich.inline(line) for line in _answers(content)],
        explanation=rich.to_html(content.explanation),
    )


def _answers(content: ItemContent) -> list[str]:
    key = content.answer_key
    match content.type:
        case ItemType.TRUE_FALSE:
            return [_("bank.key.true") if key == (0,) else _("bank.key.false")]
        case ItemType.SINGLE_CHOICE | ItemType.MULTIPLE_CHOICE if isinstance(key, tuple):
            places = [place for place in key if isinstance(place, int)]
            return [f"{LETTERS[place]}　{content.choices[place]}" for place in places]
        case ItemType.FILL_BLANK if isinstance(key, tuple):
            spellings = [" / ".join(words) for words in key if isinstance(words, tuple)]
            return [f"（{number}）{words}" for number, words in enumerate(spellings, 1)]
        case ItemType.NUMERIC:
            return [f"{key} ± {content.tolerance}"]
        case ItemType.MATCHING if isinstance(key, tuple):
            pairs = zip(content.lefts, (place for place in key if isinstance(place, int)), strict=True)
            return [f"{left} → {content.options[place]}" for left, place in pairs]
        case ItemType.ORDERING:
            return [f"{number}. {step}" for number, step in enumerate(content.steps, 1)]
        case _:
            return [str(key)]
