"""Which characters of a name or a note anybody can see, and which pass unseen or turn a line around."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_BLANK = frozenset("\t\n\r")
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0\u17b4\u17b5")
"""Letters and signs without a shape: the Hangul fillers, the empty Braille cell, two Khmer vowels."""
_LOST = frozenset("\ufffc\ufffd")
"""Stands where a character could not be read."""
_SELECTORS = re.compile("[\u034f\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_HAN_PLANES = range(0x20000, 0x3FFFE)
_PRIVATE = range(0xE000, 0xF900)
_MARKS = ("Mn", "Me")
MOST_MARKS = 3
"""Accents on one letter; more is no language but a way to paint over the lines around."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """One character that must not stand in a text: its place from 1, and its code as `U+202E`."""

    place: int
    code: str


def unseen(text: str) -> Unseen | None:
    """Return the first character of a text that nobody can see or that two systems show differently.

    Refused are controls, marks of writing direction (bidi), zero-width characters, fillers, selectors of variants,
    halves of surrogate pairs, unassigned characters, the signs of a character that got lost, and more than three
    accents on a letter. Every Han character is fine, also one younger than the tables of this program (U+20000
    to U+3FFFD), and so are · and blanks of any width, which compare as one space. A character for private use
    (U+E000 to U+F8FF) is how older systems gave a rare Han character, and is kept as given.

    Source: R-10.
    """
    marks = 0
    for place, character in enumerate(text, 1):
        marks = marks + 1 if unicodedata.category(character) in _MARKS else 0
        if marks > MOST_MARKS or _is_unseen(character):
            return Unseen(place, code_of(character))
    return None


def private_use(text: str) -> Unseen | None:
    """Return the first character that every system draws in its own way, or not at all. Source: R-10."""
    for place, character in enumerate(text, 1):
        if ord(character) in _PRIVATE:
            return Unseen(place, code_of(character))
    return None


def with_codes(text: str) -> str:
    """Return a text for showing, each unseen character as its code: `王⟨U+200B⟩明`."""
    return "".join(f"⟨{code_of(one)}⟩" if _is_unseen(one) else one for one in text)


def code_of(character: str) -> str:
    return f"U+{ord(character):04X}"


def _is_unseen(character: str) -> bool:
    number = ord(character)
    if character in _BLANK or number in _PRIVATE:
        return False
    if number in _HAN_PLANES:
        return number & 0xFFFE == 0xFFFE
    if character in _BLANK_LETTERS or character in _LOST or _SELECTORS.match(character):
        return True
    category = unicodedata.category(character)
    return category[0] == "C" or category in ("Zl", "Zp", "Me")
