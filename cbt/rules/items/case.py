"""案例: a situation and the questions about it, each an item of another type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Self

from cbt.errors import InvalidInput
from cbt.rules.items import inputs
from cbt.rules.items.content import AnswerKey, ItemContent, ItemType, Nested, Rendering


@dataclass(frozen=True, slots=True)
class CasePart:
    """One question of a case, with what it is worth."""

    content: ItemContent
    points: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(ItemContent):
    """A case has no key of its own; `unit` is the unit of the paper it is written for."""

    type: ClassVar = ItemType.CASE
    fields: ClassVar = inputs.COMMON | {"unit", "title", "stimulus", "parts"}

    answer_key: None = None
    title: str
    stimulus: str
    unit: int
    parts: tuple[CasePart, ...]

    @classmethod
    def read(cls, data: Mapping[str, object], common: Mapping[str, Any], nested: Nested) -> Self:
        """Read `title`, `stimulus`, `unit` and `parts`, and a `stem` if there is one."""
        unit, parts = data.get("unit"), data.get("parts")
        if isinstance(unit, bool) or not isinstance(unit, int) or unit < 1:
            raise InvalidInput("item.unreadable", field="unit")
        if not isinstance(parts, Sequence) or isinstance(parts, str) or not parts:
            raise InvalidInput("item.parts", field="parts")
        return cls(
            **common,
            stem=inputs.text(data, "stem", ""),
            title=inputs.text(data, "title"),
            stimulus=inputs.text(data, "stimulus"),
            unit=unit,
            parts=tuple(_part(part, index, nested) for index, part in enumerate(parts, 1)),
        )

    def read_key(self, answer: object) -> AnswerKey:
        """Refuse any: only the parts have keys."""
        raise inputs.wrong_answer()

    def part(self, index: int | None) -> ItemContent:
        """Return one part (0-based), or the case itself."""
        return self if index is None else self.parts[index].content

    @classmethod
    def parse_answer(cls, position: Mapping[str, Any], value: object) -> str | None:
        """Refuse any: only the parts are answered."""
        raise inputs.refused()

    def public(self, render: Rendering) -> dict[str, object]:
        return {
            "title": render.line(self.title),
            "stimulus": render.block(self.stimulus),
            "parts": [part.content.shown(render) for part in self.parts],
        }

    def key_lines(self, verdicts: tuple[str, str]) -> list[str]:
        return []


def _part(data: object, index: int, nested: Nested) -> CasePart:
    place = f"parts.{index}"
    if not isinstance(data, Mapping) or data.get("type") == ItemType.CASE:
        raise InvalidInput("item.parts", field=place)
    points = inputs.number(data.get("points"))
    if points is None or points <= 0:
        raise InvalidInput("item.unreadable", field=f"{place}.points")
    try:
        return CasePart(content=nested(data), points=points)
    except InvalidInput as error:
        located = error.params | {"field": f"{place}.{error.params['field']}"}
        raise InvalidInput(error.code, **located) from None
