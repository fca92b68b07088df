"""Aiken, as one of the formats."""

from __future__ import annotations

import re

from cbt.errors import InvalidInput
from cbt.interchange.format import Confidence, Content, Format
from cbt.interchange.intake import read as received
from cbt.items.draft import Adjustments, Reading

NAME = "aiken"
_TASK = "cbt.interchange.aiken_reader:read"
_HEAD = 200_000
_KEY = re.compile(rb"^\s*ANSWER\s*:\s*[A-Z]", re.MULTILINE)
_CHOICE = re.compile(rb"^\s*A[.)]\s", re.MULTILINE)


def detect(content: Content, _name: str) -> Confidence:
    """Be sure of a text with choices a line and ANSWER: below them."""
    if not isinstance(content, bytes) or content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return Confidence.NO
    head = content[:_HEAD].replace(b"\0", b"").replace(b"\r", b"\n")
    return Confidence.SURE if _KEY.search(head) and _CHOICE.search(head) else Confidence.NO


def read(content: Content, name: str, _adjust: Adjustments) -> Reading:
    if not isinstance(content, bytes) or detect(content, name) is Confidence.NO:
        raise InvalidInput("bank.not_workbook")
    return received(_TASK, NAME, content, name)


AIKEN = Format(NAME, detect, read, endings=(".aiken",))
