"""Saved pages, as one of the formats."""

from __future__ import annotations

import re

import msgspec

from cbt.confined.runner import Exhausted, Limits, run
from cbt.errors import InvalidInput
from cbt.interchange.documents.items import read_lines
from cbt.interchange.documents.lines import Line, marked_lines
from cbt.interchange.documents.paragraphs import DocumentText, with_rows_named
from cbt.interchange.format import Confidence, Content, Format
from cbt.interchange.plain_text import MOST, text_of
from cbt.items.draft import Adjustments, Reading

NAME = "page"
LIMITS = Limits()
_TASK = "cbt.interchange.html_reader:read_page"
_SIGN = re.compile(
    r"<!doctype\s+html|<html[\s>]|<body[\s>]|<(?:div|p|table|ul|ol|span|li)(?:\s[^<>]{0,400})?>",
    re.IGNORECASE,
)


def is_page(content: bytes) -> bool:
    head = content[:4096].replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return head.startswith(b"<") and _SIGN.search(head.decode("latin-1")) is not None


def lines_of(content: bytes) -> list[Line]:
    """Return the lines of a page.

    Raise InvalidInput("bank.text_too_big"), ("bank.page_broken") and as `text_of` does.
    """
    if len(content) > MOST:
        raise InvalidInput("bank.text_too_big", limit=MOST // (1024 * 1024))
    try:
        answer = run(_TASK, text_of(content).encode(errors="replace"), limits=LIMITS)
    except Exhausted as error:
        raise InvalidInput("bank.page_broken") from error
    paragraphs = msgspec.msgpack.decode(answer, type=DocumentText).paragraphs
    return marked_lines(with_rows_named(paragraphs))


def detect(content: Content, _name: str) -> Confidence:
    return Confidence.SURE if isinstance(content, bytes) and is_page(content) else Confidence.NO


def read(content: Content, name: str, adjust: Adjustments) -> Reading:
    if not isinstance(content, bytes) or not is_page(content):
        raise InvalidInput("bank.page_broken")
    return read_lines(lines_of(content), NAME, name, adjust)


PAGE = Format(NAME, detect, read, endings=(".html", ".htm"))
