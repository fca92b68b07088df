"""What a type of item is in the cells of our workbooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

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
