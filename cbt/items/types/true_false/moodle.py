"""判断 in Moodle XML: a truefalse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cbt.interchange import raw_items
from cbt.interchange.moodle_question import ALMOST_ALL, Fields, MoodleMapping, MoodleQuestion, answer
from cbt.interchange.out_texts import OutTexts
from cbt.interchange.raw_items import LeftOut

_KIND = "truefalse"


def _read(question: MoodleQuestion) -> dict[str, Any]:
    answers = question.graded("moodle_auto_format")
    right = [one.raw.lower() for one in answers if one.worth >= ALMOST_ALL]
    if len(right) != 1 or right[0] not in {"true", "false"}:
        raise LeftOut("open_no_key", question.name)
    feedback = [(one.raw.upper()[:1], one.feedback) for one in answers]
    return raw_items.true_false(question.stem, right[0] == "true") | raw_items.explained(
        question.general, feedback
    )


def _answers(data: Fields, _texts: OutTexts) -> Iterator[str]:
    for name in ("true", "false"):
        yield answer(name, 100 if data["answer"] is (name == "true") else 0, "moodle_auto_format")


MAPPING = MoodleMapping(frozenset({"answer"}), lambda _data: _KIND, _answers, {_KIND: _read})
