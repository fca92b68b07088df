"""匹配: for each thing on the left one of the options."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Self

from cbt.errors import InvalidInput
from cbt.rules.canonical import canonical_json
from cbt.rules.items import inputs
from cbt.rules.items.content import (
    ItemContent,
    ItemType,
    Nested,
    PaperAnswer,
    PartialCredit,
    Rendering,
    counted,
    shuffled,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching(ItemContent):
    """The key holds the place in `options` for each left.

    `options` are the distinct rights in pair order, then the extras.
    """

    type: ClassVar = ItemType.MATCHING
    fields: ClassVar = inputs.COMMON | {"pairs", "extra_options"}
    credits: ClassVar = frozenset({PartialCredit.ALL_OR_NOTHING, PartialCredit.PER_PART})
    ordered: ClassVar = {"lefts": "lefts", "options": "order"}
    always_shuffled: ClassVar = ("lefts", "options")

    answer_key: tuple[int, ...]
    lefts: tuple[str, ...]
    options: tuple[str, ...]

    @classmethod
    def read(cls, data: Mapping[str, object], common: Mapping[str, Any], nested: Nested) -> Self:
        """Read `stem`, `pairs` of left and right, and `extra_options` that belong to no left."""
        pairs = data.get("pairs")
        if not isinstance(pairs, Sequence) or isinstance(pairs, str) or len(pairs) < 2:
            raise InvalidInput("item.options", field="pairs")
        read = [inputs.strings(pair, "item.options", "pairs") for pair in pairs]
        if any(len(pair) != 2 for pair in read) or len({pair[0] for pair in read}) != len(read):
            raise InvalidInput("item.options", field="pairs")
        rights = tuple(dict.fromkeys(pair[1] for pair in read))
        extras = inputs.texts(data, "extra_options", ())
        if len({*rights, *extras}) != len(rights) + len(extras):
            raise InvalidInput("item.options", field="extra_options")
        return cls(
            **common,
            stem=inputs.text(data, "stem"),
            lefts=tuple(pair[0] for pair in read),
            options=rights + extras,
            answer_key=tuple(rights.index(pair[1]) for pair in read),
        )

    def read_key(self, answer: object) -> tuple[int, ...]:
        return inputs.places(answer, self.options, len(self.lefts))

    def shape(self) -> dict[str, int]:
        return {"lefts": len(self.lefts), "options": len(self.options)}

    @classmethod
    def arrange(cls, shape: Mapping[str, Any], rng: random.Random, *, shuffle: bool) -> dict[str, Any]:
        """Shuffle both sides, whatever the blueprint says."""
        return {"order": shuffled(shape["options"], rng), "lefts": shuffled(shape["lefts"], rng)}

    @classmethod
    def on_paper(cls, position: Mapping[str, Any]) -> PaperAnswer:
        signs = tuple(str(number) for number in range(1, len(position["order"]) + 1))
        return PaperAnswer((signs,) * len(position["lefts"]))

    @classmethod
    def from_paper(
        cls, position: Mapping[str, Any], marked: Sequence[tuple[int, ...]], written: Sequence[str]
    ) -> list[int | None]:
        return [places[0] + 1 if len(places) == 1 else None for places in marked]

    @classmethod
    def parse_answer(cls, position: Mapping[str, Any], value: object) -> str | None:
        """Take the number of an option (from 1) or null for each displayed left."""
        if not isinstance(value, list) or len(value) != len(position["lefts"]):
            raise inputs.refused()
        options = len(position["order"])
        if not all(number is None or inputs.is_place(number, options) for number in value):
            raise inputs.refused()
        return canonical_json(value) if any(value) else None

    @classmethod
    def is_answered(cls, canonical: str) -> bool:
        return None not in json.loads(canonical)

    def authored(self, position: Mapping[str, Any], answer: Any) -> dict[int, int | None]:
        return {
            left: None if shown is None else position["order"][shown - 1]
            for left, shown in zip(position["lefts"], answer, strict=True)
        }

    def share_for(self, key: Any, answer: Any, credit: PartialCredit) -> Fraction:
        return counted([answer[left] == option for left, option in enumerate(key)], credit)

    def displayed_key(self, position: Mapping[str, Any]) -> list[int]:
        order = position["order"]
        return [order.index(self.answer_key[left]) + 1 for left in position["lefts"]]

    def public(self, render: Rendering) -> dict[str, object]:
        """Both sides: pair order, then the extras."""
        return {"lefts": render.lines(self.lefts), "options": render.lines(self.options)}

    def key_lines(self, verdicts: tuple[str, str]) -> list[str]:
        pairs = zip(self.lefts, self.answer_key, strict=True)
        return [f"{left} → {self.options[place]}" for left, place in pairs]

    def key_at(self, position: Mapping[str, Any], verdicts: tuple[str, str]) -> list[str]:
        rights = [(left, self.answer_key[left]) for left in position["lefts"]]
        order = position["order"]
        return [
            f"{self.lefts[left]} → {order.index(place) + 1}. {self.options[place]}" for left, place in rights
        ]
