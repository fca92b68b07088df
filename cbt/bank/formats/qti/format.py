"""QTI, as one of the formats."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from cbt.bank.foreign.receiving import read as received
from cbt.bank.formats.kind import Confidence, Content, Format
from cbt.bank.formats.qti.packing import FORMS
from cbt.bank.imports.drafts import Adjustments, Inferred, ItemDraft, Reading
from cbt.errors import InvalidInput

NAME = "qti"
_TASK = "cbt.bank.formats.qti.reading:read"
_ROOT = re.compile(
    rb"<(?:[A-Za-z0-9_]+:)?(?:questestinterop|assessmentItem|qti-assessment-item|assessmentTest|"
    rb"qti-assessment-test)[\s>/]"
)
_ITEM = re.compile(rb"<item\s[^>]*ident\s*=")
_UNIT, _POINTS = "unit", "points"
_MANIFEST = b"imsmanifest.xml"


def detect(content: Content, _name: str) -> Confidence:
    """Be sure of an archive with a manifest, and of XML whose first element is one of QTI's."""
    if not isinstance(content, bytes):
        return Confidence.NO
    if content.startswith(b"PK\x03\x04"):
        return Confidence.SURE if _MANIFEST in content else Confidence.NO
    head = content[:8_000].replace(b"\0", b"")
    first = re.search(rb"<[A-Za-z]", head)
    if first and (_ROOT.match(head, first.start()) or _ITEM.match(head, first.start())):
        return Confidence.SURE
    return Confidence.NO


def read(content: Content, name: str, adjust: Adjustments) -> Reading:
    """Read a file or a package as `reading` does; a folder is none, nor what is of another kind.

    A case says neither its unit nor what its questions are worth: both are taken as 1 until somebody adjusts it.
    """
    if not isinstance(content, bytes) or detect(content, name) is Confidence.NO:
        raise InvalidInput("bank.not_workbook")
    found = received(_TASK, NAME, content, name)
    silent = {kind: sum(_is_silent(draft, kind) for draft in found.items) for kind in (_UNIT, _POINTS)}
    values = {kind: adjust.get(kind, "1") for kind in silent}
    inferred = tuple(
        Inferred(kind, f"case_{kind}", values[kind], count=count) for kind, count in silent.items() if count
    )
    items = [draft.with_data(_completed(draft.data, values)) for draft in found.items]
    return replace(found, items=items, inferred=inferred)


def _is_silent(draft: ItemDraft, kind: str) -> bool:
    if draft.data.get("type") != "case":
        return False
    return (
        _UNIT not in draft.data if kind == _UNIT else any(_POINTS not in part for part in draft.data["parts"])
    )


def _completed(data: Any, values: dict[str, str]) -> Any:
    if data.get("type") != "case":
        return data
    unit = int(values[_UNIT]) if values[_UNIT].isascii() and values[_UNIT].isdigit() else values[_UNIT]
    parts = [{_POINTS: values[_POINTS], **part} for part in data["parts"]]
    return {_UNIT: unit, **data, "parts": parts}


QTI = Format(NAME, detect, read, endings=(".zip",), writes=FORMS)
