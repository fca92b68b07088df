"""简答: a text of some length, which people mark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from cbt.rules.items.basis import authored, received
from cbt.rules.items.basis.content import ItemContent, Nested
from cbt.rules.items.values import ItemType

LONGEST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortAnswer(ItemContent):
    """The key is a reference text for whoever marks, or ""."""

    type: ClassVar = ItemType.SHORT_ANSWER
    fields: ClassVar = authored.COMMON | {"answer"}
    by_people: ClassVar = True

    answer_key: str

    @classmethod
    def read(cls, data: Mapping[str, object], common: Mapping[str, Any], nested: Nested) -> Self:
        """Read `stem` and `answer`."""
        return cls(**common, stem=authored.text(data, "stem"), answer_key=_key(data.get("answer")))

    def read_key(self, answer: object) -> str:
        """Read a text."""
        return _key(answer)

    @classmethod
    def parse_answer(cls, position: Mapping[str, Any], value: object) -> str | None:
        """Take a text of at most 10,000 characters."""
        return received.nonblank(value, LONGEST)

    def key_lines(self, verdicts: tuple[str, str]) -> list[str]:
        """The reference text."""
        return [self.answer_key]


def _key(answer: object) -> str:
    return answer if isinstance(answer, str) else ""
