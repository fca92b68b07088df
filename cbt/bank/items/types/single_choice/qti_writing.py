"""单选 in QTI."""

from __future__ import annotations

from cbt.bank.formats.qti.mapping import QtiWriting
from cbt.bank.items.types.choices import qti_writing as choices

MAPPING = QtiWriting(choices.CARRIED, lambda data, name, _picture: choices.write(data, name, several=False))
