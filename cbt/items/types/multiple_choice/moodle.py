"""多选 in Moodle XML."""

from __future__ import annotations

from cbt.interchange.moodle_question import MoodleMapping
from cbt.items.types.single_choice import moodle

MAPPING = MoodleMapping(
    moodle.CARRIED,
    lambda _data: moodle.KIND,
    lambda data, texts: moodle.answers(data, texts, single=False),
)
