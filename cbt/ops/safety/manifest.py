"""The manifest of a backup: what it is, what is in it, and which keys open it; never a key itself."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from cbt.db.copies import EMBEDDED_COPY, MANIFEST, POSTGRES_COPY
from cbt.db.manifests import read_manifest_as
from cbt.db.private.files import open_private
from cbt.db.private.keys import KEYS
from cbt.errors import InvalidInput, Unavailable
from cbt.releases import PRODUCT

FORMAT = 1
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class _Head:
    """What a manifest of any format says first, whatever else is in it."""

    product: object = None
    format: object = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What stands beside a database copy; instants are ISO texts in UTC."""

    product: str
    format: int
    version: str
    made_at: str
    database: str
    """`sqlite` or `postgresql`."""
    file: str
    encrypted: bool
    bytes: int
    sha256: str
    revision: str
    """The Alembic revision of the tables."""
    counts: dict[str, int]
    """How many attempts and journal rows the copy holds."""
    keys: dict[str, str]
    """Fingerprints of the keys that the copy needs."""
    audit_head: str = ""
    """The head of the log in the copy, as `cbt audit head` prints it; "" in one from before there were heads."""

    def write(self, folder: Path) -> None:
        """Write the manifest into `folder`, on disk when this returns."""
        descriptor = open_private(folder / MANIFEST, os.O_WRONLY | os.O_EXCL)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            json.dump(asdict(self), handle, ensure_ascii=False, indent=2)
            handle.write("\n")
            handle.flush()
            os.fsync(handle.fileno())


def read_manifest(folder: Path) -> Manifest:
    """Read and check the manifest of a backup.

    Raise InvalidInput("safety.no_backup") when `folder` is none, ("safety.manifest") when its manifest cannot
    be read, with the place, ("safety.format") for one of another product or a later format.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise InvalidInput("safety.no_backup", path=str(folder))
    head = read_manifest_as(_Head, path, refusal="safety.manifest")
    if (head.product, head.format) != (PRODUCT, FORMAT):
        raise InvalidInput("safety.format", path=str(path))
    manifest = read_manifest_as(Manifest, path, refusal="safety.manifest")
    expected = {"sqlite": EMBEDDED_COPY, "postgresql": POSTGRES_COPY}
    # No name that comes from a file leads out of its folder.
    if manifest.file != expected.get(manifest.database) or not manifest.keys.keys() <= set(KEYS):
        raise InvalidInput("safety.manifest", path=str(path))
    return manifest


def file_hash(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    sealed = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            sealed.update(chunk)
    return sealed.hexdigest()


def check_file(folder: Path, manifest: Manifest) -> Path:
    """Return the database copy of a backup, or raise Unavailable("safety.damaged") when it is not what it was."""
    path = folder / manifest.file
    if not path.is_file() or path.stat().st_size != manifest.bytes or file_hash(path) != manifest.sha256:
        raise Unavailable("safety.damaged", path=str(path))
    return path
