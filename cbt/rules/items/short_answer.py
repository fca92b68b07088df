"""简答: a text of some length, which people mark."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Self

from cbt.errors import InvalidInput
from cbt.rules.items import inputs
from cbt.rules.items.content import ItemContent, ItemType, Nested, PaperAnswer, Rendering

SHORTEST, USUAL, LONGEST = 10, 500, 5_000
"""What an author may set as the limit of an answer, in characters, and what holds where none is set."""
MOST_LINES, LONGEST_LINE = 30, 500
SIGNS_A_LINE, FEWEST_LINES, A_PAGE = 24, 3, 20
"""On paper: so many characters stand in a line by hand, and a field has so many lines."""


@dataclass(frozen=True, slots=True)
class RubricLine:
    """One line of a 评分标准: what an answer must say, and how many points that earns."""

    points: Decimal
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortAnswer(ItemContent):
    """The key is a reference text for whoever marks, or ""; `limit` is the most characters of an answer.

    `rubric` is what they mark by. Neither is ever a candidate's.
    """

    type: ClassVar = ItemType.SHORT_ANSWER
    fields: ClassVar = inputs.COMMON | {"answer", "limit", "rubric"}
    by_people: ClassVar = True
    sent: ClassVar = ("limit",)

    answer_key: str
    limit: int = USUAL
    rubric: tuple[RubricLine, ...] = ()

    @classmethod
    def read(cls, data: Mapping[str, object], common: Mapping[str, Any], nested: Nested) -> Self:
        """Read `stem`, `answer`, `limit`, and `rubric`, a list of {points, text}."""
        limit = data.get("limit", USUAL)
        if isinstance(limit, bool) or not isinstance(limit, int) or not SHORTEST <= limit <= LONGEST:
            raise InvalidInput("item.limit", field="limit", least=SHORTEST, most=LONGEST)
        answer_key = _key(data.get("answer"))
        if len(answer_key) > limit:
            raise InvalidInput("item.reference_long", field="answer", limit=limit)
        return cls(
            **common,
            stem=inputs.text(data, "stem"),
            answer_key=answer_key,
            limit=limit,
            rubric=_rubric(data.get("rubric", ())),
        )

    def read_key(self, answer: object) -> str:
        text = _key(answer)
        if len(text) > self.limit:
            raise inputs.wrong_answer()
        return text

    def shape(self) -> dict[str, int]:
        """How many characters an answer may have."""
        return {"limit": self.limit}

    @classmethod
    def arrange(cls, shape: Mapping[str, Any], rng: random.Random, *, shuffle: bool) -> dict[str, Any]:
        return {"order": [], "limits": {"characters": shape["limit"]}}

    @classmethod
    def on_paper(cls, position: Mapping[str, Any]) -> PaperAnswer:
        """Give as many lines as the longest answer takes by hand, within a page."""
        needed = -(-position["limits"]["characters"] // SIGNS_A_LINE)
        return PaperAnswer(fields=(min(max(needed, FEWEST_LINES), A_PAGE),))

    @classmethod
    def from_paper(
        cls, position: Mapping[str, Any], marked: Sequence[tuple[int, ...]], written: Sequence[str]
    ) -> str:
        return written[0]

    @classmethod
    def parse_answer(cls, position: Mapping[str, Any], value: object) -> str | None:
        """Take a text of at most so many characters as the position allows, a line break as one."""
        plain = one_break(value) if isinstance(value, str) else value
        return inputs.nonblank(plain, position["limits"]["characters"])

    def public(self, render: Rendering) -> dict[str, object]:
        return {"limit": self.limit}

    def rubric_lines(self) -> tuple[tuple[Decimal, str], ...]:
        return tuple((line.points, line.text) for line in self.rubric)

    def key_lines(self, verdicts: tuple[str, str]) -> list[str]:
        return [self.answer_key, *(f"+{line.points:f}　{line.text}" for line in self.rubric)]


def one_break(text: str) -> str:
    """Return a text whose line breaks are one character each, however a browser or an author wrote them.

    What is left is counted in Unicode code points, on the answer page just as here: `len` of the text.
    """
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _key(answer: object) -> str:
    return one_break(answer) if isinstance(answer, str) else ""


def _rubric(value: object) -> tuple[RubricLine, ...]:
    wrong = InvalidInput("item.rubric", field="rubric", most=MOST_LINES, longest=LONGEST_LINE)
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > MOST_LINES:
        raise wrong
    lines = []
    for line in value:
        if not isinstance(line, Mapping) or set(line) - {"points", "text"}:
            raise wrong
        points, text = inputs.number(line.get("points")), line.get("text")
        if (
            points is None
            or points <= 0
            or not isinstance(text, str)
            or not 0 < len(text.strip()) <= LONGEST_LINE
        ):
            raise wrong
        lines.append(RubricLine(points, text.strip()))
    return tuple(lines)
