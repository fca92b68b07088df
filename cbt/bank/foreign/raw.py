"""What a reader in its child found: items in the author's words and remarks, as plain data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from cbt.errors import InvalidInput

MOST_ITEMS = 20_000
MOST_NOTES = 40_000
MOST_OF_ONE, MOST_PICTURES = 5 * 1024 * 1024, 40 * 1024 * 1024
MOST_MEDIA = 2_000
"""Pictures and sounds of one file that are handed on, whatever their size."""
LONGEST_WORDS = 200
MEDIUM = "\ufdd0{}\ufdd1{}\ufdd2"
"""Stands in a text for a picture or a sound of its item: its key, and the words for who cannot see it."""
Look = Callable[[str], "bytes | None"]
"""Finds what an address in a text names, in the file that is read and nowhere else."""


def _nowhere(_source: str) -> bytes | None:
    return None


class RawItem(msgspec.Struct, frozen=True, array_like=True):
    """One item: its ref or "", its content, and where it stands; `file` is the entry of an archive or ""."""

    ref: str
    data: dict[str, Any]
    file: str
    line: int
    pictures: dict[str, bytes] = {}


class RawNote(msgspec.Struct, frozen=True, array_like=True):
    """One remark: whether it keeps its item out, its code, where, which item (by its place), what stands there."""

    blocks: bool
    code: str
    file: str
    line: int
    value: str
    params: dict[str, str]


class RawReading(msgspec.Struct, frozen=True, array_like=True):
    """Everything of one file."""

    items: list[RawItem]
    notes: list[RawNote]


class LeftOut(Exception):
    """An item that cannot come in; `code` says why, `value` what was met."""

    def __init__(self, code: str, value: object = "", **params: object) -> None:
        """Keep what is said of it."""
        super().__init__(code)
        self.code, self.value = code, str(value)
        self.params = {name: str(one) for name, one in params.items()}


class Gleaning:
    """Collects items and remarks of one file; `file` and `line` say where the reader stands."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.items: list[RawItem] = []
        self.notes: list[RawNote] = []
        self.file = ""
        self.line = 0
        self.look: Look = _nowhere
        self._pictures: dict[str, bytes] = {}
        self._keys: dict[bytes, str] = {}
        self._size = self._count = 0

    @property
    def pictures(self) -> dict[str, bytes]:
        """Return what was handed on since the last item began, by its keys."""
        return self._pictures

    def hint(self, code: str, value: object = "", **params: object) -> None:
        """Remark on something that keeps nothing out."""
        self._note(False, code, str(value), params)

    def wrong(self, code: str, value: object = "", **params: object) -> None:
        """Remark on something that does not come in."""
        self._note(True, code, str(value), params)

    def add(self, ref: str, data: dict[str, Any], pictures: dict[str, bytes] | None = None) -> None:
        """Take one item; raise InvalidInput("bank.too_many_items") for one more than a file may hold."""
        if len(self.items) >= MOST_ITEMS:
            raise InvalidInput("bank.too_many_items", limit=MOST_ITEMS)
        kept = {**self._pictures, **(pictures or {})}
        self.items.append(RawItem(ref, data, self.file, self.line, kept))

    def medium(self, source: str, words: str) -> str | None:
        """Return what stands for a picture or a sound until it is taken in, None where it is not at hand."""
        body = self.look(source)
        if body is None:
            return None
        key = self._keys.get(body) or self._kept(body)
        return MEDIUM.format(key, re.sub(r"[\]\[\s]+", " ", words).strip()[:LONGEST_WORDS]) if key else None

    def _kept(self, body: bytes) -> str:
        """Return the key under which a picture or a sound is handed on, "" for one too many or too large."""
        if len(body) > MOST_OF_ONE or self._size + len(body) > MOST_PICTURES or self._count >= MOST_MEDIA:
            return ""
        self._size, self._count = self._size + len(body), self._count + 1
        key = self._keys[body] = str(len(self._pictures))
        self._pictures[key] = body
        return key

    @contextmanager
    def item(self, file: str, line: int) -> Iterator[None]:
        """Stand at an item; one that is left out becomes a remark, and what was said of it before is dropped."""
        self.file, self.line, said = file, line, len(self.notes)
        self._pictures, self._keys = {}, {}
        try:
            yield
        except LeftOut as reason:
            del self.notes[said:]
            self.wrong(reason.code, reason.value, **reason.params)

    def encoded(self) -> bytes:
        """Return everything as the parent reads it."""
        return msgspec.msgpack.encode(RawReading(self.items, self.notes))

    def _note(self, blocks: bool, code: str, value: str, params: dict[str, object]) -> None:
        if len(self.notes) >= MOST_NOTES:
            raise InvalidInput("bank.too_many_items", limit=MOST_ITEMS)
        told = {name: str(one) for name, one in params.items()}
        self.notes.append(RawNote(blocks, code, self.file, self.line, value[:500], told))
