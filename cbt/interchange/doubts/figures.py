"""Doubt about figures: a number of an item that is a piece of another in its file (`18.5` → `5`)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import chain

from cbt.interchange.doubts.doubt import HEAD, Doubt, DoubtedReading, words_of

_FIGURE = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)*")
_APART = str.maketrans("，、", "  ")
_BLANK = re.compile(r"\{\{\d+\}\}")
_HEAD = re.compile(r"\W{0,3}(\d{1,4})\s*[.．、)）]\s*(\S*)")
_FIELDS = ("stem", "choices", "answer")


def lost_figures(evidence: DoubtedReading) -> Doubt | None:
    """Doubt the items with a number that their file has only as a part of a longer one."""
    everywhere = _figures(one.text for one in evidence.source)
    pieces = _pieces(everywhere)
    concerned, said = [], []
    heads = [_head(evidence, place) for place in range(len(evidence.items))]
    for place, draft in enumerate(evidence.items):
        data = {name: draft.data[name] for name in _FIELDS if name in draft.data}
        own = _figures(words_of(data))
        near = (
            _figures(one.text for one in evidence.beside[place].texts) if place in evidence.beside else set()
        )
        lost = {figure for figure in own - near if figure in _pieces(near)}
        lost |= {figure for figure in own - everywhere if figure in pieces}
        if lost and _counts_on(heads, place):
            lost -= _figures([heads[place][1]])
        if lost:
            concerned.append(place)
            said.append(f"{'、'.join(sorted(lost))} ← {'、'.join(sorted(_wholes(lost, near or everywhere)))}")
    return Doubt("lost_figures", tuple(concerned), said) if concerned else None


def _head(evidence: DoubtedReading, place: int) -> tuple[int, str]:
    """Return the number before an item's text, and the text behind it; 0 for none."""
    texts = evidence.beside[place].texts if place in evidence.beside else []
    found = (match for one in texts if one.field in {"", "stem"} if (match := _HEAD.match(one.text[:HEAD])))
    match = next(found, None)
    return (int(match[1]), match[2]) if match else (0, "")


def _counts_on(heads: list[tuple[int, str]], place: int) -> bool:
    own = heads[place][0]
    before = heads[place - 1][0] if place else 0
    after = heads[place + 1][0] if place + 1 < len(heads) else 0
    return own > 0 and own in {before + 1, after - 1}


def _figures(texts: Iterable[str]) -> set[str]:
    found = (
        _FIGURE.findall(unicodedata.normalize("NFKC", _BLANK.sub(" ", text.translate(_APART))))
        for text in texts
    )
    return set(chain.from_iterable(found))


def _pieces(figures: Iterable[str]) -> set[str]:
    """Return what is left of numbers with a point or a comma when one end of them goes."""
    return {
        piece
        for figure in figures
        for at in re.finditer(r"[.,]", figure)
        for piece in (figure[: at.start()], figure[at.end() :])
    }


def _wholes(lost: set[str], figures: set[str]) -> set[str]:
    return {figure for figure in figures if lost & _pieces([figure])}
