"""The container of a package, a zip that can be written in one way only, and its signed manifest.

Members are stored, not packed, one after another, with no date, comment or extra field. Reading walks them
from the front within what the file has, writes them anew and compares: a byte that differs anywhere, a member
that stands there twice, a path out of the folder, or something behind the end is no package. Nothing grows
while it is read.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import Mapping

import msgspec

from cbt.errors import InvalidInput
from cbt.rules.canonical import canonical_json

MOST_BYTES = 256 * 1024 * 1024
MOST_MEMBERS = 60_000
"""There are at most three a person, and a container of this kind counts to 65,535."""
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_VERSION, _DAY_ONE = 20, 0x21
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*(?:/[a-z0-9][a-z0-9_-]*)?\.[a-z]{1,8}")
_LONGEST = 120


def pack(members: Mapping[str, bytes]) -> bytes:
    """Return the container of these members, in their order: equal members, equal bytes."""
    bodies, heads, offset = [], [], 0
    for name, body in members.items():
        called, crc, size = name.encode("ascii"), zlib.crc32(body), len(body)
        shared = (_VERSION, 0, 0, 0, _DAY_ONE, crc, size, size, len(called), 0)
        bodies += [_LOCAL.pack(b"PK\3\4", *shared), called, body]
        heads += [_CENTRAL.pack(b"PK\1\2", _VERSION, *shared, 0, 0, 0, 0, offset), called]
        offset += _LOCAL.size + len(called) + size
    long = sum(map(len, heads))
    end = _END.pack(b"PK\5\6", 0, 0, len(members), len(members), long, offset, 0)
    return b"".join([*bodies, *heads, end])


def unpack(body: bytes) -> dict[str, bytes]:
    """Return the members of a container in their order; raise InvalidInput("package.not_one") for anything else."""
    members: dict[str, bytes] = {}
    offset = 0
    while body[offset : offset + 4] == b"PK\3\4" and len(members) < MOST_MEMBERS:
        if offset + _LOCAL.size > len(body):
            break
        *_fixed, size, named, _extra = _LOCAL.unpack_from(body, offset)
        start = offset + _LOCAL.size
        name = body[start : start + named].decode("ascii", "replace")
        if named > _LONGEST or not _NAME.fullmatch(name) or name in members:
            raise InvalidInput("package.not_one")
        members[name] = body[start + named : start + named + size]
        offset = start + named + size
    if not members or pack(members) != body:
        raise InvalidInput("package.not_one")
    return members


FORMAT = "cbt-package-1"
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
_CONTEXT = b"cbt package manifest 1\n"
"""What is signed begins so: the key signs nothing else that could be taken for a manifest."""


class ListedMember(msgspec.Struct, frozen=True):
    """A member of the package."""

    name: str
    bytes: int
    sha256: str


class PackageManifest(msgspec.Struct, frozen=True):
    """What the signature covers."""

    format: str
    sitting: str
    name: str
    batch: str
    centre: str
    planned_start_at: str
    state: str
    head: str
    """Where the log ended with the last entry about this sitting (日志锚点)."""
    key: str
    """The public key, as hexadecimal digits."""
    members: list[ListedMember]


def listed(members: Mapping[str, bytes]) -> list[ListedMember]:
    """Return the lines of a manifest for these members, in their order."""
    return [ListedMember(name, len(body), hashlib.sha256(body).hexdigest()) for name, body in members.items()]


def text_of(manifest: PackageManifest) -> bytes:
    """Return the one text of a manifest."""
    return canonical_json(msgspec.to_builtins(manifest)).encode()


def read_manifest(text: bytes) -> PackageManifest:
    """Return the manifest of a text; raise ValueError for another text than its own, or another format."""
    found = msgspec.json.decode(text, type=PackageManifest)
    if found.format != FORMAT or text_of(found) != text:
        raise ValueError("no manifest of this format")
    return found


def signed_text(manifest: bytes) -> bytes:
    """Return what is signed of a manifest's text."""
    return _CONTEXT + manifest
