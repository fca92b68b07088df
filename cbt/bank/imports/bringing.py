"""Several files as one: packed for their draft, read together, said with one name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import msgspec

from cbt.bank.foreign.package import is_document
from cbt.bank.formats import registry
from cbt.bank.formats.text.reading import TAXONOMY_FILE
from cbt.bank.formats.together import read_all
from cbt.bank.imports.drafts import Adjustments, Reading
from cbt.confined.running import MEGABYTE, Exhausted, Limits, run
from cbt.errors import InvalidInput

Brought = tuple[str, bytes]
"""The name under which a file came, with the folders it lay in, and its content."""
MOST_FILES = 200
MOST_ENTRIES = 500
"""What an archive may hold, with what file managers leave in it."""
LONGEST_NAME = 200
LIMITS = Limits(answer=200 * MEGABYTE)
_UNPACK = "cbt.bank.foreign.files:unpack"
_ZIP, _DIRECTORY, _TAIL = b"PK\x03\x04", b"PK\x05\x06", 66_000
_OTHER_ARCHIVES = (b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b\x08")
_LEFT_OUT = ("~$", ".", "__MACOSX", "Thumbs.db", "desktop.ini")


def pack(files: Sequence[Brought]) -> bytes:
    """Return files as one body."""
    return msgspec.msgpack.encode(list(files))


def unpack(body: bytes) -> list[Brought]:
    """Return the files of a body."""
    return msgspec.msgpack.decode(body, type=list[tuple[str, bytes]])


def safe_name(path: str) -> str:
    """Return a file's name with its folders and nothing that leads elsewhere; "" for one that is nobody's bank.

    Lock files of spreadsheet programs and what file managers leave behind are nobody's.
    """
    plain = "".join(letter for letter in path.replace("\\", "/") if letter.isprintable())
    parts = [part for part in PurePosixPath(plain).parts if part not in ("/", "..", ".")]
    if not parts or any(part.startswith(_LEFT_OUT) for part in parts):
        return ""
    return "/".join(parts)[-LONGEST_NAME:]


def taken(files: Sequence[Brought]) -> list[Brought]:
    """Return the files that may hold items, under safe names, in the order of these.

    Raises InvalidInput("bank.no_file"), ("bank.too_many_files").
    """
    found = [(name, content) for path, content in files if content and (name := safe_name(path))]
    if not found:
        raise InvalidInput("bank.no_file", field="file")
    if len(found) > MOST_FILES:
        raise InvalidInput("bank.too_many_files", count=len(found), limit=MOST_FILES, field="file")
    return sorted(found)


def said(files: Sequence[Brought]) -> str:
    """Return the one name of what was brought: of a file its own, else of the first and how many there are."""
    first = files[0][0]
    if len(files) == 1:
        return first.rpartition("/")[2]
    top = {name.partition("/")[0] for name, _content in files}
    head = next(iter(top)) if len(top) == 1 else first.rpartition("/")[2]
    return f"{head[: LONGEST_NAME - 10]} +{len(files) - 1}" if len(top) > 1 else head


def opened(files: Sequence[Brought]) -> list[Brought]:
    """Return the files with what lies in archives among them, each under its safe name.

    An archive alone gives its files their own names; one of several gives them its own before. Raises as
    `foreign.files.unpack` and `taken` do, and InvalidInput("bank.archive_kind") for an archive of another kind.
    """
    if not any(_is_archive(content) for _name, content in files):
        return list(files)
    found: list[Brought] = []
    for name, content in files:
        if not _is_archive(content):
            found.append((name, content))
            continue
        head = "" if len(files) == 1 else f"{name}/"
        found += [(f"{head}{inner}", body) for inner, body in _unpacked(content)]
    return taken(found)


def _is_archive(content: bytes) -> bool:
    if content.startswith(_OTHER_ARCHIVES):
        raise InvalidInput("bank.archive_kind")
    return content.startswith(_ZIP) and _DIRECTORY in content[-_TAIL:] and not is_document(content)


def _unpacked(content: bytes) -> list[Brought]:
    try:
        said = run(_UNPACK, content, limits=LIMITS, most=MOST_ENTRIES)
    except Exhausted as error:
        raise InvalidInput("bank.package_too_big") from error
    return msgspec.msgpack.decode(said, type=list[tuple[str, bytes]])


def read_paths(paths: Sequence[Path], adjust: Adjustments) -> Reading:
    """Read files, folders and archives that lie somewhere as one; a folder with a 细目表 is read as the bank it is.

    Raises as `read_all` and `registry.content_of` do, NotFound("bank.no_folder") for a folder without any file that
    may hold items.
    """
    first = paths[0]
    if len(paths) == 1 and first.is_dir() and ((first / TAXONOMY_FILE).is_file() or not _below(first)):
        return registry.read(first, first.name, adjust)
    files = [(name, registry.content_of(path)) for one in paths for name, path in _below(one)]
    brought = [(name, content) for name, content in files if isinstance(content, bytes)]
    return read_all(opened(taken(brought)), adjust)


def _below(path: Path) -> list[tuple[str, Path]]:
    if path.is_file():
        return [(path.name, path)]
    found = sorted(one for one in path.rglob("*") if one.is_file())
    named = [(str(one.relative_to(path.parent)), one) for one in found]
    return [(name, one) for name, one in named if safe_name(name)]
