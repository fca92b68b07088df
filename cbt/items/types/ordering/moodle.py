"""排序 in Moodle XML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cbt.interchange import raw_items
from cbt.interchange.moodle_question import Fields, MoodleMapping, MoodleQuestion, answer

_KIND = "ordering"


def _read(question: MoodleQuestion) -> dict[str, Any]:
    answers = question.answers()
    ranked = sorted(answers, key=lambda one: one.worth)
    steps = [one.text for one in (ranked if len({one.worth for one in answers}) == len(answers) else answers)]
    return raw_items.ordering(question.stem, steps) | raw_items.explained(question.general, [])


def _answers(data: Fields) -> Iterator[str]:
    for place, step in enumerate(data["steps"], 1):
        yield answer(step, place, "markdown")


MAPPING = MoodleMapping(frozenset({"steps"}), lambda _data: _KIND, _answers, {_KIND: _read})
