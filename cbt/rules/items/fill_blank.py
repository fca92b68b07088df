"""填空: texts for the blanks {{1}}, {{2}}, … of a stem."""

from __future__ import annotations

import json
import random
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Self

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
)

LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class FillBlank(ItemContent):
    """The key holds the accepted spellings of each blank."""

    type: ClassVar = ItemType.FILL_BLANK
    fields: ClassVar = inputs.COMMON | {"answer", "word_bank"}
    credits: ClassVar = frozenset({PartialCredit.ALL_OR_NOTHING, PartialCredit.PER_PART})
    sent: ClassVar = ("blanks", "word_bank")

    answer_key: tuple[tuple[str, ...], ...]
    word_bank: tuple[str, ...] = ()

    @classmethod
    def read(cls, data: Mapping[str, object], common: Mapping[str, Any], nested: Nested) -> Self:
        """Read `stem`, `answer`, a list of spellings for each blank, and `word_bank`."""
        stem = inputs.text(data, "stem")
        answer_key = _key(data.get("answer"), inputs.blank_count(stem))
        return cls(**common, stem=stem, answer_key=answer_key, word_bank=inputs.texts(data, "word_bank", ()))

    def read_key(self, answer: object) -> tuple[tuple[str, ...], ...]:
        """Read a list of spellings for each blank."""
        return _key(answer, self.blanks)

    @property
    def blanks(self) -> int:
        return len(self.answer_key)

    def shape(self) -> dict[str, int]:
        return {"blanks": self.blanks}

    @classmethod
    def arrange(cls, shape: Mapping[str, Any], rng: random.Random, *, shuffle: bool) -> dict[str, Any]:
        return {"order": [], "blanks": shape["blanks"]}

    @classmethod
    def on_paper(cls, position: Mapping[str, Any]) -> PaperAnswer:
        return PaperAnswer(fields=(1,) * position["blanks"])

    @classmethod
    def from_paper(
        cls, position: Mapping[str, Any], marked: Sequence[tuple[int, ...]], written: Sequence[str]
    ) -> list[str]:
        return list(written)

    @classmethod
    def parse_answer(cls, position: Mapping[str, Any], value: object) -> str | None:
        """Take a text for each blank, of at most 200 characters."""
        if not isinstance(value, list) or len(value) != position["blanks"]:
            raise inputs.refused()
        texts = [inputs.storable(text, LONGEST) for text in value]
        return canonical_json(texts) if any(text.strip() for text in texts) else None

    @classmethod
    def is_answered(cls, canonical: str) -> bool:
        return all(text.strip() for text in json.loads(canonical))

    def share_for(self, key: Any, answer: Any, credit: PartialCredit) -> Fraction:
        right = [
            any(same_text(text, one) for one in accepted) for accepted, text in zip(key, answer, strict=True)
        ]
        return counted(right, credit)

    def public(self, render: Rendering) -> dict[str, object]:
        return {"blanks": self.blanks, "word_bank": render.lines(self.word_bank)}

    def displayed_key(self, position: Mapping[str, Any]) -> list[str]:
        return [spellings[0] for spellings in self.answer_key]

    def key_lines(self, verdicts: tuple[str, str]) -> list[str]:
        return [f"（{number}）{' / '.join(words)}" for number, words in enumerate(self.answer_key, 1)]


def same_text(a: str, b: str) -> bool:
    """Return whether two fill-in texts are equal: after NFKC, case folded, without any space.

    Source: R-51.
    """
    return _folded(a) == _folded(b)


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _key(answer: object, blanks: int) -> tuple[tuple[str, ...], ...]:
    if not isinstance(answer, Sequence) or isinstance(answer, str) or len(answer) != blanks:
        raise inputs.wrong_answer()
    accepted = tuple(inputs.strings(spellings, "item.answer", "answer") for spellings in answer)
    if not all(accepted):
        raise inputs.wrong_answer()
    return accepted
