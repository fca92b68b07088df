"""The table of majors (专业): which are the occupation's own, which are related, which are neither."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class MajorKind(StrEnum):
    """本专业, 相关专业, 其他专业; a major the table does not have is for the officer to decide."""

    OWN = "own"
    RELATED = "related"
    OTHER = "other"
    UNKNOWN = "unknown"


def plain_major(name: str) -> str:
    """Return a major as it is compared: NFKC, without blanks and without 专业 at its end."""
    plain = "".join(unicodedata.normalize("NFKC", name).split())
    return plain.removesuffix("专业")


@dataclass(frozen=True, slots=True)
class MajorTable:
    """The majors somebody has decided about, as written; an office adds to it what it decides."""

    own: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    other: tuple[str, ...] = ()

    def kind_of(self, name: str) -> MajorKind:
        """Return what kind a major is of. Source: R-73."""
        plain = plain_major(name)
        for kind in (MajorKind.OWN, MajorKind.RELATED, MajorKind.OTHER):
            if plain in map(plain_major, getattr(self, kind)):
                return kind
        return MajorKind.UNKNOWN

    def with_majors(self, kind: MajorKind, names: Iterable[str]) -> MajorTable:
        """Return the table with more majors of a kind, taken out of the others: the newest decision holds."""
        new = tuple(names)
        plain = {plain_major(name) for name in new}
        left = {
            one: tuple(name for name in getattr(self, one) if plain_major(name) not in plain)
            for one in ("own", "related", "other")
        }
        return replace(self, **(left | {kind.value: (*left[kind.value], *new)}))
