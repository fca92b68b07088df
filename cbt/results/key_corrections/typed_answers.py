"""Answers that a correction makes right, as somebody types them: a line each, in the words of a workbook.

Source: R-51, R-54.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cbt.errors import InvalidInput
from cbt.items.types.editor import BLANK
from cbt.items.types.registry import AUTHORING
from cbt.rules.items.content import ItemContent, ItemType
from cbt.rules.items.hotspot import Hotspot
from cbt.rules.items.numeric import SPAN, Numeric, read_number
from cbt.spreadsheets.findings import Finding, Place, Severity

LONGEST = 2000
MOST = 20
"""So many answers may be right."""
NUMBERED: Mapping[ItemType, tuple[str, str]] = {
    ItemType.ORDERING: ("steps", "steps"),
    ItemType.MATCHING: ("lefts", "options"),
}
"""What is answered by numbers: how many there are to be written, and what they number, as the author lists it."""
UNTYPED = frozenset({ItemType.SHORT_ANSWER, ItemType.CASE})
"""What nobody types a key of: what people mark, and a case as a whole."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line as the answer cell of a row."""

    line: str

    def text(self, name: str) -> str:
        return self.line if name == "answer" else ""

    def error(self, code: str, name: str, **params: object) -> Finding:
        return Finding(Severity.ERROR, code, Place(header=name), params=params)


def answers_in(content: ItemContent, text: str) -> Sequence[Any]:
    """Return the answers that lines say, as their author would write them.

    Raise InvalidInput("key.answers") for none, too many, or one that the item cannot have: it says which line.

    Source: R-51, R-54.
    """
    lines = [line.strip() for line in text[:LONGEST].splitlines() if line.strip()]
    if not 0 < len(lines) <= MOST or content.type in UNTYPED:
        raise InvalidInput("key.answers", field="answers", line=1)
    answers: list[Any] = []
    for number, line in enumerate(lines, 1):
        try:
            answer = _answer_in(content, line)
            content.read_key(answer)
        except (InvalidInput, ValueError, LookupError) as error:
            raise InvalidInput("key.answers", field="answers", line=number) from error
        if answer not in answers:
            answers.append(answer)
    return answers


def numbered_in(content: ItemContent) -> list[str]:
    """Return what an answer names by number, in the order of its numbers; nothing where it names none.

    A region of a picture is called by the points that are offered in it.
    """
    if isinstance(content, Hotspot):
        return [
            " / ".join(spot.name for spot in content.spots if region.holds(spot.at))
            for region in content.regions
        ]
    if content.type in NUMBERED:
        return [str(one) for one in getattr(content, NUMBERED[content.type][1])]
    return []


def _answer_in(content: ItemContent, line: str) -> object:
    if isinstance(content, Hotspot):
        return _numbers(line)
    if isinstance(content, Numeric) and SPAN in line:
        number, _sign, tolerance = (read_number(part) for part in line.partition(SPAN))
        if number is None or tolerance is None:
            raise ValueError(line)
        return f"{number}{SPAN}{tolerance}"
    if content.type in NUMBERED:
        count, among = (getattr(content, name) for name in NUMBERED[content.type])
        places = _numbers(line)
        if len(places) != len(count) or not all(0 < place <= len(among) for place in places):
            raise ValueError(line)
        return [among[place - 1] for place in places]
    shape = content.shape()
    data = {
        "stem": BLANK * shape.get("blanks", 1),
        "choices": list(getattr(content, "choices", ())),
    }
    if AUTHORING[content.type].read_answer(_Line(line), data):
        raise ValueError(line)
    return data.get("answer")


def _numbers(line: str) -> list[int]:
    return [int(part) for part in line.replace("，", " ").replace(",", " ").split()]
