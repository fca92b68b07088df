"""多选 in Moodle XML."""

from __future__ import annotations

from cbt.bank.formats.moodle.mapping import MoodleMapping
from cbt.bank.items.types.choices import moodle

MAPPING = MoodleMapping(
    moodle.CARRIED,
    lambda _data: moodle.KIND,
    lambda data: moodle.answers(data, single=False),
)
