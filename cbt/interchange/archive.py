"""Archives of files: what is in one is known before any is unpacked, and nothing leaves memory."""

from __future__ import annotations

import io
import re
import stat
import zipfile
from pathlib import PurePosixPath
from typing import Protocol

import msgspec

from cbt.charset import entry_names
from cbt.errors import InvalidInput

MOST_ENTRIES = 20_000
MOST_UNPACKED = 200 * 1024 * 1024
MOST_OF_ONE = 20 * 1024 * 1024
MOST_RATIO = 200
LONGEST_NAME = 300
_SMALL = 4096
_ENCRYPTED_BIT = 0x1
TAXONOMY_FILE = "taxonomy.toml"
"""What a bank's folder of ours has in it."""
_DOCUMENTS = (
    *(b"[Content_Types].xml", b"mimetypeapplication/vnd.oasis.opendocument", b"imsmanifest.xml"),
    TAXONOMY_FILE.encode(),
)
_ARCHIVE = re.compile(r"\.(zip|jar|7z|rar|tar|t?gz|bz2|xz|cab|iso)$", re.IGNORECASE)
_ARCHIVES = (b"PK\x03\x04", b"7z\xbc\xaf", b"Rar!", b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ")
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


class PackageFiles(Protocol):
    """PackageFiles by their names."""

    def __contains__(self, name: str) -> bool:
        """Say whether there is a file of a name."""

    def read(self, name: str) -> bytes:
        """Return one file."""


class Package:
    """The files of an archive by their names."""

    def __init__(self, body: bytes) -> None:
        """Look through its directory.

        Raise InvalidInput("bank.package_broken"), ("bank.package_locked") behind a password,
        ("bank.package_names") for names that lead elsewhere or stand there twice, ("bank.package_nested") for an
        archive in it, ("bank.package_too_big") for more than any bank has.
        """
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(body))
            entries = [one for one in self._archive.infolist() if not one.is_dir()]
        except Exception as error:  # zipfile raises several kinds over a broken directory
            raise InvalidInput("bank.package_broken") from error
        if any(one.flag_bits & _ENCRYPTED_BIT for one in entries):
            raise InvalidInput("bank.package_locked")
        if len(entries) > MOST_ENTRIES or sum(one.file_size for one in entries) > MOST_UNPACKED:
            raise InvalidInput("bank.package_too_big")
        if any(one.file_size > MOST_RATIO * max(one.compress_size, _SMALL) for one in entries):
            raise InvalidInput("bank.package_too_big")
        names = entry_names(entries)
        for entry, name in zip(entries, names, strict=True):
            if not _is_sound(entry, name):
                raise InvalidInput("bank.package_names", name=entry.orig_filename[:60])
            if _ARCHIVE.search(entry.filename):
                raise InvalidInput("bank.package_nested", name=entry.filename[:60])
        self._entries = {one.filename: one for one in entries}
        self._said = {one.filename: name for one, name in zip(entries, names, strict=True)}
        if len({name.casefold() for name in self._entries}) != len(entries):
            raise InvalidInput("bank.package_names", name="")

    @property
    def names(self) -> list[str]:
        return list(self._entries)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def said(self, name: str) -> str:
        return self._said[name]

    def read(self, name: str, *, documents: bool = False) -> bytes:
        """Return one file; raise as the package does, an archive under another ending included.

        Word files and workbooks are archives, too: with `documents` they are not refused.
        """
        entry = self._entries[name]
        if entry.file_size > MOST_OF_ONE:
            raise InvalidInput("bank.package_too_big")
        try:
            with self._archive.open(entry) as file:
                body = file.read(MOST_OF_ONE + 1)
        except Exception as error:
            raise InvalidInput("bank.package_broken") from error
        if len(body) > MOST_OF_ONE:
            raise InvalidInput("bank.package_too_big")
        if body.startswith(_ARCHIVES) and not (documents and is_document(body)):
            raise InvalidInput("bank.package_nested", name=name[:60])
        return body


def is_document(body: bytes) -> bool:
    """Return whether an archive is one document: an office file, a package with a manifest, a bank of ours."""
    return body.startswith(_ARCHIVES[0]) and any(mark in body for mark in _DOCUMENTS)


def beside(name: str, href: str) -> str:
    """Return the name of a file that another names by a relative address, "" for one outside of the package."""
    plain = href.split("#")[0].split("?")[0]
    if not plain or ":" in plain or plain.startswith("/"):
        return ""
    steps: list[str] = []
    for step in (*PurePosixPath(name).parent.parts, *plain.split("/")):
        if step == "..":
            if not steps:
                return ""
            steps.pop()
        elif step not in {"", "."}:
            steps.append(step)
    return "/".join(steps)


def _is_sound(entry: zipfile.ZipInfo, name: str) -> bool:
    """Return whether an entry is a plain file inside the package."""
    steps = name.split("/")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    return (
        0 < len(name) <= LONGEST_NAME
        and not any(ord(one) < 32 or one in '\\:*?"<>|' for one in name)
        and not any(step in {"", ".", ".."} for step in steps)
        and kind in {0, stat.S_IFREG}
        and entry.compress_type in _METHODS
    )


# The child's side of an archive of files: each with its name, for the readers of their own formats.
#
# Only `cbt.confined` runs this, in a process of its own.


def unpack(body: bytes, *, most: int) -> bytes:
    """Return the names and contents of an archive's files as msgpack.

    Raise as `Package` does, and InvalidInput("bank.too_many_files") for more than `most`.
    """
    package = Package(body)
    if len(package.names) > most:
        raise InvalidInput("bank.too_many_files", count=len(package.names), limit=most)
    files = [(package.said(name), package.read(name, documents=True)) for name in package.names]
    return msgspec.msgpack.encode(files)
