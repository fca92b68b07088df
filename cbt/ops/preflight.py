"""The preflight of a start: what is there of an installation, and whether to go on, begin anew, or refuse.

`find` looks and changes nothing, `decide` is pure, `ask` and `opened` carry out. A refusal says which command
is next.

Source: I1, I12.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, NoReturn

import psycopg

from cbt.config import Settings
from cbt.errors import CbtError, Unavailable
from cbt.ops.file_permissions import check_hands
from cbt.storage.aside import is_nothing, keeping
from cbt.storage.backup_folder import EMBEDDED_COPY, POSTGRES_COPY, copies
from cbt.storage.crypto import DOCUMENT, NOTE, fingerprint, load_key, open_under, read_note, salt_of
from cbt.storage.engine import DATABASE_NAME, begin_installation, database_path, database_place
from cbt.storage.mirror import COPY_MANIFEST, read_copy
from cbt.storage.raw_connection import DATABASE_ERRORS, open_to_read, quiet
from cbt.storage.write_queue.write_lock import FILE_NAME


class Database(Enum):
    """What lies where the database should."""

    ABSENT = "absent"
    STILLBORN = "stillborn"
    """An empty file, no tables, or tables in which nothing ever was."""
    FILLED = "filled"
    SEALED = "sealed"
    """A file that cannot be opened: no key of it is here, or it is damaged."""


class Intent(Enum):
    """Who asks."""

    USE = "use"
    """A command, which uses what is there and begins nothing."""
    SERVE = "serve"
    NEW = "new"
    """`--new`: a new installation is meant, whatever keys lie there."""


@dataclass(frozen=True, slots=True)
class Remains:
    """What was found of an installation; a print is the fingerprint of a key, by the key's name."""

    database: Database
    embedded: bool = True
    wanted: tuple[str, ...] = ("database", "personal")
    """The keys that such an installation has."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """The prints of those that are there."""
    named: Mapping[str, str] = field(default_factory=dict)
    """The prints that the database names, or a note beside it, or its second copy."""
    proved: bool = True
    """Of a database that names none: what is sealed in it opens with the key there, or nothing is sealed."""
    log_left: bool = False
    """No database, but a log that was not yet in it."""
    copy: bool = False
    """The second copy is filled."""
    opened_by: str = ""
    """The former key file that opens what the present key does not."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """`begins`: make a new installation. `refusal`: the code of an error, "" to go on; `key` it is about."""

    begins: bool = False
    refusal: str = ""
    key: str = ""


def decide(remains: Remains, intent: Intent) -> Ruling:
    """Return what follows from what is there; whatever can hold an answer is never begun over.

    Source: I1.
    """
    if remains.database is Database.SEALED:
        return _sealed(remains)
    if remains.database is Database.FILLED:
        ruling = _filled(remains)
        already = intent is Intent.NEW and not ruling.refusal
        return Ruling(refusal="belonging.already") if already else ruling
    if remains.log_left:
        return Ruling(refusal="belonging.log_left")
    if remains.copy:
        gone = remains.database is Database.ABSENT
        return Ruling(refusal="copy.orphan" if gone else "belonging.stillborn_copy")
    nothing = not remains.keys and (remains.database is Database.ABSENT or not remains.embedded)
    if intent is Intent.USE and nothing:
        return Ruling(refusal="belonging.none")
    if intent is Intent.NEW or nothing:
        return Ruling(begins=True)
    if not remains.embedded:
        return Ruling(refusal="belonging.database_empty")
    gone = remains.database is Database.ABSENT
    return Ruling(refusal="belonging.database_gone" if gone else "belonging.stillborn")


def _sealed(remains: Remains) -> Ruling:
    missing = [name for name in remains.wanted if name not in remains.keys]
    if missing and missing[0] == "database":
        return Ruling(refusal="belonging.keys_missing", key="database")
    if remains.opened_by:
        return Ruling(refusal="belonging.former_key", key="database")
    wanted = remains.named.get("database", "")
    if "database" in remains.wanted and wanted not in ("", remains.keys["database"]):
        return Ruling(refusal="belonging.other_key", key="database")
    return Ruling(refusal="belonging.damaged" if wanted else "db.unreadable")


def _filled(remains: Remains) -> Ruling:
    personal = remains.keys.get("personal")
    if personal is None:
        return Ruling(
            refusal="belonging.keys_missing" if remains.embedded else "belonging.node_keys", key="personal"
        )
    if remains.named.get("personal", personal) != personal:
        return Ruling(refusal="belonging.other_key", key="personal")
    if "personal" not in remains.named and not remains.proved:
        return Ruling(refusal="belonging.unproved", key="personal")
    return Ruling()


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
        copy=copy_filled(settings),
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


def copy_filled(settings: Settings) -> bool:
    """Return whether there is a second copy to bring the data back from."""
    folder = settings.journal_copy_dir
    return folder is not None and (folder / COPY_MANIFEST).is_file()


def _former_key(settings: Settings, path: Path) -> str:
    """Return the former key file that opens the database; "" when none does."""
    for former in sorted(settings.keys.glob("database-*.key")):
        if _look(path, {"database": former.read_bytes()})[0] is not Database.SEALED:
            return str(former)
    return ""


# The one command that is next after a refusal; none of them removes what could hold an answer.
#
# Source: I1.

BACKUP = "BACKUP"
"""Stands for a backup where no folder of backups is set."""


def next_command(settings: Settings, remains: Remains, *, key: str, fstab: str) -> str:
    """Return what to type next: bring a key, mount the data, or bring the data back."""
    if remains.opened_by:
        return _exchange_keys(settings, remains)
    if key:
        return _key_command(settings, remains, key)
    mount = missing_mount(settings.data_dir, fstab) if settings.embedded else ""
    if mount:
        return shlex.join(["mount", mount])
    if remains.database is Database.SEALED or remains.log_left:
        return _bring_back(settings, copy=remains.copy)
    if settings.embedded and not remains.copy and not _newest(settings):
        return shlex.join(["findmnt", "--target", str(settings.data_dir)])
    stillborn = _FILES if remains.database is Database.STILLBORN else frozenset[str]()
    if settings.embedded and not is_empty(settings.data_dir, but=stillborn):
        return _bring_back(settings, copy=remains.copy)
    return _restore(settings, copy=remains.copy)


_FILES = frozenset({DATABASE_NAME, f"{DATABASE_NAME}-wal", f"{DATABASE_NAME}-shm"})
_LOCKS = {*(f"{name}.lock" for name in ("server", "write", "leader", "copy", "slots")), FILE_NAME, NOTE}
STILLBORN = f"{DATABASE_NAME}.stillborn"
"""What a database file that never held anything is called once it is set aside."""


def is_empty(folder: Path, *, but: frozenset[str] = frozenset()) -> bool:
    """Return whether a data folder has nothing `but` these names, locks, and what never held anything."""
    paths = list(folder.iterdir()) if folder.is_dir() else []
    names = {path.name for path in paths if not is_nothing(path)}
    return all(name.startswith(STILLBORN) for name in names - _LOCKS - but)


def instead_of_rescue(settings: Settings) -> str:
    """Return what to type where a rescue cannot be put back: keep what lies there, and bring the data back."""
    copy = copy_filled(settings)
    back = _bring_back(settings, copy=copy)
    return back if copy else f"{back} && cbt rescue --leave"  # a rebuilding settles the rescue itself


def bringing_back(settings: Settings) -> str:
    """Return the shortest way back of a database that lies there: kept aside, from the copy, else the backup."""
    return _bring_back(settings, copy=copy_filled(settings))


def _bring_back(settings: Settings, *, copy: bool) -> str:
    return f"{keeping(settings.data_dir, 'kept')} && {_restore(settings, copy=copy)}"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def _restore(settings: Settings, *, copy: bool) -> str:
    if copy:
        return shlex.join(["cbt", "restore", "--from-copy", str(settings.journal_copy_dir)])
    return shlex.join(["cbt", "restore", _newest(settings) or BACKUP])


def _newest(settings: Settings) -> str:
    if settings.backup_dir is None:
        return ""
    name = EMBEDDED_COPY if settings.embedded else POSTGRES_COPY
    try:
        backups = [path for path in copies(settings.backup_dir) if (path / name).is_file()]
    except OSError:
        return ""
    return str(backups[-1]) if backups else ""


def _exchange_keys(settings: Settings, disk: Remains) -> str:
    present = settings.keys / "database.key"
    aside = settings.keys / f"database-{disk.keys['database']}.key"
    return f"mv -n {_quoted(present)} {_quoted(aside)} && cp -p {_quoted(Path(disk.opened_by))} {_quoted(present)}"


def _key_command(settings: Settings, remains: Remains, key: str) -> str:
    path = settings.keys / f"{key}.key"
    if key not in remains.keys:
        if not remains.embedded:
            return shlex.join(["scp", "-p", f"NODE:{settings.keys.absolute()}/*.key", f"{settings.keys}/"])
        return shlex.join(["cbt", "key", "enter", key])
    aside = settings.keys / f"{key}-{remains.keys[key]}.key"
    return f"mv -n {_quoted(path)} {_quoted(aside)} && {shlex.join(['cbt', 'key', 'enter', key])}"


def missing_mount(folder: Path, fstab: str) -> str:
    """Return the mount point on the way to `folder` that fstab names and nothing is mounted on; "" for none."""
    way = [folder.absolute(), *folder.absolute().parents]
    points = {
        Path(parts[1]) for line in fstab.splitlines() if len(parts := line.split()) > 1 and parts[0][0] != "#"
    }
    return next(
        (str(one) for one in way if one in points and one != Path("/") and not os.path.ismount(one)), ""
    )


BEGINNING = 0x6362_7433
"""PostgreSQL's advisory lock of who begins an installation: of two nodes that start at once one makes the keys."""
FSTAB = Path("/etc/fstab")


def ask(settings: Settings, intent: Intent = Intent.USE) -> Ruling:
    """Return what follows from what is there; nothing is made or changed.

    Raise Unavailable or NotAllowed with what is there, what it means and the next command.
    """
    check_hands(settings, serves=intent is not Intent.USE)
    remains = find(settings)
    ruling = decide(remains, intent)
    if ruling.refusal:
        refuse(settings, remains, ruling)
    return ruling


def refuse(settings: Settings, remains: Remains, ruling: Ruling) -> NoReturn:
    """Raise what a ruling refuses with, as Unavailable."""
    raise Unavailable(ruling.refusal, **_parameters(settings, remains, ruling.key))


@contextmanager
def opened(settings: Settings, intent: Intent) -> Iterator[None]:
    """Ask, and make what a new installation needs; until the end of the block no other node begins one."""
    with _alone(settings):
        if ask(settings, intent).begins:
            begin_installation(settings)
        yield


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    if settings.embedded:  # the lock of the data folder is held
        yield
        return
    url = settings.database_url.replace("postgresql+psycopg://", "postgresql://")
    try:
        connection = psycopg.connect(url, autocommit=True)
    except psycopg.Error as error:
        raise Unavailable("db.unreachable", detail=type(error).__name__) from error
    with connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (BEGINNING,))
        yield


def _parameters(settings: Settings, remains: Remains, key: str) -> dict[str, str]:
    """Return what the sentences of the refusals name."""
    name = key or "personal"
    return {
        "data": str(settings.data_dir),
        "keys": str(settings.keys),
        "database": database_place(settings),
        "path": str(settings.keys / f"{key}.key") if key else str(settings.journal_copy_dir),
        "key": f"{name}.key",
        "here": remains.keys.get(name, "-"),
        "wanted": remains.named.get(name, "-"),
        "former": remains.opened_by,
        "detail": remains.database.value,
        "command": next_command(settings, remains, key=key, fstab=_fstab()),
    }


def _fstab() -> str:
    try:
        return FSTAB.read_text("utf-8", "replace")
    except OSError:
        return ""
