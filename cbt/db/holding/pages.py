"""Pages of the database as they lie on disk, and what emptying the log leaves there.

Emptying writes the pages that the log has, as their last frames have them (encrypted or not: a frame holds what the
database will), and nothing else. Whatever else a page then holds, somebody else wrote.

Source: R-40; I1, I12.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

from cbt.db.second_copy.wal import FRAME_HEADER, HEADER, End, read_numbers

PAGE = 4096
READ_WHOLE = 1024
"""Of a database of so many pages each is looked at, of a larger one some."""
SAMPLED = 256


class Pages:
    """How long a database is in bytes, and each page looked at, by its number from 0."""

    def __init__(self, size: int, content: Mapping[int, bytes], former: Pages | None = None) -> None:
        """What `former` knows of a page that is as it was is not worked out again."""
        self.size = size
        self.content = content
        known = {} if former is None else former.known_of(content)
        self.digests: Mapping[int, bytes] = {
            page: known.get(page) or _digest(found) for page, found in content.items()
        }

    def known_of(self, content: Mapping[int, bytes]) -> dict[int, bytes]:
        """Return the digests of those pages that are as they were here."""
        return {
            page: self.digests[page] for page, found in content.items() if self.content.get(page) == found
        }

    @cached_property
    def digest(self) -> bytes:
        """Return one digest of all, 16 bytes.

        Each page of an encrypted database is sealed anew when it is written, so it differs then whatever is in it.
        """
        sealed = hashlib.blake2b(str(self.size).encode(), digest_size=16)
        for page in sorted(self.digests):
            sealed.update(self.digests[page])
        return sealed.digest()


@dataclass(frozen=True, slots=True)
class Logged:
    """What a log has put into the database."""

    content: Mapping[int, bytes]
    """Pages that lie there as the log has them: all, or some of many."""
    written: frozenset[int] = frozenset()
    """All pages it has put there."""
    open: frozenset[int] = frozenset()
    """Pages it also has a later frame of: they may have been left as they were."""

    def and_then(self, later: Logged) -> Logged:
        """Return what both have put there, `later` being of the log that was begun afterwards."""
        return Logged({**self.content, **later.content}, self.written | later.written, later.open)


def read_pages(main: int, size: int, former: Pages | None = None) -> Pages:
    """Read the first page, the last and others between of the database with the descriptor `main`."""
    return Pages(size, _read(main, _sampled(size)), former)


def read_logged(log: int, index: BinaryIO, end: End, *, done: int, cut_off: bool = False) -> Logged:
    """Read what a log that ends there has put into the database, `done` of its frames; its index says which pages.

    After an emptying that was `cut_off` nobody knows which pages of later frames it still wrote.
    """
    numbers = read_numbers(index, end.frames)
    last = {number - 1: frame for frame, number in enumerate(numbers[:done])}
    later = {number - 1 for number in numbers[done:]}
    step = max(1, len(last) // SAMPLED)  # writers wait meanwhile
    first = HEADER + FRAME_HEADER
    content = {
        page: os.pread(log, end.page_size, first + last[page] * end.frame_size)
        for page in sorted(last)[::step]
    }
    if cut_off:
        return Logged(
            {page: content[page] for page in content.keys() - later}, frozenset(last.keys() | later)
        )
    return Logged(content, frozenset(last), frozenset(later))


def emptied(main: int, size: int, before: Pages, logged: Logged) -> Pages | None:
    """Return the pages of the database after an emptying; None when it does not explain what lies there."""
    there = _read(main, before.content.keys() | logged.content.keys() | set(_sampled(size)))
    for page, found in there.items():
        may_be = {logged.content.get(page)} if page in logged.written else {before.content.get(page)}
        if page in logged.open:
            may_be.add(before.content.get(page))
        if None not in may_be and found not in may_be:
            return None
    return Pages(size, {page: there[page] for page in _sampled(size)}, before)


def _sampled(size: int) -> list[int]:
    pages = max(size // PAGE, 1)
    step = 1 if pages <= READ_WHOLE else pages // (SAMPLED - 1)
    return sorted({*range(0, pages, step), pages - 1})


def _read(main: int, pages: Iterable[int]) -> dict[int, bytes]:
    return {page: os.pread(main, PAGE, page * PAGE) for page in pages}


def _digest(page: bytes) -> bytes:
    return hashlib.blake2b(page, digest_size=16).digest()
