"""The types of an item as an author meets them, in the order of the rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cbt.items.types.editor import Authoring
from cbt.items.types.folders import module_of
from cbt.rules.items.registry import TYPES


class _Authorings(Mapping[str, Authoring]):
    def __init__(self) -> None:
        # All are loaded at once: a child can open no file once it has a text to examine.
        for kind in self:
            module_of(kind, "editor")

    def __getitem__(self, kind: str) -> Authoring:
        entry = getattr(module_of(kind, "editor"), "AUTHORING", None)
        if not isinstance(entry, Authoring):
            raise KeyError(kind)
        return entry

    def __iter__(self) -> Iterator[str]:
        return iter(TYPES)

    def __len__(self) -> int:
        return len(TYPES)


AUTHORING: Mapping[str, Authoring] = _Authorings()
_UNKNOWN = Authoring()


def authoring_of(kind: object) -> Authoring:
    """Return the type an author names; of a name there is none of, what holds for any."""
    return AUTHORING.get(str(kind), _UNKNOWN)
