"""Texts that go out, as a form writes them: a type of item asks for them, and a child that reads draws none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from cbt.interchange.raw_items import EMPTY

Fields = Mapping[str, Any]


def no_blank(_number: int) -> str:
    return ""


class OutTexts(Protocol):
    """Writes the texts of an item for one form."""

    def block(self, text: str, blank: Callable[[int], str] = no_blank, hidden: str = "") -> str:
        """Return a text of paragraphs, `blank` for each of its blanks and none of the characters `hidden`."""

    def line(self, text: str) -> str:
        """Return a text that is shown in a line."""

    def option(self, text: str) -> str:
        """Return a text for a list to choose from, which shows words alone."""


def blank_stem(data: Fields, texts: OutTexts) -> str:
    """Return the text of an item with one blank, which stands in it as Moodle marks it."""
    return texts.block(str(data["stem"]), lambda _number: EMPTY, hidden="_")


def all_of_it(data: Fields, _texts: OutTexts) -> Fields:
    return data


def nothing(_data: Fields, _texts: OutTexts) -> list[str]:
    return []
