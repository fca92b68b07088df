"""The backup of a database: a copy of what one transaction sees, and the manifest beside it.

A manifest says what the copy is, what is in it, and which keys open it; never a key itself.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from cbt.audit.chain import DIGITS, Head
from cbt.config import Settings
from cbt.errors import Conflict, InvalidInput, Unavailable
from cbt.releases import PRODUCT, product_version
from cbt.storage.backup_folder import (
    EMBEDDED_COPY,
    MANIFEST,
    POSTGRES_COPY,
    UNFINISHED,
    check_place,
    copy_name,
    read_manifest_as,
    remove,
    sync_folder,
)
from cbt.storage.crypto import KEYS, key_prints, load_key
from cbt.storage.engine import database_path, is_disk_full
from cbt.storage.private_files import FOLDER, give, make_folder, make_private, open_private
from cbt.storage.raw_connection import DATABASE_ERRORS, open_raw
from cbt.storage.types import from_micros

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


_FULL = "database or disk is full"
"""SQLite's own words."""
PAGES_PER_STEP = 64
PAUSE_SECONDS = 0.002
"""A step copies 256 KiB and is followed by a pause, so that the disk is the exam's again."""


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """What a database holds, as one transaction sees it."""

    revision: str
    attempts: int
    journal: int
    head: str
    """The head of the log in it, as `cbt audit head` prints it; "" for an empty log."""

    @property
    def counts(self) -> dict[str, int]:
        return {"attempts": self.attempts, "journal": self.journal}


def database_key(settings: Settings) -> bytes | None:
    """Return the key of the embedded database, None when it is kept in clear; raise as `load_key`."""
    return load_key(settings.keys, "database", may_create=False) if settings.db_encryption else None


def copy_embedded(settings: Settings, target: Path) -> DatabaseFacts:
    """Copy the database of a running installation to `target` and return what the copy holds.

    The source is read in one transaction, so the copy is one instant's and writers are neither stopped nor
    make it begin again; only the write-ahead log cannot be emptied meanwhile.
    """
    source_path = database_path(settings)
    if not source_path.is_file():
        raise Unavailable("safety.no_database", path=str(source_path))
    key = database_key(settings)
    try:
        with closing(open_raw(source_path, key)) as source, closing(open_raw(target, key)) as copy:
            source.execute("PRAGMA query_only = 1")
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the snapshot begins here
            source.backup(copy, pages=PAGES_PER_STEP, progress=_pause)
            source.execute("ROLLBACK")
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
    except DATABASE_ERRORS as error:
        # The source is only read. What copies pages gives no code.
        if is_disk_full(error) or str(error) == _FULL:
            full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            raise Unavailable("safety.no_room", path=str(target.parent), detail=full) from error
        raise Unavailable("db.unreadable", detail=type(error).__name__) from error
    return read_facts(target, key)


def read_facts(path: Path, key: bytes | None) -> DatabaseFacts:
    """Return what a copy holds; raise Unavailable("db.unreadable") for a damaged one or another key."""
    try:
        with closing(open_raw(path, key)) as copy:
            return facts_of(copy)
    except DATABASE_ERRORS as error:
        raise Unavailable("db.unreadable", detail=type(error).__name__) from error


def facts_of(connection: Any) -> DatabaseFacts:
    """Return what a database holds, over any DBAPI connection."""
    return DatabaseFacts(
        revision=str(_first(connection, "SELECT version_num FROM alembic_version")),
        attempts=int(_first(connection, "SELECT count(*) FROM attempt")),
        journal=int(_first(connection, "SELECT count(*) FROM journal")),
        head=_head(connection),
    )


def _head(connection: Any) -> str:
    query = "SELECT id, at, hash FROM audit_entry ORDER BY id DESC LIMIT 1"
    row = connection.execute(query).fetchone()
    if row is None:
        return ""
    at = row[1] if isinstance(row[1], datetime) else from_micros(int(row[1]))
    return str(Head(int(row[0]), at, str(row[2])[:DIGITS]))


def _first(connection: Any, query: str) -> Any:
    row = connection.execute(query).fetchone()
    return "" if row is None else row[0]


def _pause(_step: int, _left: int, _pages: int) -> None:
    time.sleep(PAUSE_SECONDS)


_TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"


def dump_postgres(settings: Settings, target: Path) -> DatabaseFacts:
    """Write the database to `target` in pg_dump's custom format and return what the copy holds.

    What is counted and what is dumped is one snapshot. Raise Unavailable("safety.tool_missing") or
    ("safety.tool_failed") about pg_dump, ("safety.unreachable") about the server.
    """
    tool = _tool("pg_dump")
    with _connect(settings) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        try:
            facts = facts_of(connection)
        except psycopg.Error as error:
            raise Unavailable("safety.no_database", path=_name(settings)) from error
        make_private(target)
        options = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={row[0]}"]
        _run([tool, *options, f"--file={target}"], settings)
    return facts


def restore_postgres(settings: Settings, source: Path) -> DatabaseFacts:
    """Load a dump into the empty database of `settings`, all or nothing, and return what it holds then.

    Raise Conflict("safety.not_empty") when there is a table in it, and as `dump_postgres`.
    """
    tool = _tool("pg_restore")
    with _connect(settings) as connection:
        row = connection.execute(_TABLES).fetchone()
    if row is not None and row[0]:
        raise Conflict("safety.not_empty", path=_name(settings))
    options = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
    _run([tool, *options, str(source)], settings)
    with _connect(settings) as connection:
        return facts_of(connection)


def _plain_url(settings: Settings) -> str:
    return settings.database_url.replace("postgresql+psycopg://", "postgresql://")


def _name(settings: Settings) -> str:
    return str(conninfo_to_dict(_plain_url(settings)).get("dbname", ""))


def _connect(settings: Settings) -> psycopg.Connection:
    try:
        return psycopg.connect(_plain_url(settings), connect_timeout=10)
    except psycopg.OperationalError as error:
        raise Unavailable("safety.unreachable", path=_name(settings)) from error


def _tool(name: str) -> str:
    executable = shutil.which(name)
    if executable is None:
        raise Unavailable("safety.tool_missing", tool=name)
    return executable


def _run(command: list[str], settings: Settings) -> None:
    # The password goes by the environment: a command line can be read by everybody on the machine.
    parts = conninfo_to_dict(_plain_url(settings))
    password = parts.pop("password", None)
    environment = os.environ | ({"PGPASSWORD": str(password)} if password else {})
    done = subprocess.run(
        [*command, f"--dbname={make_conninfo('', **parts)}"],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        # The first line names the cause; later ones may quote rows.
        raise Unavailable("safety.tool_failed", tool=Path(command[0]).name, said=lines[0] if lines else "")


def back_up(settings: Settings, destination: Path, *, now: datetime) -> tuple[Path, Manifest]:
    """Make a backup in a new folder below `destination` and return that folder and its manifest.

    The folder has its final name only once everything in it is on disk. No key goes into it.

    Raise InvalidInput("safety.place") for a destination that is served or holds the data or the keys,
    Unavailable("safety.no_room") when it cannot be written, and what the copying raises.
    """
    check_place(settings, destination)
    folder = destination / copy_name(now)
    making = folder.with_name(folder.name + UNFINISHED)
    if folder.exists():
        raise Conflict("safety.same_second", path=str(folder))
    try:
        make_folder(destination)
        making.mkdir(mode=FOLDER)
        give(making, making)
    except OSError as error:
        raise Unavailable("safety.no_room", path=str(destination), detail=error) from error
    try:
        manifest = _fill(settings, making, now=now)
        making.rename(folder)
        sync_folder(destination)
    except OSError as error:
        remove(making)
        raise Unavailable("safety.no_room", path=str(destination), detail=error) from error
    except BaseException:
        remove(making)
        raise
    return folder, manifest


def _fill(settings: Settings, folder: Path, *, now: datetime) -> Manifest:
    encrypted = settings.embedded and settings.db_encryption
    keys = key_prints(settings.keys, encrypted=encrypted)
    path = folder / (EMBEDDED_COPY if settings.embedded else POSTGRES_COPY)
    if settings.embedded:
        make_private(path)
        facts = copy_embedded(settings, path)
    else:
        facts = dump_postgres(settings, path)
    return describe(settings, path, facts, keys, now=now)


def describe(
    settings: Settings, path: Path, facts: DatabaseFacts, keys: dict[str, str], *, now: datetime
) -> Manifest:
    """Write the manifest beside a copy of the database; both are on disk when this returns."""
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())
    manifest = Manifest(
        product=PRODUCT,
        format=FORMAT,
        version=product_version(),
        made_at=now.astimezone(UTC).isoformat(timespec="seconds"),
        database="sqlite" if settings.embedded else "postgresql",
        file=path.name,
        encrypted=settings.embedded and settings.db_encryption,
        bytes=path.stat().st_size,
        sha256=file_hash(path),
        revision=facts.revision,
        counts=facts.counts,
        keys=keys,
        audit_head=facts.head,
    )
    manifest.write(path.parent)
    sync_folder(path.parent)
    return manifest
