"""简答 in QTI: an extended text, with the model answer for markers."""

from __future__ import annotations

from cbt.bank.exports.markup import block
from cbt.bank.formats.qti.mapping import Fields, Made, QtiWriting, stem_of
from cbt.bank.formats.qti.scoring import Response22


def _write(data: Fields, name: str, _picture: str) -> Made:
    told = str(data.get("answer", ""))
    rubric = f'<rubricBlock view="scorer">{block(told)}</rubricBlock>' if told else ""
    asked = (
        f'<extendedTextInteraction responseIdentifier="{name}" expectedLength="{data.get("limit", 500)}"/>'
    )
    return [Response22(name, "single", "string")], f"<div>{rubric}{stem_of(data)}{asked}</div>"


MAPPING = QtiWriting(frozenset({"answer", "limit"}), _write)
