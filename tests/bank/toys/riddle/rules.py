"""Its rules; a type of the product has them in `cbt/rules/items`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from cbt.rules.canonical import canonical_json
from cbt.rules.items import inputs
from cbt.rules.items.content import ItemContent, ItemType, Nested

NAME = "riddle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Riddle(ItemContent):
    """The key is a word."""

    type: ClassVar[ItemType]
    fields: ClassVar = inputs.COMMON | {"answer"}

    answer_key: str

    @classmethod
    def read(cls, data: Mapping[str, object], common: Mapping[str, Any], nested: Nested) -> Self:
        """Read `stem` and `answer`."""
        return cls(**common, stem=inputs.text(data, "stem"), answer_key=inputs.text(data, "answer"))

    def read_key(self, answer: object) -> str:
        """Read another word."""
        return str(answer)

    @classmethod
    def parse_answer(cls, position: Mapping[str, Any], value: object) -> str:
        """Take a word."""
        return canonical_json(inputs.storable(value, 20))

    def key_lines(self, verdicts: tuple[str, str]) -> list[str]:
        """The word."""
        return [self.answer_key]
