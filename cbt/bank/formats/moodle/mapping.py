"""What a type of item says of Moodle XML, and the pieces of a question that goes out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from cbt.bank.foreign.plain import escaped
from cbt.bank.foreign.raw import LeftOut
from cbt.bank.formats.moodle.texts import MoodleQuestion

Fields = Mapping[str, Any]
ALMOST_ALL = Decimal(99)
"""So many per cent are full marks: thirds do not come to a hundred."""


def _as_written(data: Fields) -> str:
    return str(data["stem"])


@dataclass(frozen=True, slots=True)
class MoodleMapping:
    """A type of item in Moodle XML: the fields it carries, and both ways.

    `reads` are the readers of questions by the names Moodle gives their types; `kind` names the type an item goes
    out as, `stem` is its text there, `answers` yields what follows the texts of a question. `prepared` returns an
    item without what Moodle shows nowhere in it.
    """

    carries: frozenset[str]
    kind: Callable[[Fields], str]
    answers: Callable[[Fields], Iterator[str]]
    reads: Mapping[str, Callable[[MoodleQuestion], dict[str, Any]]] = field(default_factory=dict)
    stem: Callable[[Fields], str] = _as_written
    prepared: Callable[[Fields], Fields] = dict


def sound_spellings(asked: MoodleQuestion, spellings: list[str]) -> list[str]:
    """Return spellings without those that stand for many: `*` is any text there, and `\\*` a star."""
    wild = [spelling for spelling in spellings if re.search(r"(?<!\\)\*", spelling)]
    if wild and len(wild) == len(spellings):
        raise LeftOut("open_wildcard", wild[0])
    for spelling in wild:
        asked.found.hint("open_wildcard_left", spelling)
    return [spelling.replace("\\*", "*") for spelling in spellings if spelling not in wild and spelling]


def starred(word: str) -> str:
    """Return a word whose stars stand for themselves."""
    return word.replace("*", "\\*")


def answer(text: str, fraction: Decimal | int, kind: str, more: str = "") -> str:
    """Return an answer that earns so many per cent; `kind` is that of its text."""
    return f'<answer fraction="{fraction:f}" format="{kind}">{text_element(text)}{more}</answer>'


def marked(name: str, text: str) -> str:
    """Return an element with a text of Markdown."""
    return f'<{name} format="markdown">{text_element(text)}</{name}>'


def text_element(text: str) -> str:
    """Return a text in its element."""
    return f"<text>{escaped(text)}</text>"
