"""A format of banks: how sure it is of a file, how it reads one, and what its written forms carry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from types import MappingProxyType
from typing import IO, Protocol

from cbt.items.draft import Adjustments, ItemDraft, Reading
from cbt.items.taxonomy import Taxonomy
from cbt.spreadsheets.findings import Finding

Carried = Mapping[str, frozenset[str]]
"""By type of item: the fields a form has a place for, as their author writes them."""


class Carrying(Protocol):
    """What a type says of a form: the fields of its own that this has a place for."""

    @property
    def carries(self) -> frozenset[str]: ...


class Carries(Mapping[str, frozenset[str]]):
    """By type of item: the fields that any type has in a form, and those that its mapping carries."""

    def __init__(
        self,
        mappings: Mapping[str, Carrying],
        common: frozenset[str],
        more: Mapping[str, frozenset[str]] = MappingProxyType({}),
    ) -> None:
        """Take the mappings of types, and of those without one (`more`) all that is carried."""
        self._mappings, self._common, self._more = mappings, common, more

    def __getitem__(self, kind: str) -> frozenset[str]:
        return self._more.get(kind) or self._common | self._mappings[kind].carries

    def __iter__(self) -> Iterator[str]:
        yield from self._mappings
        yield from self._more

    def __len__(self) -> int:
        return len(self._mappings) + len(self._more)


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """What a form does not hold of one item: some of its fields, or with none named the item as a whole."""

    ref: str
    type: str
    fields: tuple[str, ...] = ()


Medium = Callable[[str], "tuple[str, bytes] | None"]
"""Gives the kind and the bytes of a picture or a sound by its name, None where none is kept."""


def _none_kept(_name: str) -> tuple[str, bytes] | None:
    return None


@dataclass(slots=True)
class Export:
    """A bank that goes out; `items` can be gone through once, `left` fills while they are written.

    `medium` gives the pictures and sounds that their texts name.
    """

    ref: str
    name: str
    taxonomy: Taxonomy
    items: Iterable[ItemDraft]
    left: list[LeftBehind] = field(default_factory=list)
    written: int = 0
    medium: Medium = _none_kept


@dataclass(frozen=True, slots=True)
class OutForm:
    """One form in which a bank goes out; `write` puts it into a file and never holds more than an item of it.

    `media` says whether pictures and sounds of texts go along.
    """

    name: str
    ending: str
    mime: str
    write: Callable[[Export, IO[bytes]], None]
    carries: Carried
    media: bool = False


Content = bytes | Path
"""What people bring: a file's content, or a folder where it lies."""


class Confidence(IntEnum):
    """How sure a format is that something is one of its own; the surest format reads it."""

    NO = 0
    MAYBE = 1
    SURE = 2


@dataclass(frozen=True, slots=True)
class Format:
    """One format of banks.

    `name` is kept with each import. `detect` and `read` take the content and the name it came under; `read`
    also takes what its author says instead of what it infers, makes findings of what it cannot read, and raises
    InvalidInput or NotFound when it can read nothing.
    `endings` are what a page offers in its choice of files, none for a format that is no file. `mark` returns
    a file with its findings in place, `template` an empty file to fill in; both are None where a format has none.
    `writes` are the forms of it in which a bank goes out.
    """

    name: str
    detect: Callable[[Content, str], Confidence]
    read: Callable[[Content, str, Adjustments], Reading]
    endings: tuple[str, ...] = ()
    mark: Callable[[bytes, Sequence[Finding]], bytes] | None = None
    template: Callable[[], bytes] | None = None
    writes: tuple[OutForm, ...] = ()
