"""简答 in QTI: an extended text, with the model answer for markers."""

from __future__ import annotations

from cbt.interchange.export import block
from cbt.interchange.qti.response import Fields, Made, QtiWriting, Response22, stem_of


def _write(data: Fields, name: str, _picture: str) -> Made:
    reference = str(data.get("answer", ""))
    rubric = f'<rubricBlock view="scorer">{block(reference)}</rubricBlock>' if reference else ""
    interaction = (
        f'<extendedTextInteraction responseIdentifier="{name}" expectedLength="{data.get("limit", 500)}"/>'
    )
    return [Response22(name, "single", "string")], f"<div>{rubric}{stem_of(data)}{interaction}</div>"


MAPPING = QtiWriting(frozenset({"answer", "limit"}), _write)
