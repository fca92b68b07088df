"""判断: a statement that is right or wrong."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Self

from cbt.rules.items import inputs
from cbt.rules.items.choices import share_of_letters
from cbt.rules.items.content import (
    LETTERS,
    AnswerKey,
    ItemContent,
    ItemType,
    Nested,
    PaperAnswer,
    PartialCredit,
)

RIGHT, WRONG = (0,), (1,)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueFalse(ItemContent):
    """The key is `(0,)` for a right statement and `(1,)` for a wrong one."""

    type: ClassVar = ItemType.TRUE_FALSE
    fields: ClassVar = inputs.COMMON | {"answer"}
    lettered: ClassVar = True
    verdicts: ClassVar = True

    answer_key: tuple[int, ...]

    @classmethod
    def read(cls, data: Mapping[str, object], common: Mapping[str, Any], nested: Nested) -> Self:
        answer_key = _key(data.get("answer"))
        return cls(**common, stem=inputs.text(data, "stem"), answer_key=answer_key)

    def read_key(self, answer: object) -> tuple[int, ...]:
        return _key(answer)

    @classmethod
    def arrange(cls, shape: Mapping[str, Any], rng: random.Random, *, shuffle: bool) -> dict[str, Any]:
        return {"order": [0, 1]}

    @classmethod
    def on_paper(cls, position: Mapping[str, Any]) -> PaperAnswer:
        return PaperAnswer((("√", "×"),))

    @classmethod
    def from_paper(
        cls, position: Mapping[str, Any], marked: Sequence[tuple[int, ...]], written: Sequence[str]
    ) -> str:
        return LETTERS[marked[0][0]] if len(marked[0]) == 1 else ""

    @classmethod
    def parse_answer(cls, position: Mapping[str, Any], value: object) -> str:
        return inputs.choice(value, len(position["order"]), most=1)

    def share(
        self,
        position: Mapping[str, Any],
        canonical: str,
        keys: tuple[AnswerKey, ...],
        credit: PartialCredit,
    ) -> Fraction:
        return share_of_letters(canonical, position["order"], keys)

    def displayed_key(self, position: Mapping[str, Any]) -> str:
        return LETTERS[self.answer_key[0]]

    def key_lines(self, verdicts: tuple[str, str]) -> list[str]:
        return [verdicts[self.answer_key == WRONG]]


def _key(answer: object) -> tuple[int, ...]:
    if not isinstance(answer, bool):
        raise inputs.wrong_answer()
    return RIGHT if answer else WRONG
