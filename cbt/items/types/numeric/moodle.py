"""计算 in Moodle XML: a numerical."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cbt.interchange import raw_items, text
from cbt.interchange.moodle_question import (
    ALMOST_ALL,
    Fields,
    MoodleMapping,
    MoodleQuestion,
    answer,
)
from cbt.interchange.out_texts import OutTexts, blank_stem
from cbt.interchange.raw_items import LeftOut

_KIND = "numerical"


def _read(question: MoodleQuestion) -> dict[str, Any]:
    answers = [one for one in question.graded("plain") if one.raw != "*"]
    full = [one for one in answers if one.worth >= ALMOST_ALL]
    if len(full) != 1:
        raise LeftOut("open_numbers" if full else "open_no_key", question.name)
    if any(one is not full[0] and one.worth > 0 for one in answers):
        question.found.hint("open_weights", question.name)
    value = raw_items.number(full[0].raw)
    tolerance = raw_items.number(text.words(text.child(full[0].node, "tolerance")) or "0")
    if value is None or tolerance is None or tolerance < 0:
        raise LeftOut("open_number", full[0].raw)
    if text.child(question.node, "units") is not None and list(text.descendants(question.node, "unit")):
        question.found.hint("open_units", question.name)
    data = raw_items.numeric(question.blank_stem, value, tolerance)
    return data | question.explanation(answers, letters=False)


def _answers(data: Fields, _texts: OutTexts) -> Iterator[str]:
    tolerance = f"<tolerance>{data.get('tolerance', 0)}</tolerance>"
    yield answer(str(data["answer"]), 100, "moodle_auto_format", tolerance)


MAPPING = MoodleMapping(
    frozenset({"answer", "tolerance", "decimals", "compute"}),
    lambda _data: _KIND,
    _answers,
    {_KIND: _read},
    blank_stem,
)
