"""谜语 in QTI: a riddle interaction."""

from __future__ import annotations

from cbt.interchange.qti.response import Fields, Made, QtiWriting, Response22, stem_of


def _write(data: Fields, name: str, _picture: str) -> Made:
    body = f'<div>{stem_of(data)}<riddleInteraction responseIdentifier="{name}"/></div>'
    return [Response22(name, "single", "string", [data["answer"]])], body


MAPPING = QtiWriting(frozenset({"answer"}), _write)
