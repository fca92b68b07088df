"""Keys and what they seal: key files, the fingerprints a database names, and small secrets at rest.

Key files are made with the installation, 0600, outside the database and its backups.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import flask
import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import String, delete, insert, inspect, select
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, Session, mapped_column

from cbt.errors import Unavailable
from cbt.storage.backup_folder import sync_folder
from cbt.storage.private_files import make_folder, make_private, open_private
from cbt.storage.types import Base

KEY_BYTES = 32
KEYS = ("database", "personal", "audit")
"""The keys that a copy of the data names: without the first two it cannot be read, without the last not proved."""
DOCUMENT = "document"
"""What the numbers of people's documents are sealed for: they show that a `personal.key` is the right one."""


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


def find_key(folder: Path, name: str, print_: str) -> bytes | None:
    """Return the key with this fingerprint: present, or a former kept beside it; None without it."""
    for path in (folder / f"{name}.key", *sorted(folder.glob(f"{name}-*.key"))):
        key = path.read_bytes() if path.is_file() else b""
        if len(key) == KEY_BYTES and fingerprint(key) == print_:
            return key
    return None


def key_prints(folder: Path, *, encrypted: bool) -> dict[str, str]:
    """Return the fingerprints of the keys a copy of this installation needs."""
    names = [name for name in (KEYS if encrypted else KEYS[1:]) if name != "audit" or _has(folder, name)]
    return {name: fingerprint(load_key(folder, name, may_create=False)) for name in names}


def _has(folder: Path, name: str) -> bool:
    # The log's key is made by the first entry, which a copy begun with the installation does not wait for.
    return (folder / f"{name}.key").exists()


# Which keys a database was written with: their fingerprints, in the database and beside an embedded one.
#
# A fingerprint tells keys apart and gives nothing away. The table goes wherever the database goes: into
# backups, into the second copy, to another machine. Beside an embedded database there is a note as well, for
# who holds the file and not its key. The log's key is named by its head (`cbt/audit`).
#
# Source: I12; quality.md, Security.

PERSONAL, LOST, SIGNING = "personal", "lost", "signing"
NOTE = "cbt.db.keys"
SALT_BYTES = 16
_CLEAR = b"SQLite format 3\0"
_kept: dict[tuple[int, int], int] = {}
"""Descriptors of databases, never closed: SQLite's locks on one end when any of them in the process closes."""


class KeyPrint(Base):
    """The fingerprint of a key that what is sealed in this database needs."""

    name: Mapped[str] = mapped_column(String(16), primary_key=True)
    print_: Mapped[str] = mapped_column("print", String(16))


class _Note(msgspec.Struct):
    salt: str
    keys: dict[str, str]


def named_keys(session: Session | Connection) -> dict[str, str]:
    """Return the fingerprints that the database names, by the name of the key; empty when it names none yet."""
    rows = session.execute(select(KeyPrint.name, KeyPrint.print_)).all()
    return {row[0]: row[1] for row in rows}


def name_key(session: Session | Connection, print_: str) -> None:
    """Say in the database that `personal.key` is the key with this fingerprint."""
    session.execute(delete(KeyPrint).where(KeyPrint.name == PERSONAL))
    session.execute(insert(KeyPrint).values(name=PERSONAL, print_=print_))


def name_lost(session: Session, *, former: str, print_: str) -> None:
    """Say in the database that the former `personal.key` is lost, and that this one has taken its place."""
    name_key(session, print_)
    session.execute(delete(KeyPrint).where(KeyPrint.name == LOST))
    session.execute(insert(KeyPrint).values(name=LOST, print_=former))


def personal_was_lost(session: Session) -> bool:
    """Return whether numbers may be sealed under a `personal.key` that nobody has any more."""
    there = inspect(session.connection()).has_table(KeyPrint.__tablename__)  # an earlier version has none
    return there and session.get(KeyPrint, LOST) is not None


def salt_of(database: Path) -> str:
    """Return the first bytes of an encrypted database, which it keeps for life; "" for one in clear, or none."""
    try:
        status = database.stat()
    except FileNotFoundError:
        return ""
    file = status.st_dev, status.st_ino
    if file not in _kept:
        _kept[file] = os.open(database, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    os.lseek(_kept[file], 0, os.SEEK_SET)
    head = os.read(_kept[file], SALT_BYTES)
    return "" if head == _CLEAR else head.hex()


def write_note(database: Path, keys: Mapping[str, str]) -> None:
    """Write beside an encrypted database which keys it needs, whole or not at all."""
    salt = salt_of(database)
    if not salt or read_note(database) == dict(keys):
        return
    note = database.with_name(NOTE)
    arriving = note.with_name(f"{NOTE}.part")
    make_private(arriving)
    with arriving.open("w", encoding="ascii") as handle:
        json.dump({"salt": salt, "keys": dict(keys)}, handle)
        handle.flush()
        os.fsync(handle.fileno())
    arriving.replace(note)
    sync_folder(note.parent)


def read_note(database: Path) -> dict[str, str]:
    """Return the fingerprints noted beside this very database; empty when there is no note, or another file's."""
    try:
        note = msgspec.json.decode(database.with_name(NOTE).read_bytes(), type=_Note)
    except (FileNotFoundError, ValueError):
        return {}
    return note.keys if note.salt and note.salt == salt_of(database) else {}


# Small secrets at rest: sealed under the installation's own key, which is not the database's.
#
# The key is `personal.key`, so a copied database file does not give what is sealed away even with its own
# key.

_NONCE_BYTES = 12


def seal(text: str, purpose: str) -> bytes:
    """Return `text` encrypted and bound to `purpose` (AES-256-GCM, a fresh nonce before the ciphertext)."""
    return seal_bytes(text.encode(), purpose)


def seal_bytes(body: bytes, purpose: str) -> bytes:
    """Return `body` encrypted and bound to `purpose`, like `seal`."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(derived("seal")).encrypt(nonce, body, purpose.encode())


def open_sealed(sealed: bytes, purpose: str) -> str:
    """Return the text that was sealed for `purpose`.

    Raise Unavailable("personal.unreadable") when it was changed, or sealed under another key or purpose.
    """
    return open_bytes(sealed, purpose).decode()


def readable(sealed: bytes, purpose: str) -> str | None:
    """Return what was sealed, None when it was sealed under a `personal.key` that is lost."""
    try:
        return open_sealed(sealed, purpose)
    except Unavailable:
        return None


def open_bytes(sealed: bytes, purpose: str) -> bytes:
    """Return the bytes that were sealed for `purpose`; raise like `open_sealed`."""
    return open_under(flask.current_app.config["PERSONAL_KEY"], sealed, purpose)


def open_under(key: bytes, sealed: bytes, purpose: str) -> bytes:
    """Return what was sealed for `purpose` under the `personal.key` that is given; raise like `open_sealed`."""
    nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return AESGCM(derived_from(key, "seal")).decrypt(nonce, body, purpose.encode())
    except (InvalidTag, ValueError) as error:
        raise Unavailable("personal.unreadable") from error


def derived(use: str) -> bytes:
    """Return the key for one use of `personal.key`."""
    return derived_from(flask.current_app.config["PERSONAL_KEY"], use)


def derived_from(key: bytes, use: str) -> bytes:
    return hmac.new(key, f"cbt personal {use}".encode(), hashlib.sha256).digest()
