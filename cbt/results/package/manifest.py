"""The manifest: which members there are, in which order, with their SHA-256; it alone is signed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from cbt.rules.canonical import canonical_json

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
