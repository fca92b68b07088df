"""What the bank asks of a type of item, beside its rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from cbt.bank.imports.drafts import ItemDraft
from cbt.sheets.findings import Finding, Place

PutRight = Callable[[str, str, Callable[[str], str]], None]
"""Puts a field right and lists it: the code of the fix, the field, how its texts change."""


class SheetRow(Protocol):
    """One row of a sheet, its cells by the name of the field."""

    def text(self, name: str) -> str:
        """Return what stands in a field, "" when nothing does."""

    def error(self, code: str, name: str, **params: object) -> Finding:
        """Return an error about a field."""


class Authoring:
    """One type of item as an author meets it; a type overrides what is its own."""

    codes: ClassVar[tuple[str, ...]] = ()
    """What names it in a sheet's type column: a letter of the 国标, a word without 题."""
    letter: ClassVar[str] = ""
    """Stands in the refs that are given to items which come without."""
    key_field: ClassVar[str] = "answer"
    """The field an author writes its key in."""
    stem_decides: ClassVar[bool] = False
    """Whether its other fields cannot be judged without its stem."""

    def read_choices(self, row: SheetRow, choices: Sequence[str], data: dict[str, Any]) -> list[Finding]:
        """Read the cells of the choices into `data`; return what is wrong with them."""
        return []

    def read_answer(self, row: SheetRow, data: dict[str, Any]) -> list[Finding]:
        """Read the answer cell into `data`; return what is wrong with it."""
        return []

    def tidy(self, put_right: PutRight) -> None:
        """Put right what is no matter of taste. Source: R-51."""

    def errors(self, draft: ItemDraft, prefix: str, data: Mapping[str, Any]) -> Iterator[Finding]:
        """Yield what blocks an item that could be read; `prefix` stands before the fields of a part."""
        yield from ()

    def hints(self, draft: ItemDraft, prefix: str, data: Mapping[str, Any]) -> Iterator[Finding]:
        """Yield what could read better."""
        yield from ()

    def shares(self, items: Sequence[Mapping[str, Any]], where: Place) -> Iterator[Finding]:
        """Yield what the items of this type of a whole bank have too much or too little of."""
        yield from ()
