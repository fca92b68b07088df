"""An item as the candidate's page wants it, and its key as an author reads it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from cbt.items import markup
from cbt.items.markup import sanitised
from cbt.rules.items.case import Case
from cbt.rules.items.content import ItemContent


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

    What a form shuffles without fail (options to match, steps to order) is shuffled here too, the same way each
    time.

    Source: R-44.
    """
    rng = random.Random(seed)
    case = content if isinstance(content, Case) else None
    contents = [part.content for part in case.parts] if case else [content]
    points = [f"{part.points:f}" for part in case.parts] if case else ["1"]
    unit = case.unit if case else 1
    items = [
        {
            "position": number,
            "section": 0,
            "unit": unit if case else 0,
            "points": worth,
            **_item(one, rng),
        }
        for number, (one, worth) in enumerate(zip(contents, points, strict=True), 1)
    ]
    name = case.title if case else _(f"bank.type.{content.type.value}")
    group = {"name": name, "first": 1, "last": len(items)}
    clean = sanitised(content)
    return {
        "items": items,
        "sections": [] if case else [{**group, "type": content.type.value, "points_each": "1"}],
        "units": [{**group, "number": unit, "state": "open"}] if case else [],
        "cases": [{"unit": unit, "title": clean["title"], "stimulus": clean["stimulus"]}] if case else [],
    }


def _item(content: ItemContent, rng: random.Random) -> dict[str, Any]:
    clean = dict(sanitised(content))
    if content.verdicts:
        clean["choices"] = list(verdicts())
    for name in content.always_shuffled:
        clean[name] = _shuffled(clean[name], rng)
    return clean


def verdicts() -> tuple[str, str]:
    return _("bank.key.true"), _("bank.key.false")


def _shuffled(texts: Any, rng: random.Random) -> list[str]:
    mixed = list(texts)
    rng.shuffle(mixed)
    return mixed


def key_lines(content: ItemContent) -> list[KeyLines]:
    """Return the key of an item, or of each part of a case, as safe HTML lines."""
    if isinstance(content, Case):
        return [_key(part.content, f"{part.points:f}") for part in content.parts]
    return [_key(content, "")]


def _key(content: ItemContent, points: str) -> KeyLines:
    return KeyLines(
        type=content.type.value,
        points=points,
        point=content.point,
        difficulty=content.difficulty,
        stem=markup.to_html(content.stem),
        lines=[markup.inline(line) for line in content.key_lines(verdicts())],
        explanation=markup.to_html(content.explanation),
    )
