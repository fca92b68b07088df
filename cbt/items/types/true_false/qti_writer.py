"""判断 in QTI: a choice of √ and ×."""

from __future__ import annotations

from cbt.interchange.qti.response import Fields, Made, QtiWriting, Response22, stem_of


def _write(data: Fields, name: str, _picture: str) -> Made:
    choices = (
        '<simpleChoice identifier="true">√</simpleChoice><simpleChoice identifier="false">×</simpleChoice>'
    )
    head = f'<choiceInteraction responseIdentifier="{name}" shuffle="false" maxChoices="1">'
    right = "true" if data["answer"] else "false"
    body = f"{stem_of(data)}{head}{choices}</choiceInteraction>"
    return [Response22(name, "single", "identifier", [right])], body


MAPPING = QtiWriting(frozenset({"answer"}), _write)
