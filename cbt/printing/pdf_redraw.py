"""The child's side of a PDF that somebody sent: its pages are set anew, so that nothing else of the file is kept.

Only `cbt.confined` runs this, in a process of its own. What is drawn on a page is taken over; scripts, forms,
attachments and all that is no page stay behind.
"""

from __future__ import annotations

import os
import re
import zlib
from typing import Any

import typst

from cbt.errors import InvalidInput

HEAD, HEAD_WITHIN = b"%PDF-", 1024
"""How a PDF begins, and within how many bytes: readers are that lenient."""
_PAGE = (
    "#set page(width: auto, height: auto, margin: 0mm)\n"
    '#let sent = bytes(json("sent.json"))\n'
    "#for number in range({first}, {last} + 1) "
    '{{ page(image(sent, format: "pdf", page: number)) }}'
)
"""Files that lie in memory are texts to the typesetter: the one that was sent comes as a list of its bytes."""
_NO_PAGE, _LOCKED = "does not exist", "encrypt"
_COUNT = re.compile(rb"/Count\s+(\d{1,4})")
_PACKED = re.compile(rb"/ObjStm\b.{0,400}?stream\r?\n", re.DOTALL)
_MOST_UNPACKED = 4 * 1024 * 1024

# One thread: whoever saves an answer goes first. Made ready before the process is closed in.
os.environ["RAYON_NUM_THREADS"] = "1"
_make: Any = typst.Compiler  # its types know nothing of files that lie in memory
_compiler = _make({"main.typ": b"#set page(width: 1cm, height: 1cm)\n1"}, ignore_system_fonts=True)
_compiler.compile(format="pdf")


def reset_pages(body: bytes, *, pages: int) -> bytes:
    """Return a PDF as one of our own with the same pages, and before it a byte that says how many they are.

    Raise InvalidInput("scan.kind") for another kind of file, ("scan.pages") for more than `pages`, ("scan.locked")
    for one with a password, ("scan.damaged").
    """
    if HEAD not in body[:HEAD_WITHIN]:
        raise InvalidInput("scan.kind")
    sent = b"[" + b",".join(b"%d" % byte for byte in body) + b"]"
    last = _guess(body, pages)
    made = _set(sent, 1, last)
    if not made or _set(sent, last + 1, last + 1):  # it says something else of itself than it is
        if _set(sent, pages + 1, pages + 1):
            raise InvalidInput("scan.pages", most=pages)
        last = _last(sent, pages)
        made = _set(sent, 1, last)
    return bytes([last]) + made


def _guess(body: bytes, pages: int) -> int:
    """Return how many pages a file says it has, between one and `pages`: each time it is set takes its time."""
    counts = [int(found) for found in _COUNT.findall(body)]
    for packed in _PACKED.finditer(body):
        try:
            plain = zlib.decompressobj().decompress(body[packed.end() :], _MOST_UNPACKED)
        except zlib.error:
            continue
        counts += [int(found) for found in _COUNT.findall(plain)]
    return min(max([1, *counts]), pages)


def _last(sent: bytes, pages: int) -> int:
    """Return the number of the last page of a file that has `pages` at most.

    Raise InvalidInput("scan.damaged") for one without a page.
    """
    there, beyond = 0, pages + 1
    while beyond - there > 1:
        middle = (there + beyond) // 2
        there, beyond = (middle, beyond) if _set(sent, middle, middle) else (there, middle)
    if not there:
        raise InvalidInput("scan.damaged")
    return there


def _set(sent: bytes, first: int, last: int) -> bytes:
    """Return these pages set anew, nothing when the file has fewer."""
    files = {"main.typ": _PAGE.format(first=first, last=last).encode(), "sent.json": sent}
    try:
        made: bytes = _compiler.compile(input=files, format="pdf", timestamp=0)
    except MemoryError:
        raise
    except Exception as error:  # a damaged file is damaged in many ways
        reason = str(error)
        if _NO_PAGE in reason:
            return b""
        raise InvalidInput("scan.locked" if _LOCKED in reason else "scan.damaged") from error
    return made
