"""The hash of an audit entry, the keys it is made under (`audit.key` and those before), and the log's head.

A new key takes its place in two steps, so that neither is ever ahead of the other: it is written as
`audit-<print>.key.new`, the database is told its fingerprint by the transaction that first uses it, and then the
file gets its name. A process that was killed in between leaves the second step to whoever comes next.

Source: R-64.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.models import AuditEntry
from cbt.config import Settings
from cbt.errors import InvalidInput, Unavailable
from cbt.rules.canonical import canonical_json, digest
from cbt.storage.backup_folder import sync_folder
from cbt.storage.crypto import KEY_BYTES, fingerprint, write_key
from cbt.storage.types import to_micros

NAME = "audit"
PRESENT = f"{NAME}.key"
_COMING = ".key.new"
_EXTENSION = "cbt_audit_keys"


@dataclass(frozen=True, slots=True)
class Keyring:
    """The audit key in force ("" and no bytes when there is none yet), and every key there is by its print."""

    print_: str
    key: bytes
    known: dict[str, bytes]


def keyring(wanted: str | None) -> Keyring:
    """Return the keys of this installation; `wanted` is the print the database names, None: none yet.

    They are read once a process, and again when the database names another or the file is another: a key that
    was replaced is not in force again because a database says so. A file that went away stops nobody who has
    read it.

    Raise Unavailable("audit.key_missing") when the key the database names is not there.
    """
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    held, seen = flask.current_app.extensions.get(_EXTENSION, (None, ()))
    now = _seen(settings.keys / PRESENT)
    if held is not None and held.print_ and held.print_ == wanted and now in ((), seen):
        return cast(Keyring, held)
    read = read_keyring(settings.keys, wanted)
    flask.current_app.extensions[_EXTENSION] = (read, now)
    return read


def _seen(path: Path) -> tuple[int, ...]:
    try:
        stat = path.stat()
    except OSError:
        return ()
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def read_keyring(folder: Path, wanted: str | None) -> Keyring:
    """Read the key files; like `keyring`."""
    key_files: dict[str, tuple[Path, bytes]] = {}
    for path in [*folder.glob(f"{NAME}-*.key"), *folder.glob(f"{NAME}-*{_COMING}"), folder / PRESENT]:
        try:
            key = path.read_bytes()
        except FileNotFoundError:
            continue  # a key that gets its place this moment is found there, which is looked at last
        if len(key) != KEY_BYTES:
            raise Unavailable("db.key_damaged", path=str(path))
        key_files[fingerprint(key)] = (path, key)
    keys = {print_: key for print_, (_, key) in key_files.items()}
    if not wanted:
        if not (folder / PRESENT).is_file():
            return Keyring("", b"", keys)
        wanted = fingerprint((folder / PRESENT).read_bytes())
    place = key_files.get(wanted)
    # A former key is kept to read by; it is never the one in force again, whatever a database says.
    if place is None or not (place[0].name == PRESENT or place[0].name.endswith(_COMING)):
        raise Unavailable("audit.key_missing", path=str(folder / PRESENT), print=wanted)
    return Keyring(wanted, place[1], keys)


def make_key(folder: Path) -> bytes:
    """Write a key that is to come, 0600 and on disk, and return it."""
    key = secrets.token_bytes(KEY_BYTES)
    write_key(_coming(folder, fingerprint(key)), key)
    return key


def settle(folder: Path, print_: str) -> None:
    """Give the key that came into force its place and keep the former under its print; a repeat does nothing."""
    coming, present = _coming(folder, print_), folder / PRESENT
    with contextlib.suppress(FileNotFoundError, FileExistsError):  # another process was faster
        if not coming.is_file():
            return
        if present.is_file():
            os.link(present, folder / f"{NAME}-{fingerprint(present.read_bytes())}.key")
    with contextlib.suppress(FileNotFoundError):
        coming.replace(present)
        sync_folder(folder)


def set_aside(folder: Path) -> Path | None:
    """Keep `audit.key` under its print, in force for nothing; return where, None when there is none.

    For a log from before there were keys that was brought back beside one: that key is another log's.
    """
    present = folder / PRESENT
    if not present.is_file():
        return None
    kept = folder / f"{NAME}-{fingerprint(present.read_bytes())}.key"
    present.replace(kept)
    sync_folder(folder)
    return kept


def _coming(folder: Path, print_: str) -> Path:
    return folder / f"{NAME}-{print_}{_COMING}"


# The hash of an audit entry, with and without the installation's key, and the head of the log (日志锚点).
#
# Source: R-64.

GENESIS = "0" * 64


def entry_hash(key: bytes, prev_hash: str, entry_id: int, at: datetime, fields: Sequence[str]) -> str:
    """Return the hash of one entry over the former hash and everything the entry says, under `key`."""
    text = canonical_json([prev_hash, entry_id, to_micros(at), *fields])
    return hmac.digest(key, text.encode(), "sha256").hex()


def head_mac(key: bytes, last_id: int, last_hash: str) -> str:
    """Return what says that the log ends here: whoever moves the head without the key cannot make it."""
    return hmac.digest(key, canonical_json(["head", last_id, last_hash]).encode(), "sha256").hex()


def plain_hashes(prev_hash: str, entry_id: int, at: datetime, fields: Sequence[str]) -> tuple[str, str]:
    """Return the hashes of an entry from before the key: the later spelling, and that of 0.1.0.

    That version hashed JSON with a space after each comma.
    """
    parts = [prev_hash, entry_id, to_micros(at), *fields]
    return digest(canonical_json(parts)), digest(json.dumps(parts, ensure_ascii=False))


class Content:
    """A digest, without a key, of all that was read so far: it stands in for hashes whose key was lost."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256()

    def add(self, entry_id: int, at: datetime, fields: Sequence[str]) -> None:
        self._sum.update(canonical_json([entry_id, to_micros(at), *fields]).encode() + b"\n")

    @property
    def digest(self) -> str:
        return self._sum.hexdigest()


# The head of the log (日志锚点): number, time and digest of its last entry, in a form people copy and compare.
#
#     123 2026-11-24T01:00:05Z 1a2b-3c4d-5e6f-7a8b-9c0d-1e2f-3a4b-5c6d
#
# Whoever keeps one, on paper or on another disk, can show later that the log up to it was neither cut nor
# rewritten. The digest is the first 128 bits of the entry's hash.
#
# Source: R-64.

DIGITS = 32
_GROUP = 4
_DIGITS = rf"(?P<digits>(?:[0-9a-f]{{{_GROUP}}}[\s-]*){{{DIGITS // _GROUP}}})"
_WRITTEN = re.compile(rf"\D{{0,20}}(?P<number>[0-9]{{1,18}})(?:\D.*?)?{_DIGITS}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Head:
    """Where the log ended at some moment: the last entry's number, its instant, the first digits of its hash."""

    number: int
    at: datetime
    digits: str

    @property
    def groups(self) -> str:
        return "-".join(self.digits[at : at + _GROUP] for at in range(0, DIGITS, _GROUP))

    def __str__(self) -> str:
        at = self.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return f"{self.number} {at} {self.groups}"


@dataclass(frozen=True, slots=True)
class Written:
    """A head as somebody copied it: the number and the digits; the time is for people."""

    number: int
    digits: str


def head_of(session: Session) -> Head | None:
    """Return the head of the log as this session sees it; None for an empty log."""
    row = session.execute(
        select(AuditEntry.id, AuditEntry.at, AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1)
    ).one_or_none()
    return None if row is None else Head(row.id, row.at, row.hash[:DIGITS])


def read_head(text: str) -> Written:
    """Return what a copied head says; spaces, hyphens and capitals do not matter, nor does the time.

    Raise InvalidInput("audit.head") for what is none.
    """
    match = _WRITTEN.fullmatch(text.strip().lower())
    if match is None:
        raise InvalidInput("audit.head", text=text.strip()[:80])
    return Written(int(match["number"]), re.sub(r"[\s-]", "", match["digits"]))
