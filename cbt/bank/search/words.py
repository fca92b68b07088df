"""What an item is found by: every two neighbouring characters of its texts, and of its headline's pinyin initials.

Pure. Two characters are a word in Chinese as often as not, and no dictionary knows the words of every trade.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

LONGEST_HEADLINE = 60
MOST_GRAMS = 4000
"""Grams kept of one item: beyond a text of so many characters nobody looks for a sentence."""
_NO_TEXT = frozenset(
    {"type", "point", "difficulty", "consistency", "enemies", "picture", "size", "regions", "spots"}
)
_ENEMY = "敌"


def headline(data: Mapping[str, Any]) -> str:
    """Return what an item is called in a list: the title of a case, else its stem."""
    return str(data.get("title") or data.get("stem") or "")


def words_of(ref: str, data: Mapping[str, Any]) -> str:
    """Return what is kept of an item to find it by: grams with a space between them, and its enemies."""
    texts = [headline(data), initials(headline(data)), ref, *_texts(data)]
    grams = [gram for text in texts for run in _runs(text) for gram in _grams(run)]
    return " ".join([*grams[:MOST_GRAMS], *(enemy_word(enemy) for enemy in data.get("enemies", ()))])


def enemy_word(ref: str) -> str:
    """Return the word under which whoever names an item as an enemy is found."""
    return _ENEMY + hashlib.sha256(ref.encode()).hexdigest()[:16]


def asked(text: str) -> list[list[str]]:
    """Return what a search asks for: for each run of characters its grams, one alone for one character."""
    runs = list(_runs(text))
    return [[run] if len(run) == 1 else _grams(run)[:-1] for run in runs]


def initials(text: str) -> str:
    """Return the first letters of a text's pinyin; what is no Chinese stays as it is."""
    from pypinyin import Style, lazy_pinyin  # a dictionary of 50 MB: only who stores items needs it

    return "".join(lazy_pinyin(text[:LONGEST_HEADLINE], style=Style.FIRST_LETTER))


def _texts(value: Any) -> Iterator[str]:
    """Yield every text of an item but those of fields that hold none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in _NO_TEXT:
                yield from _texts(inner)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from _texts(inner)


def _runs(text: str) -> Iterator[str]:
    """Yield the letters, digits and ideographs of a text that stand together, folded."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    spaced = "".join(one if one.isalnum() else " " for one in folded)
    yield from spaced.split()


def _grams(run: str) -> list[str]:
    """Return every two neighbours of a run, and its last character alone."""
    return [run[place : place + 2] for place in range(len(run))]
