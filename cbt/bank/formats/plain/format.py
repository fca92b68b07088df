"""Plain text and Markdown, as one of the formats."""

from __future__ import annotations

from cbt.bank.formats.kind import Confidence, Content, Format
from cbt.bank.formats.plain.decoding import text_of
from cbt.bank.formats.plain.markdown import is_markdown, markdown_lines
from cbt.bank.formats.reading.lines import Line, plain_lines
from cbt.bank.formats.reading.reader import read_lines
from cbt.bank.imports.drafts import Adjustments, Reading
from cbt.errors import InvalidInput

NAME = "plain"
MOST = 10 * 1024 * 1024


def lines_of(content: bytes) -> list[Line]:
    """Return the lines of a text; raise InvalidInput("bank.text_too_big") and as `text_of` does."""
    if len(content) > MOST:
        raise InvalidInput("bank.text_too_big", limit=MOST // (1024 * 1024))
    text = text_of(content)
    return markdown_lines(text) if is_markdown(text) else plain_lines(text)


def detect(content: Content, _name: str) -> Confidence:
    """Say that whatever can be read as text may be one; what it holds shows when it is read."""
    if not isinstance(content, bytes) or content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return Confidence.NO
    try:
        text_of(content[:MOST])
    except InvalidInput as error:
        broken = error.code == "bank.mojibake" or (content.strip() and b"\x00" not in content[:4096])
        return Confidence.MAYBE if broken else Confidence.NO
    return Confidence.MAYBE


def read(content: Content, name: str, adjust: Adjustments) -> Reading:
    """Read a text as `read_lines` does."""
    if not isinstance(content, bytes):
        raise InvalidInput("bank.not_text")
    return read_lines(lines_of(content), NAME, name, adjust)


PLAIN = Format(NAME, detect, read, endings=(".txt", ".md"))
