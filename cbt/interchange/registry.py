"""The formats of banks, and which of them reads what somebody brought: asked alike by pages and commands."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path, PurePath

from cbt import charset
from cbt.errors import InvalidInput, NotFound
from cbt.interchange.aiken import AIKEN
from cbt.interchange.doubts.registry import questioned
from cbt.interchange.format import Confidence, Content, Format, OutForm
from cbt.interchange.gift import GIFT
from cbt.interchange.html_page import PAGE
from cbt.interchange.json_bank import FIELDS
from cbt.interchange.moodle import MOODLE
from cbt.interchange.plain_text import PLAIN
from cbt.interchange.qti.format import QTI
from cbt.interchange.tables.format import TABLES
from cbt.interchange.text_bank import TEXT
from cbt.interchange.word.format import WORD
from cbt.items.draft import AS_INFERRED, Adjustments, Inferred, Reading
from cbt.spreadsheets.findings import Place

CHARSET = "charset"
"""What an author's word on the charset of a text is called."""
_NO_TEXT = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF")
_XML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml|(?:\xff\xfe)?<\0\?\0|(?:\xfe\xff)?\0<\0\?")
_DECLARED = re.compile(rb"charset\s*=\s*[\"']?\s*([\w-]{1,40})", re.IGNORECASE)
MEGABYTE = 1024 * 1024
MOST_BYTES = 100 * MEGABYTE
"""No bank of items is as large as this in one file; a larger one is not even opened."""
FORMATS: tuple[Format, ...] = (TABLES, TEXT, GIFT, AIKEN, MOODLE, QTI, WORD, PAGE, FIELDS, PLAIN)


def content_of(path: Path) -> Content:
    """Return what lies at a path, a folder as it is; raise InvalidInput("bank.file_too_big")."""
    if not path.is_file():
        return path
    _bounded(path.stat().st_size, path.name)
    return path.read_bytes()


def read(content: Content, name: str, adjust: Adjustments = AS_INFERRED) -> Reading:
    """Return what the surest format reads; raise as it does, and InvalidInput("bank.not_workbook") when none is.

    A text whose charset is not sure is read in the likeliest one, or the one its author says, and asked about:
    nothing of it is imported before. What speaks against the reading is asked, too (`doubts`). Where nothing can be
    read of it, InvalidInput("bank.text_encoding").
    """
    content, inferences = in_utf8(content, adjust)
    try:
        reading = format_for(content, name).read(content, name, adjust)
    except InvalidInput as error:
        if inferences:
            raise InvalidInput("bank.text_encoding") from error
        raise
    counted = tuple(replace(one, count=len(reading.items), place=Place(name)) for one in inferences)
    return questioned(replace(reading, inferred=(*counted, *reading.inferred)), adjust)


def in_utf8(content: Content, adjust: Adjustments) -> tuple[Content, tuple[Inferred, ...]]:
    """Return a text in UTF-8 with the question of its charset where that is not sure; anything else as it is.

    XML says its charset itself, and its reader asks it.
    """
    if not isinstance(content, bytes) or content.startswith(_NO_TEXT) or _XML.match(content[:400]):
        return content, ()
    page = _DECLARED.search(content[:2000]) if content.lstrip()[:1] == b"<" else None
    decoded = charset.decode(content, page[1].decode() if page else "")
    if decoded is None or decoded.charset == charset.UTF8:
        return content, ()
    if decoded.sure:
        return decoded.text.encode(errors="replace"), ()
    choices = (decoded.charset, *decoded.others)
    if (chosen := adjust.get(CHARSET, "")) in choices:
        decoded = charset.decode(content, chosen) or decoded
    return decoded.text.encode(errors="replace"), (Inferred(CHARSET, CHARSET, decoded.charset, choices),)


def format_for(content: Content, name: str) -> Format:
    """Return the surest format; raise InvalidInput("bank.not_workbook") when none is, or ("bank.file_too_big")."""
    if isinstance(content, bytes):
        _bounded(len(content), name)
    sure, surest = max(((one.detect(content, name), one) for one in FORMATS), key=lambda pair: pair[0])
    if sure is Confidence.NO:
        raise InvalidInput("bank.not_workbook")
    return surest


def _bounded(size: int, name: str) -> None:
    if size > MOST_BYTES:
        shown = {"size": -(-size // MEGABYTE), "limit": MOST_BYTES // MEGABYTE}
        raise InvalidInput("bank.file_too_big", file=name, **shown)


def file_endings() -> list[str]:
    return [ending for one in FORMATS for ending in one.endings]


def template_for(name: str) -> bytes:
    """Return the empty file for a name: of the format with its ending, else of the first that has one."""
    able = [(one.endings, one.template) for one in FORMATS if one.template is not None]
    fitting = [write for endings, write in able if PurePath(name).suffix.lower() in endings]
    return (fitting or [write for _endings, write in able])[0]()


def out_forms() -> dict[str, OutForm]:
    return {form.name: form for one in FORMATS for form in one.writes}


def out_form(name: str) -> OutForm:
    """Return a form by its name; raise NotFound("bank.form_unknown") for none."""
    form = out_forms().get(name)
    if form is None:
        raise NotFound("bank.form_unknown", name=name, known="、".join(out_forms()))
    return form
