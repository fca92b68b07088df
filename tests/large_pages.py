"""What a process holds, put into large pages (Linux): its processor finds what it needs there with fewer steps.

A worker goes from one end of some hundred megabytes to the other all the time. The kernel gives large pages to
whoever asks for them; where it gives none nothing changes.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from pathlib import Path

SIZE = 2 << 20
"""Bytes of a large page."""
_WANTED, _NOW = 14, 25
"""MADV_HUGEPAGE and MADV_COLLAPSE: these bytes may be in large pages; put them there."""
_MAPS = Path("/proc/self/maps")


def use_large_pages() -> None:
    """Put the heap of this process into large pages; to do so again costs little where little came."""
    if sys.platform != "linux":
        return
    advise = ctypes.CDLL(None).madvise
    advise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for begin, end in heap_of(_MAPS.read_text()):
        begin, end = -(-begin // SIZE) * SIZE, end // SIZE * SIZE
        if begin < end:
            advise(begin, end - begin, _WANTED)
            advise(begin, end - begin, _NOW)


def heap_of(maps: str) -> Iterator[tuple[int, int]]:
    """Yield from where to where memory lies that is written and of no file; `maps` is what the kernel lists."""
    for line in maps.splitlines():
        place, may, *of = line.split()
        if may.startswith("rw") and of[3:] in ([], ["[heap]"]):
            begin, _, end = place.partition("-")
            yield int(begin, 16), int(end, 16)
