"""Texts that are much alike among many thousands, in a time that grows with their number and no faster.

Of each text a sketch is kept: the smallest hash of its bigrams in each of some bins (MinHash by one permutation).
Two texts share a pair of neighbouring bins the likelier the more bigrams they share; only those are compared.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from heapq import nsmallest
from zlib import crc32

BINS = 32
"""With pairs of them, of two texts that share 60 % of their bigrams one in 1,000 is missed."""
FULLEST = 30
"""So many texts stay in one place: a stem that thousands share says nothing."""
COMPARED = 4
"""Of the texts that share most with one so many are compared with it."""
_SPREAD = 0x9E3779B1
_MASK = 0xFFFFFFFF

Sketch = tuple[int, ...]


def near_pairs(
    texts: Sequence[str], *, after: int, worth: Callable[[int, int], bool]
) -> Iterator[tuple[int, int]]:
    """Yield pairs of places (earlier, later) that are much alike, `later` from `after` on.

    `worth` says whether two are worth comparing.
    """
    hashes: dict[str, int] = {}
    shelves: defaultdict[tuple[int, int, int], list[int]] = defaultdict(list)
    for later, text in enumerate(texts):
        sketch = _sketch(text, hashes)
        places = [shelves[place, sketch[place], sketch[place + 1]] for place in range(0, len(sketch), 2)]
        if later >= after:
            met = Counter(earlier for shelf in places for earlier in shelf)
            likely = nsmallest(COMPARED, met, key=lambda earlier: (-met[earlier], earlier))
            yield from ((earlier, later) for earlier in likely if worth(earlier, later))
        for shelf in places:
            if len(shelf) < FULLEST:
                shelf.append(later)


def _sketch(text: str, hashes: dict[str, int]) -> Sketch:
    """Return the smallest hash of each bin; an empty bin borrows from the next one that is not."""
    least: dict[int, int] = {}
    for gram in {text[start : start + 2] for start in range(max(1, len(text) - 1))}:
        value = hashes.get(gram)
        if value is None:
            value = hashes[gram] = crc32(gram.encode()) * _SPREAD & _MASK
        place = value % BINS
        if value < least.get(place, _MASK + 1):
            least[place] = value
    found = []
    borrowed = least[min(least)]
    for place in reversed(range(BINS)):
        borrowed = least.get(place, borrowed)
        found.append(borrowed)
    return tuple(reversed(found))
