"""Moodle XML, as one of the formats."""

from __future__ import annotations

import re

from cbt.bank.foreign.receiving import read as received
from cbt.bank.formats.kind import Confidence, Content, Format
from cbt.bank.formats.moodle.writing import FORM
from cbt.bank.imports.drafts import Adjustments, Reading
from cbt.errors import InvalidInput

NAME = "moodle"
_TASK = "cbt.bank.formats.moodle.reading:read"
_ROOT = re.compile(rb"<quiz[\s>/]")


def detect(content: Content, _name: str) -> Confidence:
    """Be sure of XML whose first element is a quiz."""
    if not isinstance(content, bytes):
        return Confidence.NO
    head = content[:8_000].replace(b"\0", b"")
    first = re.search(rb"<[A-Za-z]", head)
    return Confidence.SURE if first and _ROOT.match(head, first.start()) else Confidence.NO


def read(content: Content, name: str, _adjust: Adjustments) -> Reading:
    """Read a file as `reading` does; a folder is none, nor what is of another kind."""
    if not isinstance(content, bytes) or detect(content, name) is Confidence.NO:
        raise InvalidInput("bank.not_workbook")
    return received(_TASK, NAME, content, name)


MOODLE = Format(NAME, detect, read, endings=(".xml",), writes=(FORM,))
