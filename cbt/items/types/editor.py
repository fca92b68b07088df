"""What the bank asks of a type of item, beside its rules: its author's form, and the cells of a workbook."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Protocol

from cbt.items.draft import ItemDraft
from cbt.spreadsheets.findings import Finding, Place, Severity

Fields = Mapping[str, Any]
LETTERS = "ABCDEFGH"
"""The columns there are for choices."""
BLANK = "（　　）"


def _as_written(data: Fields) -> str:
    return str(data["stem"])


def _as_it_is(data: Fields) -> str:
    return str(data.get("answer", ""))


def _the_same(_data: Fields, _stem: str, _answer: str) -> Fields | None:
    return {}


@dataclass(frozen=True, slots=True)
class SheetMapping:
    """A type of item in a workbook that goes out: its letter of the 国标, its name, the fields it carries.

    `stem` and `answer` are its cells. `back` returns what these say otherwise by the rules of the type, None where
    they cannot say what the item does.
    """

    code: str
    name: str
    carries: frozenset[str]
    answer: Callable[[Fields], str] = _as_it_is
    stem: Callable[[Fields], str] = _as_written
    back: Callable[[Fields, str, str], Fields | None] = _the_same


def without_marks(data: Fields, count: int) -> str:
    stem = str(data["stem"])
    for place in range(1, count + 1):
        stem = stem.replace(f"{{{{{place}}}}}", BLANK)
    return stem


PutRight = Callable[[str, str, Callable[[str], str]], None]
"""Puts a field right and lists it: the code of the fix, the field, how its texts change."""


class SheetRow(Protocol):
    """One row of a sheet, its cells by the name of the field."""

    def text(self, name: str) -> str:
        """Return what stands in a field, "" when nothing does."""

    def error(self, code: str, name: str, **params: object) -> Finding:
        """Return an error about a field."""


class SentItem(Protocol):
    """What an editor's form sent of one item, or of one part, by the names of its fields."""

    def text(self, name: str) -> str:
        """Return a text without the space around it, "" when nothing was written."""

    def texts(self, name: str) -> list[str]:
        """Return the rows of a list as they stand, empty ones too."""

    def lines(self, name: str) -> list[str]:
        """Return the lines of a text that say something."""

    def marked(self, name: str) -> list[int]:
        """Return the places (from 0) of the rows that are marked, ascending."""

    def number(self, name: str) -> int | str:
        """Return a whole number; what is none stays as it was written, for lint to name."""

    def parts(self) -> list[dict[str, Any]]:
        """Return the parts of a case, each with its type and what any part has."""


class Authoring:
    """One type of item as an author meets it; a type overrides what is its own."""

    codes: ClassVar[tuple[str, ...]] = ()
    """What names it in a sheet's type column: a letter of the 国标, a word without 题."""
    shorts: ClassVar[tuple[str, ...]] = ()
    """What else names it alone in such a cell, in capitals and without 题."""
    words: ClassVar[str] = ""
    """A pattern of the words that name it wherever they stand: in a cell, a heading, the name of a sheet."""
    letter: ClassVar[str] = ""
    """Stands in the refs that are given to items which come without."""
    key_field: ClassVar[str] = "answer"
    """The field an author writes its key in."""
    blanks_in_stem: ClassVar[bool] = False
    """Whether an author marks blanks in its stem."""
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

    def asked(self, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return each thing it asks with its key in words, where other items could give that away."""
        return []

    def says(self, data: Mapping[str, Any]) -> list[str]:
        """Return what it says beside its stem that is so: its keys in words, without its distractors."""
        return []

    def blank(self) -> dict[str, Any]:
        """Return its own fields as an author finds them in the form of a new item."""
        return {}

    def from_form(self, sent: SentItem) -> dict[str, Any]:
        """Return its own fields as an editor sent them, empty where nothing was written."""
        return {}

    def stand_in(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return its own fields with something in the place of what is not written yet, so that it can be drawn.

        What stands for a key is never shown.
        """
        return {}

    def any_answer(self, item: Mapping[str, Any], rng: random.Random) -> Any:
        """Return an answer as the answer page may send it for an item as the paper shows it, right or not."""
        return str(rng.randrange(1, 1000))


WORDS = ("主管", "15", "客户", "𬭎", "a b", "“引号”")
"""What somebody may type."""


def padded(texts: object, least: int) -> list[str]:
    """Return the different texts of a list that say something, and dots where there are fewer than `least`."""
    filled = [text.strip() for text in texts if isinstance(text, str)] if isinstance(texts, list) else []
    distinct = list(dict.fromkeys(text for text in filled if text))
    missing = (dots for count in range(1, least + 1) if (dots := "…" * count) not in distinct)
    return [*distinct, *(next(missing) for _ in range(least - len(distinct)))]


def outside(
    share: Fraction, bounds: tuple[Fraction, Fraction], code: str, where: Place, **params: object
) -> Iterator[Finding]:
    """Yield a hint about a share outside `bounds`, both of which are still fine."""
    if not bounds[0] <= share <= bounds[1]:
        shown = {"percent": percent(share), "low": percent(bounds[0]), "high": percent(bounds[1])}
        yield Finding(Severity.HINT, code, where, params=shown | params)


def percent(share: Fraction) -> str:
    """Return a share in per cent, as a sentence says it."""
    return f"{float(share * 100):.3g}"
