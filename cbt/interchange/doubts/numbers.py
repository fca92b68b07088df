"""Doubts about numbers, and about a list of items that stands in its file twice.

Numbers of items that are missing, come twice, begin anew or are left in stems; and a number of an item that is a
piece of another in its file (`18.5` → `5`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain, pairwise

from cbt.interchange.documents.lines import Line
from cbt.interchange.documents.structure import heading_of
from cbt.interchange.doubts.doubt import HEAD, Doubt, DoubtedReading, number_of, read_text, words_of
from cbt.items.draft import ItemDraft

_FEWEST = 3
_COUNTING = 0.8
_LEADING = re.compile(r"\s*[（(]?(\d{1,4})[)）]?\s*[.．、:：;；|,，\s]\s*(?!\d)")
_FARTHEST = 60
"""A longer gap is another count."""
_MOST = 12


@dataclass(slots=True)
class _Count:
    """What does not count on: numbers nobody has, and the items beside them."""

    missing: list[int] = field(default_factory=list)
    again: list[int] = field(default_factory=list)
    concerned: list[int] = field(default_factory=list)


def broken_numbering(evidence: DoubtedReading) -> Doubt | None:
    """Doubt the items before numbers that are missing, and those whose number comes again or out of its place."""
    starts = _starts(evidence)
    if sum(number > 0 for number, _place, _fresh in starts) < _FEWEST:
        return None
    count = _Count()
    last, before = 0, -1
    for at, (number, place, fresh) in enumerate(starts):
        if not number:
            continue
        if last and not fresh:
            if last + 1 < number <= last + _FARTHEST and before >= 0:  # one that was refused says so itself
                count.missing += range(last + 1, number)
                count.concerned.append(before)
            elif 1 < number <= last or (number == 1 < last and _comes_back(starts, at, last)):
                count.again.append(number)
                count.concerned += [place] if place >= 0 else []
        last, before = number, place
    if not count.missing and not count.again:
        return None
    params = {"missing": _listed(count.missing), "again": _listed(count.again)}
    concerned = tuple(dict.fromkeys(count.concerned))
    return Doubt("broken_numbering", concerned, evidence.stems(concerned), params=params)


def numbers_left(evidence: DoubtedReading) -> Doubt | None:
    """Doubt stems that begin with the numbers of their items: what stood before them was not told apart."""
    heads = [_LEADING.match(str(draft.data.get("stem", ""))[:HEAD]) for draft in evidence.items]
    numbers = [int(head[1]) if head else 0 for head in heads]
    steps = sum(after - before == 1 for before, after in pairwise(numbers) if before)
    if steps < max(_FEWEST - 1, _COUNTING * (len(numbers) - 1)):
        return None
    concerned = tuple(place for place, number in enumerate(numbers) if number)
    return Doubt("numbers_left", concerned, evidence.stems(concerned), {"strip_numbers": _without_number})


def _without_number(draft: ItemDraft) -> ItemDraft:
    stem = str(draft.data["stem"])
    match = _LEADING.match(stem[:HEAD])
    return draft.with_data({**draft.data, "stem": stem[match.end() :] if match else stem})


def _starts(evidence: DoubtedReading) -> list[tuple[int, int, bool]]:
    """Return number, place among the items (-1 for a refused one), and whether a heading stands before it."""
    starts, fresh = [], True
    for text in evidence.lines:
        at = (text.place.file, text.place.line)
        if at in evidence.starts:
            starts.append((number_of(text.text), evidence.starts[at], fresh))
            fresh = False
        else:
            fresh |= len(text.text) <= 60 and heading_of(Line(text.text, text.place.line)) is not None
    return starts


def _comes_back(starts: list[tuple[int, int, bool]], at: int, last: int) -> bool:
    """Return whether the count from 1 on breaks off and the one before it goes on: steps within an item."""
    expected = 1
    for number, _place, fresh in starts[at:]:
        if fresh or not number:
            return False
        if number == expected and expected <= last:
            expected += 1
        else:
            return number == last + 1 and expected <= last
    return False


def _listed(numbers: list[int]) -> str:
    return "、".join(map(str, numbers[:_MOST])) + ("…" if len(numbers) > _MOST else "") or "—"


_FEWEST_REPEATS, _SHARE = 3, 0.25


def list_twice(evidence: DoubtedReading) -> Doubt | None:
    """Doubt the items that stood in their file before, where they are no single slip."""
    seen: set[str] = set()
    again = []
    for place, draft in enumerate(evidence.items):
        text = read_text({name: draft.data.get(name) for name in ("stem", "choices", "answer", "parts")})
        if text in seen:
            again.append(place)
        seen.add(text)
    if len(again) < max(_FEWEST_REPEATS, _SHARE * len(evidence.items)):
        return None
    return Doubt("list_twice", tuple(again), evidence.stems(again))


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
