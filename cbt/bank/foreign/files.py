"""The child's side of an archive of files: each with its name, for the readers of their own formats.

Only `cbt.confined` runs this, in a process of its own.
"""

from __future__ import annotations

import msgspec

from cbt.bank.foreign.package import Package
from cbt.errors import InvalidInput


def unpack(body: bytes, *, most: int) -> bytes:
    """Return the names and contents of an archive's files as msgpack.

    Raise as `Package` does, and InvalidInput("bank.too_many_files") for more than `most`.
    """
    package = Package(body)
    if len(package.names) > most:
        raise InvalidInput("bank.too_many_files", count=len(package.names), limit=most)
    found = [(package.said(name), package.read(name, documents=True)) for name in package.names]
    return msgspec.msgpack.encode(found)
