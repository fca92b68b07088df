"""Document numbers as spreadsheets leave them: mended where nothing is lost, else told."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cbt.rules.door.admission import normalise_document, valid_resident_id

_AROUND = re.compile("^[='\"`‘’“”＇]+|['\"`‘’“”＇]+$")
_INSIDE = re.compile(r"[-–—.·_]")
_RESIDENT = re.compile(r"\d{14,20}[\dX]?")


@dataclass(frozen=True, slots=True)
class DocumentCell:
    """A number as it is stored, and whether it looks like one of a resident identity card, damaged or not."""

    number: str
    like_resident: bool


def mended(text: str) -> DocumentCell:
    """Return the number a cell says: without blanks and the marks of a text, of any width, its X a capital one.

    Signs between the digits go only where a valid resident number remains.
    """
    number = normalise_document(_AROUND.sub("", text.strip()))
    if _INSIDE.search(number) and valid_resident_id(bare := _INSIDE.sub("", number)):
        number = bare
    return DocumentCell(number, _RESIDENT.fullmatch(number) is not None)


def looks_like_person(text: str) -> bool:
    """Say whether a cell holds what can be a person's number, damaged or not."""
    number = mended(text).number
    return len(number) >= 8 and sum(character.isdigit() for character in number) >= 6
