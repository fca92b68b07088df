"""多选 in QTI."""

from __future__ import annotations

from cbt.interchange.qti.response import QtiWriting
from cbt.items.types.single_choice import qti_writer as choices

MAPPING = QtiWriting(choices.CARRIED, lambda data, name, _picture: choices.write(data, name, several=True))
