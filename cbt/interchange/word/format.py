"""Word documents, as one of the formats."""

from __future__ import annotations

import re

import msgspec

from cbt.confined.runner import Exhausted, Limits, run
from cbt.errors import InvalidInput
from cbt.interchange.documents.items import read_lines
from cbt.interchange.documents.lines import Line, LinedText, marked_lines
from cbt.interchange.documents.paragraphs import DocumentText, with_rows_named
from cbt.interchange.format import Confidence, Content, Format
from cbt.interchange.intake import with_pictures
from cbt.interchange.picture_marks import PictureMarks
from cbt.interchange.word.writer import FORM
from cbt.items.draft import Adjustments, Reading

NAME = "word"
LIMITS = Limits()
MOST = 64 * 1024 * 1024
_TASK = "cbt.interchange.word.reader:read_word"
_OLE = b"\xd0\xcf\x11\xe0"
_WORD_97 = "WordDocument".encode("utf-16-le")
_FLAT = (
    b'progid="Word.Document"',
    b"<w:wordDocument",
    b"<pkg:package",
    b"http://schemas.microsoft.com/office/word/2003/wordml",
)


_ELSE = ((b"%PDF-", "bank.pdf"), (b"{\\rtf", "bank.rtf"))
"""Documents of other kinds that people bring as Word's, and the refusal that says what to save them as."""
_SAVED = re.compile(rb"(?:From:|MIME-Version:|Content-Type:\s*multipart/related)", re.IGNORECASE)


def other_kind(content: bytes) -> str:
    """Return the refusal of a PDF, an RTF or a page saved as one archive, "" for anything else."""
    head = content[:4096].lstrip(b"\xef\xbb\xbf \r\n")
    if _SAVED.match(head) and b"multipart/related" in head.lower():
        return "bank.mhtml"
    return next((code for mark, code in _ELSE if head.startswith(mark)), "")


def is_word(content: bytes) -> bool:
    if content.startswith(b"PK\x03\x04"):
        return b"word/document" in content and b"xl/workbook" not in content
    return any(one in content[:4096] for one in _FLAT)


def is_word_97(content: bytes) -> bool:
    """Say whether a file is a document of Word 97 to 2003, which is not read."""
    return content.startswith(_OLE) and _WORD_97 in content


def lines_of(content: bytes) -> list[Line]:
    """Return the lines of a document; raise as `document_of` does."""
    return document_of(content).lines


def document_of(content: bytes) -> LinedText:
    """Return the lines of a document and its pictures.

    Raise InvalidInput("bank.word_97"), ("bank.word_too_big") and as the child does.
    """
    if is_word_97(content):
        raise InvalidInput("bank.word_97")
    if code := other_kind(content):
        raise InvalidInput(code)
    if len(content) > MOST:
        raise InvalidInput("bank.word_too_big")
    try:
        answer = run(_TASK, content, limits=LIMITS)
    except Exhausted as error:
        raise InvalidInput("bank.word_too_big") from error
    document_text = msgspec.msgpack.decode(answer, type=DocumentText)
    return LinedText(
        marked_lines(with_rows_named(document_text.paragraphs)),
        PictureMarks(document_text.marks, document_text.bodies),
    )


def detect(content: Content, _name: str) -> Confidence:
    if not isinstance(content, bytes):
        return Confidence.NO
    own = is_word(content) or is_word_97(content) or other_kind(content)
    return Confidence.SURE if own else Confidence.NO


def read(content: Content, name: str, adjust: Adjustments) -> Reading:
    if not isinstance(content, bytes) or detect(content, name) is Confidence.NO:
        raise InvalidInput("bank.word_broken")
    text = document_of(content)
    return with_pictures(read_lines(text.lines, NAME, name, adjust), text.shown)


WORD = Format(NAME, detect, read, endings=(".docx", ".docm", ".doc"), writes=(FORM,))
