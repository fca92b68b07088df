"""The reader of Word documents: the parts of each of its three shapes, and from bytes to paragraphs.

A file that is no such document, or that has no end, is refused. Only `cbt.confined` runs this, in a process
of its own.
"""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec
from lxml import etree

from cbt.errors import InvalidInput
from cbt.interchange.archive import beside
from cbt.interchange.documents.paragraphs import DocumentText
from cbt.interchange.raw_items import MOST_OF_ONE
from cbt.interchange.word.body import Drawings, Numbering, WordBody, child, local, value

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


def _said(parts: WordParts) -> bytes:
    root = parts.part("document")
    if root is None or local(root) not in {"document", "wordDocument"}:
        raise InvalidInput("bank.word_broken")
    styles = parts.part("styles")
    drawings = Drawings(parts.picture, parts.targets())
    body = WordBody(
        Numbering(parts.part("numbering")), styles if styles is not None else _own_styles(root), drawings
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


MOST_PART = 64 * 1024 * 1024
MOST_RELATIONS = 20_000
_FOLDER = "word/"
_TEXTS = {
    "document": ("document.xml", "document2.xml"),
    "numbering": ("numbering.xml",),
    "styles": ("styles.xml",),
}


class WordParts(Protocol):
    """A document by its parts."""

    def part(self, name: str) -> Any:
        """Return the root of the text, the numbering or the styles, None for none."""

    def targets(self) -> Mapping[str, str]:
        """Return the parts that the relations of the text name, by their ids; what lies elsewhere is none."""

    def picture(self, name: str) -> bytes | None:
        """Return a picture by its part, None where there is none or it is too large."""


class PackedDocument:
    """A .docx."""

    def __init__(self, package: zipfile.ZipFile, parsed: Callable[[bytes | None], Any]) -> None:
        self._package, self._parsed = package, parsed
        self._entries = {entry.filename: entry for entry in package.infolist()}

    def part(self, name: str) -> Any:
        return self._parsed(self._read(self._named(name)))

    def targets(self) -> Mapping[str, str]:
        name = self._named("document")
        return _targets(self._parsed(self._read(f"{_FOLDER}_rels/{name.removeprefix(_FOLDER)}.rels")), name)

    def picture(self, name: str) -> bytes | None:
        entry = self._entries.get(name)
        if entry is None or entry.file_size > MOST_OF_ONE:
            return None
        try:
            with self._package.open(entry) as part:
                return part.read(MOST_OF_ONE + 1)
        except MemoryError:
            raise
        except Exception:  # one damaged part leaves the others as they are
            return None

    def _named(self, name: str) -> str:
        names = [f"{_FOLDER}{one}" for one in _TEXTS[name]]
        return next((one for one in names if one in self._entries), names[0])

    def _read(self, name: str) -> bytes | None:
        """Return a part that is text; raise InvalidInput("bank.word_too_big"), ("bank.word_broken")."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        if entry.file_size > MOST_PART:
            raise InvalidInput("bank.word_too_big")
        try:
            with self._package.open(entry) as part:
                data = part.read(MOST_PART + 1)
        except MemoryError:
            raise
        except Exception as error:  # zipfile and zlib raise several kinds over damage
            raise InvalidInput("bank.word_broken") from error
        if len(data) > MOST_PART:
            raise InvalidInput("bank.word_too_big")
        return data


class FlatDocument:
    """A package written as one XML document."""

    def __init__(self, root: Any) -> None:
        self._parts = {value(one, "name").lstrip("/"): one for one in root if local(one) == "part"}

    def part(self, name: str) -> Any:
        return self._data(f"{_FOLDER}{_TEXTS[name][0]}")

    def targets(self) -> Mapping[str, str]:
        return _targets(self._data(f"{_FOLDER}_rels/document.xml.rels"), f"{_FOLDER}document.xml")

    def picture(self, name: str) -> bytes | None:
        part = self._parts.get(name)
        return _decoded(child(part, "binaryData")) if part is not None else None

    def _data(self, name: str) -> Any:
        part = self._parts.get(name)
        data = child(part, "xmlData") if part is not None else None
        return data[0] if data is not None and len(data) else None


class OldDocument:
    """A document of Word 2003: one XML tree, its pictures in it."""

    def __init__(self, root: Any) -> None:
        self._root = root
        nodes = [one for one in root.iter() if local(one) == "binData"] if root is not None else []
        self._pictures = {value(one, "name"): one for one in nodes}

    def part(self, name: str) -> Any:
        return self._root if name == "document" else None

    def targets(self) -> Mapping[str, str]:
        return {}

    def picture(self, name: str) -> bytes | None:
        return _decoded(self._pictures.get(name))


def _decoded(element: Any) -> bytes | None:
    text = "".join(element.itertext()) if element is not None else ""
    if not text or len(text) > 2 * MOST_OF_ONE:
        return None
    try:
        return base64.b64decode(text)
    except ValueError:
        return None


def _targets(root: Any, name: str) -> dict[str, str]:
    """Return the parts that relations name: within the package, from the folder of the part or from the top."""
    targets: dict[str, str] = {}
    for node in root if root is not None else ():
        if (
            local(node) != "Relationship"
            or value(node, "TargetMode") == "External"
            or len(targets) >= MOST_RELATIONS
        ):
            continue
        target = value(node, "Target")
        part = beside("", target[1:]) if target.startswith("/") else beside(name, target)
        if part:
            targets[value(node, "Id")] = part
    return targets
