"""The text of a file whose charset is sure, without what nobody sees; of XML by what it declares."""

from __future__ import annotations

import re

from cbt import charset
from cbt.errors import InvalidInput

_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufdd0-\ufdef]")
"""What nobody sees and what turns the reading order: no text of an item needs them."""


def text_of(body: bytes) -> str:
    """Return a text whatever program saved it.

    Raise InvalidInput("bank.text_encoding") when it is none, or its charset is not sure.
    """
    return _sound(charset.decode(body))


def xml_text(body: bytes) -> str:
    """Return the text of an XML file without its declaration; raise as `text_of` does."""
    said = _DECLARED.search(body[:400])
    text = _sound(charset.declared(body, said[1].decode() if said else ""))
    return _NO_XML.sub("", _DECLARATION.sub("", text))


def _sound(found: charset.Decoded | None) -> str:
    if found is None or not found.sure or "\0" in found.text:
        raise InvalidInput("bank.text_encoding")
    return without_unseen(found.text.replace("\r\n", "\n").replace("\r", "\n"))


def without_unseen(text: str) -> str:
    """Return a text without marks of direction, of no width and of byte order."""
    return _UNSEEN.sub("", text)
