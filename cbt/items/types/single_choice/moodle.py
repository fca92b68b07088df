"""单选 in Moodle XML: its reader takes every multichoice."""

from __future__ import annotations

from cbt.interchange.moodle_question import MoodleMapping
from cbt.items.types.choices import moodle

MAPPING = MoodleMapping(
    moodle.CARRIED,
    lambda _data: moodle.KIND,
    lambda data: moodle.answers(data, single=True),
    {moodle.KIND: moodle.read},
)
