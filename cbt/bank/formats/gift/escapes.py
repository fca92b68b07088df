"""Characters that mean something in GIFT, and how they are written where they mean nothing."""

from __future__ import annotations

import re

_SPECIAL = "~=#{}:"
_HIDDEN = {f"\\{one}": chr(0xFDD0 + place) for place, one in enumerate([*_SPECIAL, "\\", "n"])}
_SHOWN = {hidden: escape[1].replace("n", "\n") for escape, hidden in _HIDDEN.items()}
_ESCAPES = re.compile(r"\\[~=#{}:\\n]")
_PLACES = re.compile("[" + "".join(_SHOWN) + "]")
_MEANS = re.compile(r"[~=#{}:\\\n]")


def hidden(text: str) -> str:
    """Return a text in which an escaped character is one that stands in no text."""
    return _ESCAPES.sub(lambda found: _HIDDEN[found[0]], text)


def shown(text: str) -> str:
    """Return a text with its escaped characters as they are meant."""
    return _PLACES.sub(lambda found: _SHOWN[found[0]], text)


def weighted(text: str, share: int) -> str:
    """Return an answer's text; one that could be read as a weight has its own before it."""
    return f"%{share}%{escaped(text)}" if text.startswith("%") else escaped(text)


def escaped(text: str) -> str:
    """Return a text as GIFT holds it: the other way of both."""
    return _MEANS.sub(lambda found: "\\n" if found[0] == "\n" else f"\\{found[0]}", text)
