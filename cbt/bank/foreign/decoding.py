"""The bytes of a text as a text: Unicode by its marks, UTF-8, else what Chinese programs save."""

from __future__ import annotations

import codecs
import encodings.cp1252
import encodings.iso8859_1
import re

from cbt import charset
from cbt.errors import InvalidInput

_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_KNOWN = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "big5": "cp950",
    "big5-hkscs": "cp950",
    "utf-16": "utf-8",
    "utf-16le": "utf-8",
    "utf-16be": "utf-8",
    "iso-8859-1": "iso8859_1",
    "latin-1": "iso8859_1",
    "windows-1252": "cp1252",
}
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufdd0-\ufdef]")
"""What nobody sees and what turns the reading order: no text of an item needs them."""
READY = (encodings.cp1252, encodings.iso8859_1)
"""Codecs are modules, and none can be loaded once the child is confined; `charset` has loaded the Chinese ones."""


def text_of(body: bytes) -> str:
    """Return a text whatever program saved it.

    Raise InvalidInput("bank.text_encoding") when it is none, or its charset is not sure.
    """
    found = charset.decode(body)
    if found is None or not found.sure or "\0" in found.text:
        raise InvalidInput("bank.text_encoding")
    return without_unseen(found.text.replace("\r\n", "\n").replace("\r", "\n"))


def xml_text(body: bytes) -> str:
    """Return the text of an XML file without its declaration; raise as `text_of` does."""
    declared = _DECLARED.search(body[:400])
    codec = _KNOWN.get(declared[1].decode().lower(), "") if declared else None
    if codec == "":
        raise InvalidInput("bank.text_encoding")
    if codec in {None, "utf-8"} or body[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        text = text_of(body)
    else:
        try:
            text = without_unseen(body.decode(str(codec)))
        except UnicodeDecodeError as error:
            raise InvalidInput("bank.text_encoding") from error
    return _NO_XML.sub("", _DECLARATION.sub("", text))


def without_unseen(text: str) -> str:
    """Return a text without marks of direction, of no width and of byte order."""
    return _UNSEEN.sub("", text)
