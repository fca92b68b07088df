"""排序: steps to be put in order."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, ClassVar, Self

from cbt.errors import InvalidInput
from cbt.rules.canonical import canonical_json
from cbt.rules.items import inputs
from cbt.rules.items.content import ItemContent, ItemType, Nested, PaperAnswer, PartialCredit, Rendering


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordering(ItemContent):
    """The key is `(0, 1, …)`: authors write the steps in their right order."""

    type: ClassVar = ItemType.ORDERING
    fields: ClassVar = inputs.COMMON | {"steps"}
    credits: ClassVar = frozenset({PartialCredit.ALL_OR_NOTHING, PartialCredit.ADJACENT_PAIRS})
    ordered: ClassVar = {"steps": "order"}
    always_shuffled: ClassVar = ("steps",)

    answer_key: tuple[int, ...]
    steps: tuple[str, ...]

    @classmethod
    def read(cls, data: Mapping[str, object], common: Mapping[str, Any], nested: Nested) -> Self:
        steps = inputs.texts(data, "steps")
        if len(steps) < 2 or len(set(steps)) != len(steps):
            raise InvalidInput("item.steps", field="steps")
        answer_key = tuple(range(len(steps)))
        return cls(**common, stem=inputs.text(data, "stem"), steps=steps, answer_key=answer_key)

    def read_key(self, answer: object) -> tuple[int, ...]:
        places = inputs.places(answer, self.steps, len(self.steps))
        if len(set(places)) != len(places):
            raise inputs.wrong_answer()
        return places

    def shape(self) -> dict[str, int]:
        return {"steps": len(self.steps)}

    @classmethod
    def arrange(cls, shape: Mapping[str, Any], rng: random.Random, *, shuffle: bool) -> dict[str, Any]:
        """Shuffle the steps, whatever the blueprint says, until they do not stand in the right order."""
        order = list(range(shape["steps"]))
        while order == sorted(order):
            rng.shuffle(order)
        return {"order": order}

    @classmethod
    def on_paper(cls, position: Mapping[str, Any]) -> PaperAnswer:
        steps = len(position["order"])
        return PaperAnswer((tuple(str(number) for number in range(1, steps + 1)),) * steps)

    @classmethod
    def from_paper(
        cls, position: Mapping[str, Any], marked: Sequence[tuple[int, ...]], written: Sequence[str]
    ) -> list[int] | str:
        """Take the step at each place; what leaves a step out or has one twice is no order."""
        order = [places[0] + 1 for places in marked if len(places) == 1]
        return order if sorted(order) == list(range(1, len(position["order"]) + 1)) else ""

    @classmethod
    def parse_answer(cls, position: Mapping[str, Any], value: object) -> str:
        """Take the displayed numbers of all steps in the candidate's order."""
        steps = len(position["order"])
        if not isinstance(value, list) or not all(inputs.is_place(number, steps) for number in value):
            raise inputs.refused()
        if sorted(value) != list(range(1, steps + 1)):
            raise inputs.refused()
        return canonical_json(value)

    def authored(self, position: Mapping[str, Any], answer: Any) -> tuple[int, ...]:
        return tuple(position["order"][shown - 1] for shown in answer)

    def share_for(self, key: Any, answer: Any, credit: PartialCredit) -> Fraction:
        """All for the right order; by `adjacent_pairs` the share of neighbours that belong together."""
        if credit is PartialCredit.ADJACENT_PAIRS:
            wanted = set(pairwise(key))
            return Fraction(len(wanted & set(pairwise(answer))), len(wanted))
        return ItemContent.share_for(self, key, answer, credit)

    def displayed_key(self, position: Mapping[str, Any]) -> list[int]:
        return [position["order"].index(place) + 1 for place in self.answer_key]

    def public(self, render: Rendering) -> dict[str, object]:
        return {"steps": render.lines(self.steps)}

    def key_lines(self, verdicts: tuple[str, str]) -> list[str]:
        return [f"{number}. {step}" for number, step in enumerate(self.steps, 1)]

    def key_at(self, position: Mapping[str, Any], verdicts: tuple[str, str]) -> list[str]:
        """The displayed numbers in the right order, then the steps with them."""
        numbers = [position["order"].index(place) + 1 for place in self.answer_key]
        steps = zip(numbers, self.answer_key, strict=True)
        return [
            " → ".join(map(str, numbers)),
            *(f"{number}. {self.steps[place]}" for number, place in steps),
        ]
