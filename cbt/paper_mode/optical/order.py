"""What is handed to the child that reads scans, and what it hands back."""

from __future__ import annotations

import msgspec

from cbt.rules.paper.reading import PageReading
from cbt.rules.paper.sheet import SheetLayout


class ReadOrder(msgspec.Struct, frozen=True, array_like=True):
    """A file, which of its pages are wanted (the first from 0), and the layouts that its sheets may have."""

    body: bytes
    first: int
    most: int
    layouts: list[SheetLayout]


class ReadPage(msgspec.Struct, frozen=True, array_like=True):
    """One page of a file: a JPEG of it, upright, and flat where it was read; what was read of it."""

    image: bytes
    reading: PageReading


class ReadPages(msgspec.Struct, frozen=True, array_like=True):
    """How many pages a file has, and those that were asked for."""

    count: int
    pages: list[ReadPage]
