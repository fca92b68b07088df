"""谜语 in Moodle XML: a riddle."""

from __future__ import annotations

from typing import Any

from cbt.interchange.moodle_question import MoodleMapping, MoodleQuestion, answer


def _read(asked: MoodleQuestion) -> dict[str, Any]:
    return {"type": "riddle", "stem": asked.stem, "answer": asked.answers("plain")[0].raw}


MAPPING = MoodleMapping(
    frozenset({"answer"}),
    lambda _data: "riddle",
    lambda data, _texts: iter([answer(data["answer"], 100, "plain")]),
    {"riddle": _read},
)
