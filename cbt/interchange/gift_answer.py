"""Answers of GIFT: its braces with weights and feedback, and the characters that are escaped in its texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from cbt.interchange import markdown, raw_items
from cbt.interchange.raw_items import Gleaning, LeftOut

_SPECIAL = "~=#{}:"
_HIDDEN = {f"\\{one}": chr(0xFDD0 + place) for place, one in enumerate([*_SPECIAL, "\\", "n"])}
_SHOWN = {hidden: escape[1].replace("n", "\n") for escape, hidden in _HIDDEN.items()}
_ESCAPES = re.compile(r"\\[~=#{}:\\n]")
_PLACES = re.compile("[" + "".join(_SHOWN) + "]")
_MEANS = re.compile(r"[~=#{}:\\\n]")


def hidden(text: str) -> str:
    """Return a text in which an escaped character is one that stands in no text."""
    return _ESCAPES.sub(lambda found: _HIDDEN[found[0]], text)


def shown(text: str) -> str:
    """Return a text with its escaped characters as they are meant."""
    return _PLACES.sub(lambda found: _SHOWN[found[0]], text)


def weighted(text: str, share: int) -> str:
    """Return an answer's text; one that could be read as a weight has its own before it."""
    return f"%{share}%{escaped(text)}" if text.startswith("%") else escaped(text)


def escaped(text: str) -> str:
    """Return a text as GIFT holds it: the other way of both."""
    return _MEANS.sub(lambda found: "\\n" if found[0] == "\n" else f"\\{found[0]}", text)


_WEIGHT = re.compile(r"%(-?\d{1,3}(?:\.\d+)?)%")
_FORMAT = re.compile(r"\[(html|moodle|plain|markdown)\]", re.IGNORECASE)
ALL = Decimal(100)


@dataclass(frozen=True, slots=True)
class GiftAnswer:
    """One answer: `=` or `~`, its weight in per cent or None, its text as written, its feedback.

    `whole` is the text with what may be a weight before it.
    """

    mark: str
    weight: Decimal | None
    text: str
    feedback: str
    whole: str = ""

    @property
    def worth(self) -> Decimal:
        """Return what it earns, in per cent."""
        return self.weight if self.weight is not None else (ALL if self.mark == "=" else Decimal(0))


class Braces:
    """One question: the text around its braces, what stands in them, and what that says as our Markdown."""

    def __init__(self, gleaning: Gleaning, before: str, inner: str, after: str, kind: str) -> None:
        self.found, self._kind, self._before, self._after = gleaning, kind, before, after
        self.inner, _sign, self._general = inner.partition("####")

    @property
    def plain(self) -> str:
        return self.inner.strip()

    @property
    def listed(self) -> bool:
        return self.plain[:1] in {"=", "~"}

    @property
    def ends(self) -> bool:
        return not self._after.strip()

    @cached_property
    def answers(self) -> list[GiftAnswer]:
        """The answers of the list; raise LeftOut for words before the first sign."""
        return answers_in(self.inner)

    @cached_property
    def _around(self) -> str:
        if self.ends:
            return self.text(self._before)
        return self.text(self._before.lstrip() + "\ufdef" + self._after.rstrip(), strip=False).strip()

    @cached_property
    def general(self) -> str:
        """What is said to everybody afterwards."""
        return self.text(self._general)

    def stem(self, gap: str) -> str:
        """Return the text around the braces, with `gap` for them where words follow."""
        return self._around.replace("\ufdef", gap)

    def blank_stem(self) -> str:
        """Return the text with {{1}} for the braces, or in its empty place where they stand at its end."""
        stem = self.stem("{{1}}")
        return raw_items.with_blank(stem) if self.ends else stem

    def text(self, raw: str, *, strip: bool = True) -> str:
        """Return a text as the Markdown of an item; what is lost of it is remarked on."""
        kind = self._kind
        if match := _FORMAT.match(raw.lstrip()):
            kind, raw = match[1].lower(), raw.lstrip()[match.end() :]
        text = shown(raw)
        if kind == "markdown":
            return text.strip() if strip else text
        if kind == "html" or (kind == "moodle" and markdown.looks_like_html(text)):
            return self._html(text if kind == "html" else text.strip().replace("\n", "<br>"))
        return markdown.literal(text.strip() if strip else text)

    def said_to_each(self) -> list[tuple[str, str]]:
        return [(shown(one.text).strip(), self.text(one.feedback)) for one in self.answers]

    def _html(self, text: str) -> str:
        done = markdown.from_html(text)
        for code, value in done.lost:
            self.found.hint(code, value)
        return done.markdown


def answers_in(inner: str) -> list[GiftAnswer]:
    """Return the answers of a list; raise LeftOut for words before the first sign."""
    pieces = re.split(r"([=~])", inner)
    if pieces[0].strip():
        raise LeftOut("open_braces", shown(inner))
    answers = []
    for mark, text in zip(pieces[1::2], pieces[2::2], strict=True):
        weight = _WEIGHT.match(text.lstrip())
        rest = text.lstrip()[weight.end() :] if weight else text
        spelling, _sign, feedback = rest.partition("#")
        share = Decimal(weight[1]) if weight else None
        answers.append(GiftAnswer(mark, share, spelling, feedback, text.partition("#")[0]))
    return answers


@dataclass(frozen=True, slots=True)
class GiftMapping:
    """A type of item in GIFT: the fields it carries, and both ways.

    `claims` says whether what stands in braces is of this type, and no two types claim the same; `answers` writes
    what stands in the braces; `gap` says that these stand in the place of the one blank.
    """

    carries: frozenset[str]
    claims: Callable[[Braces], bool]
    read: Callable[[Braces], dict[str, Any]]
    answers: Callable[[Mapping[str, Any]], str]
    gap: bool = False
