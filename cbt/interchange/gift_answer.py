"""Answers of GIFT: its braces with weights and feedback, and the characters that are escaped in its texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from cbt.interchange import markdown, raw_items
from cbt.interchange.out_texts import OutTexts, all_of_it, nothing
from cbt.interchange.raw_items import Gleaning, LeftOut
from cbt.items.media import NAME, SCHEME

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


def keyed(word: str) -> str:
    """Return a key that is typed, as it stands behind its sign: with no weight but its own and no wildcard."""
    return ("%100%" if word.startswith("%") else "") + escaped(raw_items.starred(word))


def escaped(text: str) -> str:
    """Return a text as GIFT holds it: the other way of both."""
    return _MEANS.sub(lambda found: "\\n" if found[0] == "\n" else f"\\{found[0]}", text)


_WEIGHT = re.compile(r"%(-?\d{1,3}(?:\.\d+)?)%")
FORMAT = re.compile(r"\[(html|moodle|plain|markdown)\]", re.IGNORECASE)
_OURS = re.compile(rf"{SCHEME}{NAME.pattern}")
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
    def general(self) -> str:
        """What is said to everybody afterwards."""
        return self.text(self._general)

    def stem(self, gap: str) -> str:
        """Return the text around the braces, with `gap` for them where words follow."""
        if self.ends:
            return self.text(self._before)
        around = self._before.lstrip() + raw_items.GAP + self._after.rstrip()
        return self.text(around, strip=False).strip().replace(raw_items.GAP, gap)

    def blank_stem(self) -> str:
        """Return the text with {{1}} for the braces, or in its empty place where they stand at its end."""
        if not self.ends:
            return self.stem("{{1}}")
        return raw_items.with_gap(self.text(raw_items.gap_marked(self._before)))

    def text(self, raw: str, *, strip: bool = True, line: bool = False) -> str:
        """Return a text as the Markdown of an item, `line` one of a single line; what is lost is remarked on."""
        kind = self._kind
        if match := FORMAT.match(raw.lstrip()):
            kind, raw = match[1].lower(), raw.lstrip()[match.end() :]
        text = (
            shown(raw).strip() if strip else shown(raw)
        )  # a line's end is none of it, nor a sign before that
        if kind == "markdown":
            return text
        if kind == "html" or (kind == "moodle" and markdown.looks_like_html(text)):
            return self._html(text if kind == "html" else text.strip().replace("\n", "<br>"), line=line)
        return markdown.with_formulas(text, lambda text: markdown.literal(text, line=line))

    def said_to_each(self) -> list[tuple[str, str]]:
        return [(shown(one.text).strip(), self.text(one.feedback)) for one in self.answers]

    def key(self, raw: str) -> str:
        """Return a key that is typed as it is written."""
        match = FORMAT.match(raw.lstrip())
        return shown(raw.lstrip()[match.end() :] if match else raw).strip()

    def _html(self, text: str, *, line: bool) -> str:
        done = markdown.from_html(text, _named, line=line, formulas=True)
        for code, value in done.lost:
            self.found.hint(code, value)
        return done.markdown


def _named(source: str, words: str) -> str | None:
    """Return a picture or a sound by its name; of all that lies elsewhere nothing is at hand."""
    return f"![{words}]({source})" if _OURS.fullmatch(source) else None


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
        share = raw_items.checked_grade(Decimal(weight[1]), weight[0]) if weight else None
        answers.append(GiftAnswer(mark, share, spelling, feedback, text.partition("#")[0]))
    return answers


@dataclass(frozen=True, slots=True)
class GiftMapping:
    """A type of item in GIFT: the fields it carries, and both ways.

    `claims` says whether what stands in braces is of this type, and no two types claim the same; `answers` writes
    what stands in the braces, None where they cannot say it; `gap` says that its text has one blank.
    `prepared` and `unshown` are as with Moodle XML, which shows the same.
    """

    carries: frozenset[str]
    claims: Callable[[Braces], bool]
    read: Callable[[Braces], dict[str, Any]]
    answers: Callable[[Mapping[str, Any], OutTexts], str | None]
    gap: bool = False
    prepared: Callable[[Mapping[str, Any], OutTexts], Mapping[str, Any]] = all_of_it
    unshown: Callable[[Mapping[str, Any], OutTexts], list[str]] = nothing
