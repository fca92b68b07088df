"""谜语 in QTI: a riddle interaction."""

from __future__ import annotations

from cbt.bank.formats.qti.mapping import Fields, Made, QtiWriting, stem_of
from cbt.bank.formats.qti.scoring import Response22


def _write(data: Fields, name: str, _picture: str) -> Made:
    body = f'<div>{stem_of(data)}<riddleInteraction responseIdentifier="{name}"/></div>'
    return [Response22(name, "single", "string", [data["answer"]])], body


MAPPING = QtiWriting(frozenset({"answer"}), _write)
