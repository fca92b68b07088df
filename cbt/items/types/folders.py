"""The folders of the types, found by their names; a child that reads a stranger's file asks here, too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from types import ModuleType
from typing import Generic, TypeVar

from cbt.items import types

M = TypeVar("M")


@cache
def kinds() -> frozenset[str]:
    return frozenset(found.name for found in iter_modules(types.__path__) if found.ispkg)


@cache
def module_of(kind: str, name: str) -> ModuleType | None:
    """Return a module of a type's folder, None where there is no such type or module."""
    path = f"{types.__name__}.{kind}.{name}"
    return import_module(path) if kind in kinds() and find_spec(path) is not None else None


class Mappings(Mapping[str, M], Generic[M]):
    """What each type says in one module of its folder, as `MAPPING`, by the name of the type.

    All are loaded when this is made: a child can open no file once it reads one. What types share says nothing.
    """

    def __init__(self, module: str, kind: type[M]) -> None:
        self._module, self._kind = module, kind
        len(self)

    def __getitem__(self, kind: str) -> M:
        mapping = self._found(kind)
        if mapping is None:
            raise KeyError(kind)
        return mapping

    def __iter__(self) -> Iterator[str]:
        return (kind for kind in sorted(kinds()) if self._found(kind) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _found(self, kind: str) -> M | None:
        mapping = getattr(module_of(kind, self._module), "MAPPING", None)
        return mapping if isinstance(mapping, self._kind) else None
