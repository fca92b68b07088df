"""A bank on its way out: its items one at a time, the forms it can take, and what a form cannot hold of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import IO, Protocol

from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.taxonomy import Taxonomy

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
