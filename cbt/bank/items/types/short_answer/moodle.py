"""简答 in Moodle XML: an essay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cbt.bank.foreign import questions
from cbt.bank.formats.moodle.mapping import Fields, MoodleMapping, marked
from cbt.bank.formats.moodle.texts import MoodleQuestion

_KIND = "essay"


def _read(asked: MoodleQuestion) -> dict[str, Any]:
    answer = asked.text(asked.node, "graderinfo")
    return questions.short_answer(asked.stem, answer) | questions.explained(asked.general, [])


def _answers(data: Fields) -> Iterator[str]:
    yield marked("graderinfo", str(data.get("answer", "")))


MAPPING = MoodleMapping(frozenset({"answer", "limit"}), lambda _data: _KIND, _answers, {_KIND: _read})
