"""Which keys a database was written with: their fingerprints, in the database and beside an embedded one.

A fingerprint tells keys apart and gives nothing away. The table goes wherever the database goes: into backups, into
the second copy, to another machine. Beside an embedded database there is a note as well, for who holds the file and
not its key. The log's key is named by its head (`cbt/audit`).

Source: I12; quality.md, Security.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
from sqlalchemy import String, delete, insert, inspect, select
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, Session, mapped_column

from cbt.db.copies import sync_folder
from cbt.db.private.files import make_private
from cbt.db.types import Base

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
        found = database.stat()
    except FileNotFoundError:
        return ""
    file = found.st_dev, found.st_ino
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
