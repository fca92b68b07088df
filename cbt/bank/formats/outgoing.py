"""A bank on its way out: its items one at a time, the forms it can take, and what a form cannot hold of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import IO

from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.taxonomy import Taxonomy

Carried = Mapping[str, frozenset[str]]
"""By type of item: the fields a form has a place for, as their author writes them."""


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
