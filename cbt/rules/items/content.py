"""The content of an item, the names of item types and partial-credit rules, and what an answer key may be.

Source: R-51, R-52.
"""

from __future__ import annotations

import json
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any, ClassVar, Self

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# Places in authored order (choices, options, steps), accepted spellings per blank, a number, a text.
AnswerKey = tuple[int, ...] | tuple[tuple[str, ...], ...] | Decimal | str


class ItemType(StrEnum):
    """The types of an item. Source: R-51."""

    TRUE_FALSE = "true_false"
    SINGLE_CHOICE = "single_choice"
    MULTIPLE_CHOICE = "multiple_choice"
    FILL_BLANK = "fill_blank"
    NUMERIC = "numeric"
    MATCHING = "matching"
    ORDERING = "ordering"
    CASE = "case"
    SHORT_ANSWER = "short_answer"
    HOTSPOT = "hotspot"


class PartialCredit(StrEnum):
    """The named rules for an answer that is partly right. Source: R-52."""

    ALL_OR_NOTHING = "all_or_nothing"
    SUBSET = "subset"
    PER_PART = "per_part"
    ADJACENT_PAIRS = "adjacent_pairs"


NOTHING, ALL = Fraction(0), Fraction(1)


@dataclass(frozen=True, slots=True)
class PaperAnswer:
    """How one position is answered on a 答题卡: rows of bubbles, each with its signs, and fields to write in.

    Source: R-80, R-81.
    """

    rows: tuple[tuple[str, ...], ...] = ()
    many: bool = False
    """Whether several bubbles of a row may be marked."""
    fields: tuple[int, ...] = ()
    """The lines of each field."""


Nested = Callable[[Mapping[str, object]], "ItemContent"]
"""Reads an item inside another: a part of a case."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """How authored text becomes what a page may show: `block` a text with paragraphs, `line` a choice or a step.

    `picture` is where the picture of an item is.
    """

    block: Callable[[str], str]
    line: Callable[[str], str]
    picture: Callable[[str], str] = str

    def lines(self, texts: Iterable[str]) -> list[str]:
        return [self.line(text) for text in texts]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemContent(ABC):
    """One version of one item; each type is a class of its own, listed in `registry`.

    Keys are 0-based places in authored order. A `position` is a mapping as `assembly.draw_form` freezes it:
    `type`, `order` (the authored place shown at each displayed place), `lefts` for matching, `blanks` for
    fill_blank, and `limits`, whatever else a type has to know of a position to take an answer. `keys` are the
    answers that count as right.
    """

    type: ClassVar[ItemType]
    fields: ClassVar[frozenset[str]]
    """The fields its author may write."""
    credits: ClassVar[frozenset[PartialCredit]] = frozenset({PartialCredit.ALL_OR_NOTHING})
    """The partial-credit rules that mean anything for it. Source: R-52."""
    by_people: ClassVar[bool] = False
    """Whether people mark it."""
    lettered: ClassVar[bool] = False
    """Whether a candidate answers by letters, and may strike some out."""
    verdicts: ClassVar[bool] = False
    """Whether its choices are the words for right and wrong, which are no author's."""
    ordered: ClassVar[Mapping[str, str]] = {}
    """The lists of its public part, each with the name of the order of a position it is shown in."""
    always_shuffled: ClassVar[tuple[str, ...]] = ()
    """Which of those lists are shuffled whatever a blueprint says: in authored order they would tell the key."""
    sent: ClassVar[tuple[str, ...]] = ()
    """What else of its public part goes to the answer page, as it is."""

    stem: str
    answer_key: AnswerKey | None
    point: str = ""
    difficulty: int = 3
    consistency: int = 5
    explanation: str = ""
    enemies: tuple[str, ...] = ()
    law: str = ""

    @classmethod
    @abstractmethod
    def read(cls, data: Mapping[str, object], common: Mapping[str, Any], nested: Nested) -> Self:
        """Read what an author wrote; `common` holds the fields of any type, `nested` reads an item inside.

        Raises InvalidInput as `reading.parse_content` says. Source: R-51.
        """

    @abstractmethod
    def read_key(self, answer: object) -> AnswerKey:
        """Read another key for this item in the author's form, for a key revision.

        Raises InvalidInput `item.answer` when the item has no such answer. Source: R-54.
        """

    def part(self, index: int | None) -> ItemContent:
        """Return the content a position of a form asks: the item itself, or one part of a case (0-based)."""
        return self

    def shape(self) -> dict[str, int]:
        """Return how much there is to arrange; no text, no key."""
        return {}

    @classmethod
    def arrange(cls, shape: Mapping[str, Any], rng: random.Random, *, shuffle: bool) -> dict[str, Any]:
        """Return the orders in which a position shows what it has; `shuffle` is what the blueprint says.

        Source: R-43, R-44.
        """
        return {"order": []}

    @classmethod
    @abstractmethod
    def parse_answer(cls, position: Mapping[str, Any], value: object) -> str | None:
        """Return the canonical JSON of a displayed answer, or None when it clears the position.

        Whether the answer is right plays no part. Raises InvalidInput `answer.invalid`.

        Source: R-41, R-44, R-51.
        """

    @classmethod
    def on_paper(cls, position: Mapping[str, Any]) -> PaperAnswer | None:
        """Return what a position takes on an answer sheet; None where it cannot be answered on paper.

        Source: R-80.
        """
        return None

    @classmethod
    def from_paper(
        cls, position: Mapping[str, Any], marked: Sequence[tuple[int, ...]], written: Sequence[str]
    ) -> object:
        """Return what was marked and written as a browser would send it; "" for nothing that is an answer.

        `marked` holds the places of the marked bubbles (from 0) of each row, `written` the text of each field.

        Source: R-81.
        """
        return ""

    @classmethod
    def is_answered(cls, canonical: str) -> bool:
        """Return whether a stored answer is complete enough to count as 已答. Source: R-24, R-61."""
        return True

    def share(
        self,
        position: Mapping[str, Any],
        canonical: str,
        keys: tuple[AnswerKey, ...],
        credit: PartialCredit,
    ) -> Fraction:
        """Return the share of a position's points an answer earns, from 0 to 1; the best match decides.

        Source: R-50, R-51, R-52.
        """
        answer = self.authored(position, json.loads(canonical))
        return max(self.share_for(key, answer, credit) for key in keys)

    def authored(self, position: Mapping[str, Any], answer: Any) -> Any:
        """Turn displayed places into authored ones; texts stay as they are."""
        return answer

    def share_for(self, key: Any, answer: Any, credit: PartialCredit) -> Fraction:
        """Return the share an answer in authored places earns for one key."""
        return ALL if answer == key else NOTHING

    def shown(self, render: Rendering) -> dict[str, object]:
        """Return all a candidate's browser may have of it, in AUTHORED order, and nothing computed from the key.

        Always `type` and `stem`, then the public part. Places of matching and ordering ARE the key here, so a
        page gets them only through the orders of a frozen form.

        Source: R-44.
        """
        return {"type": self.type.value, "stem": render.block(self.stem), **self.public(render)}

    def public(self, render: Rendering) -> dict[str, object]:
        """Return what its browser part needs beside type and stem."""
        return {}

    def displayed_key(self, position: Mapping[str, Any]) -> Any:
        """Return a right answer as the answer page would send it from a position of a form."""
        return str(self.answer_key)

    def rubric_lines(self) -> tuple[tuple[Decimal, str], ...]:
        """Return what people mark an answer by, as (points, text); () for an answer marked as a whole."""
        return ()

    @abstractmethod
    def key_lines(self, verdicts: tuple[str, str]) -> list[str]:
        """Return the key in words, a line for each thing asked; `verdicts` are the words for right and wrong."""

    def key_at(self, position: Mapping[str, Any], verdicts: tuple[str, str]) -> list[str]:
        """Return the key in words as a position of a form shows the item: with its letters and numbers there."""
        return self.key_lines(verdicts)


def counted(right: list[bool], credit: PartialCredit) -> Fraction:
    """Return the share of several things asked at once: each its part, or all of them."""
    if credit is PartialCredit.PER_PART:
        return Fraction(sum(right), len(right))
    return ALL if all(right) else NOTHING


def shuffled(count: int, rng: random.Random) -> list[int]:
    order = list(range(count))
    rng.shuffle(order)
    return order
