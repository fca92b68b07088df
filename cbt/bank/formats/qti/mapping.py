"""What a type of item is in a package of QTI that goes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cbt.bank.exports.markup import block
from cbt.bank.formats.qti.scoring import Response22

Fields = Mapping[str, Any]
Made = tuple[list[Response22], str]
"""The responses of a question, and what stands in the body for it."""


@dataclass(frozen=True, slots=True)
class QtiWriting:
    """A type of item that goes out as QTI: the fields it carries, and its question under the name of a response.

    `write` is told where the picture of the item lies, seen from it; `pictured` says that it needs that picture, so
    that it is no part of a case.
    """

    carries: frozenset[str]
    write: Callable[[Fields, str, str], Made]
    pictured: bool = False


def stem_of(data: Fields) -> str:
    """Return what is asked as XHTML."""
    return block(str(data["stem"]))


def entry(name: str) -> str:
    """Return a place where something is typed."""
    return f'<textEntryInteraction responseIdentifier="{name}"/>'
