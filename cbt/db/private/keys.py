"""Key files of an installation: made with it, 0600, outside the database and its backups."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cbt.db.copies import sync_folder
from cbt.db.private.files import make_folder, open_private
from cbt.errors import Unavailable

KEY_BYTES = 32
KEYS = ("database", "personal", "audit")
"""The keys that a copy of the data names: without the first two it cannot be read, without the last not proved."""


def load_key(folder: Path, name: str, *, may_create: bool) -> bytes:
    """Return the 32 raw bytes of `<folder>/<name>.key`; make the file when `may_create`.

    Raise Unavailable("db.key_missing") or ("db.key_damaged") with the path: data written under a lost
    key cannot be read by anyone, so a new key is never made beside an old database.
    """
    path = folder / f"{name}.key"
    if not path.exists():
        if not may_create:
            raise Unavailable("db.key_missing", path=str(path))
        write_key(path, secrets.token_bytes(KEY_BYTES))
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise Unavailable("db.key_damaged", path=str(path))
    return key


def write_key(path: Path, key: bytes) -> None:
    """Write a key file, 0600 and on disk; raise FileExistsError when there is one."""
    make_folder(path.parent)
    with os.fdopen(open_private(path, os.O_WRONLY | os.O_EXCL), "wb") as handle:
        handle.write(key)
        handle.flush()
        os.fsync(handle.fileno())
    sync_folder(path.parent)


def fingerprint(key: bytes) -> str:
    """Return what tells one key from another and gives nothing of it away."""
    return hmac.new(key, b"cbt key fingerprint", hashlib.sha256).hexdigest()[:16]


def key_prints(folder: Path, *, encrypted: bool) -> dict[str, str]:
    """Return the fingerprints of the keys a copy of this installation needs."""
    names = [name for name in (KEYS if encrypted else KEYS[1:]) if name != "audit" or _has(folder, name)]
    return {name: fingerprint(load_key(folder, name, may_create=False)) for name in names}


def _has(folder: Path, name: str) -> bool:
    # The log's key is made by the first entry, which a copy begun with the installation does not wait for.
    return (folder / f"{name}.key").exists()
