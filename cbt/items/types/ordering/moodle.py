"""排序 in Moodle XML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cbt.interchange import raw_items, text
from cbt.interchange.moodle_question import Fields, MoodleMapping, MoodleQuestion, answer, shown
from cbt.interchange.out_texts import OutTexts

_KIND = "ordering"
_WHOLE = (
    "<layouttype>VERTICAL</layouttype><selecttype>ALL</selecttype><selectcount>0</selectcount>"
    "<gradingtype>ALL_OR_NOTHING</gradingtype><showgrading>SHOW</showgrading><numberingstyle>none</numberingstyle>"
)
"""All the steps and no part of the points: what Moodle would take instead shows six of them."""
_FEEDBACK = ("correctfeedback", "partiallycorrectfeedback", "incorrectfeedback")


def _read(question: MoodleQuestion) -> dict[str, Any]:
    answers = question.answers()
    most = raw_items.number(text.words(text.child(question.node, "selectcount")))
    if not _shows_all(question) and most is not None and most < len(answers):
        question.found.hint("open_subset", question.name)
    ranked = sorted(answers, key=lambda one: one.worth)
    steps = [one.text for one in (ranked if len({one.worth for one in answers}) == len(answers) else answers)]
    return raw_items.ordering(question.stem, steps) | raw_items.explained(question.general, [])


def _shows_all(question: MoodleQuestion) -> bool:
    return text.words(text.child(question.node, "selecttype")).upper() in {"ALL", "EXACT", "0"}


def _answers(data: Fields, texts: OutTexts) -> Iterator[str]:
    yield _WHOLE
    yield from (shown(name, "") for name in _FEEDBACK)
    yield "<shownumcorrect>1</shownumcorrect>"
    for place, step in enumerate(data["steps"], 1):
        yield answer(texts.line(step), place, "html")


MAPPING = MoodleMapping(frozenset({"steps"}), lambda _data: _KIND, _answers, {_KIND: _read})
