"""The text of a document, refused where it would come out as nonsense."""

from __future__ import annotations

from cbt import charset
from cbt.errors import InvalidInput


def text_of(content: bytes) -> str:
    """Return the text of a file whose charset is sure.

    Raise InvalidInput("bank.not_text"), ("bank.text_encoding") where the charset is to be asked about, or
    ("bank.mojibake") where the text was broken before.
    """
    if not content.strip():
        raise InvalidInput("bank.not_text")
    found = charset.decode(content)
    if found is None:
        raise InvalidInput("bank.not_text")
    if not found.sure:
        raise InvalidInput("bank.text_encoding")
    if charset.is_nonsense(found.text):
        raise InvalidInput("bank.mojibake")
    return found.text
