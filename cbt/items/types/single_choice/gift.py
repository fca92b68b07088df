"""单选 in GIFT, and what it shares with 多选: `=` before a right choice, `~` before any other or a share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cbt.interchange import raw_items
from cbt.interchange.gift_answer import ALL, Braces, GiftMapping
from cbt.interchange.out_texts import OutTexts

CARRIED = frozenset({"choices", "answer"})
"""Not their order: whoever reads GIFT may shuffle them."""


def claims(braces: Braces) -> bool:
    return braces.listed and any(answer.mark == "~" for answer in braces.answers)


def several(braces: Braces) -> bool:
    """Return whether more than one may be right: none is so as a whole, and some by their shares."""
    answers = braces.answers
    return all(answer.mark == "~" for answer in answers) and any(answer.worth > 0 for answer in answers)


def read_gift(braces: Braces, *, multiple: bool) -> dict[str, Any]:
    """Return the item: one right answer, or several whose weights come to all of it."""
    answers, stem = braces.answers, braces.stem(raw_items.BLANK)
    right = [answer.worth > 0 if multiple else answer.worth >= ALL for answer in answers]
    if not multiple and any(0 < answer.worth < ALL for answer in answers):
        braces.found.hint("open_weights", stem)
    choices = [
        (braces.text(answer.text, line=True), sound) for answer, sound in zip(answers, right, strict=True)
    ]
    feedback = [
        (letter, braces.text(answer.feedback))
        for letter, answer in zip(raw_items.LETTERS, answers, strict=False)
    ]
    data = raw_items.choice(stem, choices, multiple=multiple)
    return data | raw_items.explained(braces.general, feedback)


def written(data: Mapping[str, Any], texts: OutTexts, right: str, wrong: str) -> str:
    lines = []
    for letter, text in zip(raw_items.LETTERS, data["choices"], strict=False):
        lines.append(f"{right if letter in data['answer'] else wrong}{texts.line(text)}")
    return "\n" + "\n".join(lines) + "\n"


MAPPING = GiftMapping(
    CARRIED,
    lambda braces: claims(braces) and not several(braces),
    lambda braces: read_gift(braces, multiple=False),
    lambda data, texts: written(data, texts, "=", "~"),
)
