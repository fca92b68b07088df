"""What 单选 and 多选 share: choices that are named by letters."""

from __future__ import annotations

import json
import random
from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, ClassVar, Self

from cbt.errors import InvalidInput
from cbt.rules.items import inputs
from cbt.rules.items.content import (
    ALL,
    LETTERS,
    NOTHING,
    AnswerKey,
    ItemContent,
    Nested,
    PaperAnswer,
    PartialCredit,
    Rendering,
    shuffled,
)

KEPT_CHOICES = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices(ItemContent, ABC):
    """An item whose key is one or more of its choices; the key holds their places, ascending."""

    fields: ClassVar = inputs.COMMON | {"answer", "choices", "fixed_order"}
    lettered: ClassVar = True
    ordered: ClassVar = {"choices": "order"}
    single: ClassVar[bool]
    """Whether exactly one choice is right."""

    answer_key: tuple[int, ...]
    choices: tuple[str, ...]
    fixed_order: bool = False

    @classmethod
    def read(cls, data: Mapping[str, object], common: Mapping[str, Any], nested: Nested) -> Self:
        """Read `stem`, `choices`, `answer` in letters and `fixed_order`."""
        choices = inputs.texts(data, "choices")
        if not 2 <= len(choices) <= len(LETTERS) or len(set(choices)) != len(choices):
            raise InvalidInput("item.choices", field="choices")
        return cls(
            **common,
            stem=inputs.text(data, "stem"),
            choices=choices,
            answer_key=_key(data.get("answer"), len(choices), single=cls.single),
            fixed_order=bool(data.get("fixed_order", False)),
        )

    def read_key(self, answer: object) -> tuple[int, ...]:
        return _key(answer, len(self.choices), single=self.single)

    def shape(self) -> dict[str, int]:
        return {"choices": len(self.choices), "fixed_order": self.fixed_order}

    @classmethod
    def arrange(cls, shape: Mapping[str, Any], rng: random.Random, *, shuffle: bool) -> dict[str, Any]:
        """Shuffle the choices where the blueprint says so and the author does not forbid it."""
        count = shape["choices"]
        mixed = shuffle and not shape["fixed_order"]
        return {"order": shuffled(count, rng) if mixed else list(range(count))}

    @classmethod
    def on_paper(cls, position: Mapping[str, Any]) -> PaperAnswer:
        return PaperAnswer((tuple(LETTERS[: len(position["order"])]),), many=not cls.single)

    @classmethod
    def from_paper(
        cls, position: Mapping[str, Any], marked: Sequence[tuple[int, ...]], written: Sequence[str]
    ) -> str:
        """Take the letters; two marks where one is asked are no answer."""
        return (
            ""
            if cls.single and len(marked[0]) > 1
            else "".join(LETTERS[place] for place in sorted(marked[0]))
        )

    @classmethod
    def parse_answer(cls, position: Mapping[str, Any], value: object) -> str:
        shown = len(position["order"])
        return inputs.choice(value, shown, most=1 if cls.single else shown)

    def share(
        self,
        position: Mapping[str, Any],
        canonical: str,
        keys: tuple[AnswerKey, ...],
        credit: PartialCredit,
    ) -> Fraction:
        """All for the right choices; by `subset` each its part, if none is wrong."""
        subset = not self.single and credit is PartialCredit.SUBSET
        return share_of_letters(canonical, position["order"], keys, subset=subset)

    def public(self, render: Rendering) -> dict[str, object]:
        return {"choices": render.lines(self.choices)}

    def displayed_key(self, position: Mapping[str, Any]) -> str:
        return "".join(sorted(LETTERS[position["order"].index(place)] for place in self.answer_key))

    def key_lines(self, verdicts: tuple[str, str]) -> list[str]:
        return [f"{LETTERS[place]}　{self.choices[place]}" for place in self.answer_key]

    def key_at(self, position: Mapping[str, Any], verdicts: tuple[str, str]) -> list[str]:
        shown = enumerate(position["order"])
        return [f"{LETTERS[at]}　{self.choices[place]}" for at, place in shown if place in self.answer_key]


def _key(answer: object, choices: int, *, single: bool) -> tuple[int, ...]:
    letters = answer if isinstance(answer, str) else ""
    places = sorted({LETTERS[:choices].find(letter) for letter in letters})
    if not places or places[0] < 0 or len(places) != len(letters) or (single and len(places) > 1):
        raise inputs.wrong_answer()
    return tuple(places)


def share_of_letters(
    canonical: str, order: Sequence[int], keys: tuple[AnswerKey, ...], *, subset: bool = False
) -> Fraction:
    """Return the share of the best matching key; `subset` gives each right letter its part, none if one is wrong.

    Source: R-52.
    """
    return _share(canonical, tuple(order), keys, subset)


@lru_cache(maxsize=KEPT_CHOICES)
def _share(canonical: str, order: tuple[int, ...], keys: tuple[AnswerKey, ...], subset: bool) -> Fraction:
    chosen = frozenset(order[LETTERS.index(letter)] for letter in json.loads(canonical))
    places = [frozenset(key) for key in keys if isinstance(key, tuple)]
    return max((_share_of_places(chosen, right, subset) for right in places), default=NOTHING)


def _share_of_places(chosen: frozenset[int], right: frozenset[Any], subset: bool) -> Fraction:
    if subset:
        return Fraction(len(chosen), len(right)) if chosen <= right else NOTHING
    return ALL if chosen == right else NOTHING
