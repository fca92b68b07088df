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
from cbt.bank.formats.word.numbering import Numbering, local, value
from cbt.errors import InvalidInput

MOST_ENTRIES = 4000
MOST_PART = 64 * 1024 * 1024
MOST_UNPACKED = 400 * 1024 * 1024
MOST_RATIO = 200
_SMALL = 4096
_ENCRYPTED_BIT = 0x1


def read_word(content: bytes) -> bytes:
    """Return the paragraphs of a .docx, a flat package or a Word 2003 document as msgpack.

    Raise InvalidInput("bank.word_broken"), ("bank.word_locked"), ("bank.word_too_big").
    """
    if content[:2] == b"PK":
        parts = _parts(content)
        root, numbering, styles = (_xml(parts.get(name)) for name in ("document", "numbering", "styles"))
    else:
        whole = _xml(content)
        if whole is not None and local(whole) == "package":
            root, numbering, styles = (_flat(whole, name) for name in ("document", "numbering", "styles"))
        else:
            root, numbering, styles = whole, None, None
    if root is None or local(root) not in {"document", "wordDocument"}:
        raise InvalidInput("bank.word_broken")
    body = WordBody(Numbering(numbering), styles if styles is not None else _own_styles(root))
    body.read(root)
    return msgspec.msgpack.encode(DocumentText(body.paragraphs, sorted(body.notes)))


def _parts(content: bytes) -> dict[str, bytes]:
    """Return the parts that hold text, after the package as a whole was judged; pictures are never unpacked."""
    found = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            entries = package.infolist()
            _judge(entries)
            for entry in entries:
                folder, _slash, name = entry.filename.rpartition("/")
                if folder == "word" and name in {
                    "document.xml",
                    "numbering.xml",
                    "styles.xml",
                    "document2.xml",
                }:
                    if entry.file_size > MOST_PART:
                        raise InvalidInput("bank.word_too_big")
                    with package.open(entry) as part:
                        data = part.read(MOST_PART + 1)
                    if len(data) > MOST_PART:
                        raise InvalidInput("bank.word_too_big")
                    found[name.removesuffix(".xml").removesuffix("2")] = data
    except (InvalidInput, MemoryError):
        raise
    except Exception as error:  # zipfile and zlib raise several kinds over damage
        raise InvalidInput("bank.word_broken") from error
    return found


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


def _flat(root: Any, name: str) -> Any:
    for part in root:
        if local(part) == "part" and value(part, "name") == f"/word/{name}.xml":
            data = next((one for one in part if local(one) == "xmlData"), None)
            return data[0] if data is not None and len(data) else None
    return None


def _own_styles(root: Any) -> Any:
    return next((one for one in root if local(one) == "styles"), None)
