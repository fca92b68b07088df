"""GIFT, as one of the formats."""

from __future__ import annotations

import re

from cbt.bank.foreign.receiving import read as received
from cbt.bank.formats.gift.writing import FORM
from cbt.bank.formats.kind import Confidence, Content, Format
from cbt.bank.imports.drafts import Adjustments, Reading
from cbt.errors import InvalidInput

NAME = "gift"
_TASK = "cbt.bank.formats.gift.reading:read"
_HEAD = 200_000
_TITLE = re.compile(rb"^::[^\r\n]{1,300}?::|^\$CATEGORY:", re.MULTILINE)
_ANSWER = re.compile(rb"(?<!\\)\{\s*(?:[=~#]|T(?:RUE)?\s*[}#]|F(?:ALSE)?\s*[}#])")
_NO_TEXT = re.compile(rb"PK\x03\x04|\xd0\xcf\x11\xe0|<|%PDF|[\[{]\s*[\[{\"\d]")


def detect(content: Content, name: str) -> Confidence:
    """Be sure of a text with braces that open answers; a title alone may be one of another format."""
    if not isinstance(content, bytes) or _NO_TEXT.match(content.lstrip(b"\xef\xbb\xbf \t\r\n")):
        return Confidence.NO
    head = content[:_HEAD].replace(b"\0", b"")
    if _ANSWER.search(head):
        return Confidence.SURE
    if name.lower().endswith(".gift"):
        return Confidence.SURE if b"{" in head else Confidence.NO
    return Confidence.MAYBE if _TITLE.search(head) and b"{" in head else Confidence.NO


def read(content: Content, name: str, _adjust: Adjustments) -> Reading:
    """Read a text as `reading` does; a folder is none, nor what is of another kind."""
    if not isinstance(content, bytes) or detect(content, name) is Confidence.NO:
        raise InvalidInput("bank.not_workbook")
    return received(_TASK, NAME, content, name)


GIFT = Format(NAME, detect, read, endings=(".gift",), writes=(FORM,))
