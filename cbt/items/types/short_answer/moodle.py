"""简答 in Moodle XML: an essay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cbt.interchange import raw_items
from cbt.interchange.moodle_question import Fields, MoodleMapping, MoodleQuestion, shown
from cbt.interchange.out_texts import OutTexts

_KIND = "essay"


def _read(question: MoodleQuestion) -> dict[str, Any]:
    answer = question.text(question.node, "graderinfo")
    return raw_items.short_answer(question.stem, answer) | raw_items.explained(question.general, [])


def _answers(data: Fields, texts: OutTexts) -> Iterator[str]:
    yield shown("graderinfo", texts.block(str(data.get("answer", ""))))


MAPPING = MoodleMapping(frozenset({"answer", "limit"}), lambda _data: _KIND, _answers, {_KIND: _read})
