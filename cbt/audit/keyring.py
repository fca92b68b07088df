"""The keys the log is chained under: `audit.key`, and those it had before; outside the database.

A new key takes its place in two steps, so that neither is ever ahead of the other: it is written as
`audit-<print>.key.new`, the database is told its fingerprint by the transaction that first uses it, and then the
file gets its name. A process that was killed in between leaves the second step to whoever comes next.

Source: R-64.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import flask

from cbt.config import Settings
from cbt.errors import Unavailable
from cbt.storage.backup_folder import sync_folder
from cbt.storage.crypto import KEY_BYTES, fingerprint, write_key

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
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_mtime_ns, found.st_size


def read_keyring(folder: Path, wanted: str | None) -> Keyring:
    """Read the key files; like `keyring`."""
    found: dict[str, tuple[Path, bytes]] = {}
    for path in [*folder.glob(f"{NAME}-*.key"), *folder.glob(f"{NAME}-*{_COMING}"), folder / PRESENT]:
        try:
            key = path.read_bytes()
        except FileNotFoundError:
            continue  # a key that gets its place this moment is found there, which is looked at last
        if len(key) != KEY_BYTES:
            raise Unavailable("db.key_damaged", path=str(path))
        found[fingerprint(key)] = (path, key)
    known = {print_: key for print_, (_, key) in found.items()}
    if not wanted:
        if not (folder / PRESENT).is_file():
            return Keyring("", b"", known)
        wanted = fingerprint((folder / PRESENT).read_bytes())
    place = found.get(wanted)
    # A former key is kept to read by; it is never the one in force again, whatever a database says.
    if place is None or not (place[0].name == PRESENT or place[0].name.endswith(_COMING)):
        raise Unavailable("audit.key_missing", path=str(folder / PRESENT), print=wanted)
    return Keyring(wanted, place[1], known)


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
