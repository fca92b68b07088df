"""The child's side of Aiken: a stem, choices under letters in their order, and the letter of the right one."""

from __future__ import annotations

import re

from cbt.interchange import markdown, raw_items
from cbt.interchange.raw_items import Gleaning, LeftOut
from cbt.interchange.text import text_of

_CHOICE = re.compile(r"\s*([A-Z])[.)][ \t]+(.*)")
_KEY = re.compile(r"\s*ANSWER\s*:\s*([A-Z](?:\s*[,;、]?\s*[A-Z])*)\s*")


def read(body: bytes) -> bytes:
    """Return the items of an Aiken file; raise InvalidInput("bank.text_encoding")."""
    return gather(text_of(body)).encoded()


def gather(text: str) -> Gleaning:
    """Return the items of an Aiken text and what could not be read of it."""
    gleaning = Gleaning()
    stem: list[str] = []
    choices: list[str] = []
    start = 0
    for number, line in enumerate(text.split("\n"), 1):
        if key := _KEY.fullmatch(line):
            with gleaning.item("", start or number):
                _question(gleaning, stem, choices, re.sub(r"[^A-Z]", "", key[1]))
            stem, choices, start = [], [], 0
        elif (choice := _CHOICE.fullmatch(line)) and _is_next(choice[1], stem, choices):
            choices.append(choice[2].strip())
        elif line.strip() and choices:
            _cut_off(gleaning, stem, choices, start)
            stem, choices, start = [line.strip()], [], number
        elif line.strip():
            stem, start = [*stem, line.strip()], start or number
    if stem or choices:
        _cut_off(gleaning, stem, choices, start)
    return gleaning


def _is_next(letter: str, stem: list[str], choices: list[str]) -> bool:
    return bool(stem) and letter == raw_items.LETTERS[len(choices) : len(choices) + 1]


def _cut_off(gleaning: Gleaning, stem: list[str], choices: list[str], start: int) -> None:
    """Remark on lines that come to no question: a stem without choices, choices without a key."""
    with gleaning.item("", start):
        raise LeftOut("open_no_key" if choices else "open_no_choices", " ".join(stem))


def _question(gleaning: Gleaning, stem: list[str], choices: list[str], key: str) -> None:
    stem_line = " ".join(stem)
    if not stem or len(choices) < 2:
        raise LeftOut("open_no_choices", stem_line)
    beyond = [letter for letter in key if raw_items.LETTERS.index(letter) >= len(choices)]
    if beyond or len(set(key)) != len(key):
        raise LeftOut("open_key_unknown", key)
    texts = [(markdown.literal(text), raw_items.LETTERS[place] in key) for place, text in enumerate(choices)]
    stem_text = markdown.literal("\n".join(stem))
    gleaning.add("", raw_items.choice(stem_text, texts, multiple=len(key) > 1))
