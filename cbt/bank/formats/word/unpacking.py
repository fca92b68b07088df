"""The child's side of reading a Word document: bytes to paragraphs, refused where it is none or has no end.

Only `cbt.confined` runs this, in a process of its own.
"""

from __future__ import annotations

import io
import zipfile
from typing import Any

import msgspec
from lxml import etree

from cbt.bank.formats.reading.paragraphs import DocumentText
from cbt.bank.formats.word.body import WordBody
from cbt.bank.formats.word.drawings import Drawings
from cbt.bank.formats.word.numbering import Numbering, local
from cbt.bank.formats.word.parts import FlatDocument, OldDocument, PackedDocument, WordParts
from cbt.errors import InvalidInput

MOST_ENTRIES = 4000
MOST_UNPACKED = 400 * 1024 * 1024
MOST_RATIO = 200
_SMALL = 4096
_ENCRYPTED_BIT = 0x1


def read_word(content: bytes) -> bytes:
    """Return the paragraphs of a .docx, a flat package or a Word 2003 document as msgpack.

    Raise InvalidInput("bank.word_broken"), ("bank.word_locked"), ("bank.word_too_big").
    """
    if content[:2] == b"PK":
        return _said(_packed(content))
    whole = _xml(content)
    if whole is not None and local(whole) == "package":
        return _said(FlatDocument(whole))
    return _said(OldDocument(whole))


def _said(found: WordParts) -> bytes:
    root = found.part("document")
    if root is None or local(root) not in {"document", "wordDocument"}:
        raise InvalidInput("bank.word_broken")
    styles = found.part("styles")
    drawings = Drawings(found.picture, found.targets())
    body = WordBody(
        Numbering(found.part("numbering")), styles if styles is not None else _own_styles(root), drawings
    )
    body.read(root)
    text = DocumentText(body.paragraphs, sorted(body.notes), drawings.marks, drawings.bodies)
    return msgspec.msgpack.encode(text)


def _packed(content: bytes) -> WordParts:
    """Return a package, after it was judged as a whole; pictures are unpacked where the text names them."""
    try:
        package = zipfile.ZipFile(io.BytesIO(content))
        _judge(package.infolist())
    except (InvalidInput, MemoryError):
        raise
    except Exception as error:  # zipfile and zlib raise several kinds over damage
        raise InvalidInput("bank.word_broken") from error
    return PackedDocument(package, _xml)


def _judge(entries: list[zipfile.ZipInfo]) -> None:
    if any(entry.flag_bits & _ENCRYPTED_BIT for entry in entries):
        raise InvalidInput("bank.word_locked")
    if len({entry.filename.casefold() for entry in entries}) != len(entries):
        raise InvalidInput("bank.word_broken")
    if len(entries) > MOST_ENTRIES or sum(entry.file_size for entry in entries) > MOST_UNPACKED:
        raise InvalidInput("bank.word_too_big")
    texts = [entry for entry in entries if entry.filename.endswith((".xml", ".rels"))]
    if any(entry.file_size > MOST_RATIO * max(entry.compress_size, _SMALL) for entry in texts):
        raise InvalidInput("bank.word_too_big")


def _xml(content: bytes | None) -> Any:
    if content is None:
        return None
    if b"<!DOCTYPE" in content[:4096] or b"<!ENTITY" in content[:65536]:
        raise InvalidInput("bank.word_broken")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True
    )
    try:
        return etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise InvalidInput("bank.word_broken") from error


def _own_styles(root: Any) -> Any:
    return next((one for one in root if local(one) == "styles"), None)
