"""Several files as one: packed for their draft, read together, said with one name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

import msgspec

from cbt.errors import InvalidInput

Brought = tuple[str, bytes]
"""The name under which a file came, with the folders it lay in, and its content."""
MOST_FILES = 200
LONGEST_NAME = 200
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
