"""单选 in Moodle XML, and what it shares with 多选: a multichoice, single or not."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal
from typing import Any

from cbt.interchange import raw_items
from cbt.interchange.moodle_question import ALMOST_ALL, Fields, MoodleMapping, MoodleQuestion, answer
from cbt.interchange.out_texts import OutTexts

KIND = "multichoice"
CARRIED = frozenset({"choices", "answer", "fixed_order"})
_STEP = Decimal("0.00001")


def read(question: MoodleQuestion) -> dict[str, Any]:
    """Return the 单选 or the 多选 of a question."""
    answers = question.graded()
    single = question.flag("single") is not False
    if single and any(0 < one.worth < ALMOST_ALL for one in answers):
        question.found.hint("open_weights", question.name)
    right = [one.worth >= ALMOST_ALL if single else one.worth > 0 for one in answers]
    choices = [(one.text, sound) for one, sound in zip(answers, right, strict=True)]
    fixed = question.flag("shuffleanswers") is False
    data = raw_items.choice(question.stem, choices, multiple=not single, fixed=fixed)
    return data | question.explanation(answers, letters=True)


def answers(data: Fields, texts: OutTexts, *, single: bool) -> Iterator[str]:
    share = (Decimal(100) / len(data["answer"])).quantize(_STEP, ROUND_DOWN).normalize()
    yield f"<single>{'true' if single else 'false'}</single>"
    yield f"<shuffleanswers>{'false' if data.get('fixed_order') else 'true'}</shuffleanswers>"
    wrong = Decimal(0) if single else Decimal(-100)
    for letter, text in zip(raw_items.LETTERS, data["choices"], strict=False):
        yield answer(texts.line(text), share if letter in data["answer"] else wrong, "html")


MAPPING = MoodleMapping(
    CARRIED,
    lambda _data: KIND,
    lambda data, texts: answers(data, texts, single=True),
    {KIND: read},
)
