"""What is there of an installation, looked at without making or changing anything.

Source: I1, I12.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from cbt.config import Settings
from cbt.db.engine import database_path
from cbt.db.private.keys import fingerprint, load_key
from cbt.db.private.prints import read_note, salt_of
from cbt.db.private.sealing import open_under
from cbt.db.raw import DATABASE_ERRORS, open_to_read, quiet
from cbt.db.second_copy.folder import COPY_MANIFEST, read_copy
from cbt.errors import CbtError, Unavailable
from cbt.ops.belonging.ruling import Database, Remains
from cbt.personal.numbers import DOCUMENT

PATIENCE_SECONDS = 5
PROOFS = 50
"""Sealed numbers that are tried: a damaged row or two does not make it another key."""
_LOCAL = "SELECT name FROM sqlite_master WHERE type = 'table'"
_SERVER = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"


def find(settings: Settings) -> Remains:
    """Look at keys, database and second copy.

    Raise Unavailable("db.key_damaged") for a cut key, ("db.unreachable") when PostgreSQL does not answer.
    """
    encrypted = settings.embedded and settings.db_encryption
    wanted = ("database", "personal") if encrypted else ("personal",)
    keys = {
        name: load_key(settings.keys, name, may_create=False)
        for name in wanted
        if (settings.keys / f"{name}.key").is_file()
    }
    return _embedded(settings, wanted, keys) if settings.embedded else _on_server(settings, wanted, keys)


def _prints(keys: dict[str, bytes]) -> dict[str, str]:
    return {name: fingerprint(key) for name, key in keys.items()}


def _embedded(settings: Settings, wanted: tuple[str, ...], keys: dict[str, bytes]) -> Remains:
    path = database_path(settings)
    size = path.stat().st_size if path.is_file() else -1
    state, named, proved = Database.ABSENT, dict[str, str](), True
    if size == 0:
        state = Database.STILLBORN
    elif size > 0:
        state, named, proved = _look(path, keys)
        named = _named_elsewhere(settings) | named
    log = path.with_name(f"{path.name}-wal")
    sealed = state is Database.SEALED
    return Remains(
        state,
        wanted=wanted,
        keys=_prints(keys),
        named=named,
        proved=proved,
        log_left=size <= 0 and log.is_file() and log.stat().st_size > 0,
        copy=_copy_filled(settings),
        opened_by=_former_key(settings, path) if sealed and settings.db_encryption else "",
    )


def _look(path: Path, keys: dict[str, bytes]) -> tuple[Database, dict[str, str], bool]:
    try:
        with quiet(), closing(open_to_read(path, keys.get("database"))) as connection:
            return _read(connection, _LOCAL, keys.get("personal"))
    except DATABASE_ERRORS:
        return Database.SEALED, {}, True


def _on_server(settings: Settings, wanted: tuple[str, ...], keys: dict[str, bytes]) -> Remains:
    url = settings.database_url.replace("postgresql+psycopg://", "postgresql://")
    try:
        with psycopg.connect(url, connect_timeout=PATIENCE_SECONDS, autocommit=True) as connection:
            state, named, proved = _read(connection, _SERVER, keys.get("personal"))
    except psycopg.Error as error:
        raise Unavailable("db.unreachable", detail=type(error).__name__) from error
    return Remains(state, embedded=False, wanted=wanted, keys=_prints(keys), named=named, proved=proved)


def _read(connection: Any, tables: str, personal: bytes | None) -> tuple[Database, dict[str, str], bool]:
    """Return what a readable database is, which prints it names, and whether the key opens what is sealed."""
    there = {row[0] for row in connection.execute(tables).fetchall()}
    named = dict[str, str]()
    if "key_print" in there:
        named = dict(connection.execute('SELECT name, "print" FROM key_print').fetchall())
    content = named or any(
        table in there and connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()
        for table in ("audit_entry", "staff", "candidate")
    )
    if not content:
        return Database.STILLBORN, {}, True
    proved = bool(named) or personal is None or "candidate" not in there or _opens(connection, personal)
    return Database.FILLED, named, proved


def _opens(connection: Any, personal: bytes) -> bool:
    """Return whether any of the first sealed numbers opens; true when there is none."""
    rows = connection.execute(f"SELECT document_sealed FROM candidate LIMIT {PROOFS}").fetchall()
    return not rows or any(_one_opens(personal, bytes(row[0])) for row in rows)


def _one_opens(personal: bytes, sealed: bytes) -> bool:
    try:
        open_under(personal, sealed, DOCUMENT)
    except Unavailable:
        return False
    return True


def _named_elsewhere(settings: Settings) -> dict[str, str]:
    """Return the prints that stand beside this very file, or in the second copy of it."""
    path = database_path(settings)
    folder = settings.journal_copy_dir
    try:
        copy = read_copy(folder) if folder is not None and folder.is_dir() else None
    except CbtError:
        copy = None
    of_copy = copy.keys if copy is not None and copy.salt and copy.salt == salt_of(path) else {}
    return of_copy | read_note(path)


def _copy_filled(settings: Settings) -> bool:
    folder = settings.journal_copy_dir
    return folder is not None and (folder / COPY_MANIFEST).is_file()


def _former_key(settings: Settings, path: Path) -> str:
    """Return the former key file that opens the database; "" when none does."""
    for former in sorted(settings.keys.glob("database-*.key")):
        if _look(path, {"database": former.read_bytes()})[0] is not Database.SEALED:
            return str(former)
    return ""
