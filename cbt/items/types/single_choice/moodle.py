"""单选 in Moodle XML, and what it shares with 多选: a multichoice, single or not."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal
from typing import Any

from cbt.interchange import raw_items
from cbt.interchange.moodle_question import ALMOST_ALL, Fields, MoodleMapping, MoodleQuestion, answer

KIND = "multichoice"
CARRIED = frozenset({"choices", "answer", "fixed_order"})
_STEP = Decimal("0.00001")


def read(asked: MoodleQuestion) -> dict[str, Any]:
    """Return the 单选 or the 多选 of a question."""
    answers = asked.answers()
    single = asked.flag("single") is not False
    if single and any(0 < one.worth < ALMOST_ALL for one in answers):
        asked.found.hint("open_weights", asked.name)
    right = [one.worth >= ALMOST_ALL if single else one.worth > 0 for one in answers]
    choices = [(one.text, sound) for one, sound in zip(answers, right, strict=True)]
    fixed = asked.flag("shuffleanswers") is False
    data = raw_items.choice(asked.stem, choices, multiple=not single, fixed=fixed)
    return data | asked.explanation(answers, letters=True)


def answers(data: Fields, *, single: bool) -> Iterator[str]:
    """Yield how it is chosen, and the choices."""
    share = (Decimal(100) / len(data["answer"])).quantize(_STEP, ROUND_DOWN).normalize()
    yield f"<single>{'true' if single else 'false'}</single>"
    yield f"<shuffleanswers>{'false' if data.get('fixed_order') else 'true'}</shuffleanswers>"
    wrong = Decimal(0) if single else Decimal(-100)
    for letter, text in zip(raw_items.LETTERS, data["choices"], strict=False):
        yield answer(text, share if letter in data["answer"] else wrong, "markdown")


MAPPING = MoodleMapping(
    CARRIED,
    lambda _data: KIND,
    lambda data: answers(data, single=True),
    {KIND: read},
)
