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

from cbt.db.second_copy.wal import FRAME_HEADER, HEADER

PAGE = 4096
READ_WHOLE = 1024
"""Of a database of so many pages each is looked at, of a larger one some."""
SAMPLED = 256


@dataclass(frozen=True, slots=True)
class Pages:
    """How long a database is in bytes, and a digest of each page looked at, by its number from 0."""

    size: int
    digests: Mapping[int, bytes]

    @property
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

    digests: Mapping[int, bytes]
    """Of pages that lie there as the log has them: all, or some of many."""
    written: frozenset[int] = frozenset()
    """All pages it has put there."""
    open: frozenset[int] = frozenset()
    """Pages it also has a later frame of: they may have been left as they were."""

    def and_then(self, later: Logged) -> Logged:
        """Return what both have put there, `later` being of the log that was begun afterwards."""
        return Logged({**self.digests, **later.digests}, self.written | later.written, later.open)


def read_pages(main: int, size: int) -> Pages:
    """Read the first page, the last and others between of the database with the descriptor `main`."""
    return Pages(size, _digests(main, _sampled(size)))


def read_logged(log: int, *, done: int, frames: int, page_size: int, cut_off: bool = False) -> Logged:
    """Read what a log of so many frames has put into the database, `done` of them.

    After an emptying that was `cut_off` nobody knows which pages of later frames it still wrote.
    """
    last: dict[int, int] = {}
    later = set()
    for frame in range(frames):
        place = HEADER + frame * (FRAME_HEADER + page_size)
        page = int.from_bytes(os.pread(log, 4, place), "big") - 1
        if frame < done:
            last[page] = place + FRAME_HEADER
        else:
            later.add(page)
    step = max(1, len(last) // SAMPLED)  # writers wait meanwhile
    digests = {page: _digest(os.pread(log, page_size, last[page])) for page in sorted(last)[::step]}
    if cut_off:
        return Logged(
            {page: digests[page] for page in digests.keys() - later}, frozenset(last.keys() | later)
        )
    return Logged(digests, frozenset(last), frozenset(later))


def emptied(main: int, size: int, before: Pages, logged: Logged) -> Pages | None:
    """Return the pages of the database after an emptying; None when it does not explain what lies there."""
    there = _digests(main, before.digests.keys() | logged.digests.keys() | set(_sampled(size)))
    for page, found in there.items():
        may_be = {logged.digests.get(page)} if page in logged.written else {before.digests.get(page)}
        if page in logged.open:
            may_be.add(before.digests.get(page))
        if None not in may_be and found not in may_be:
            return None
    return Pages(size, {page: there[page] for page in _sampled(size)})


def _sampled(size: int) -> list[int]:
    pages = max(size // PAGE, 1)
    step = 1 if pages <= READ_WHOLE else pages // (SAMPLED - 1)
    return sorted({*range(0, pages, step), pages - 1})


def _digests(main: int, pages: Iterable[int]) -> dict[int, bytes]:
    return {page: _digest(os.pread(main, PAGE, page * PAGE)) for page in pages}


def _digest(page: bytes) -> bytes:
    return hashlib.blake2b(page, digest_size=16).digest()
