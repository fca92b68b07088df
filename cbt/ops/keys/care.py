"""Looking after the keys: which there are, on paper and back, and a new key for the database.

Source: quality.md, Security.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import flask
from sqlalchemy.orm import Session

from cbt.audit.chain import append, ensure_keyed, tail_of
from cbt.audit.keyring import PRESENT, make_key
from cbt.audit.models import AuditHead
from cbt.audit.sealing import HEAD_ID, Tail, keyed_line
from cbt.audit.verifying import content_of
from cbt.config import Settings
from cbt.db.copies import sync_folder
from cbt.db.engine import database_path
from cbt.db.migrate import note_keys
from cbt.db.private.files import copy_private
from cbt.db.private.keys import KEY_BYTES, fingerprint, load_key, write_key
from cbt.db.raw import DATABASE_ERRORS, open_raw
from cbt.db.unit_of_work import unit_of_work
from cbt.db.writing.gate import Gate
from cbt.errors import Conflict, InvalidInput, Unavailable
from cbt.ops.belonging.hands import check_hands
from cbt.ops.hosting import DataDirLock

NAMES = ("database", "personal", "audit", "cookies", "signing")
LINE_BYTES = 8
_COMING = "database.key.new"


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A key file: its fingerprint ("" when there is none) and whether others may read it."""

    name: str
    path: Path
    fingerprint: str
    open_to_others: bool


def key_files(settings: Settings) -> list[KeyFile]:
    """Return the key files of an installation; raise Unavailable("db.key_damaged") for a cut one."""
    found = []
    for name in NAMES:
        if name == "database" and not (settings.embedded and settings.db_encryption):
            continue
        path = settings.keys / f"{name}.key"
        there = path.is_file()
        if name == "signing" and not there:
            continue  # made with the first package that is signed
        loose = there and os.name == "posix" and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
        print_ = fingerprint(load_key(settings.keys, name, may_create=False)) if there else ""
        found.append(KeyFile(name, path, print_, loose))
    return found


def paper_lines(key: bytes) -> list[str]:
    """Return a key as lines to print or copy by hand: 8 bytes each, with a check of its own at the end."""
    return [
        _line(number, key[at : at + LINE_BYTES])
        for number, at in enumerate(range(0, KEY_BYTES, LINE_BYTES), 1)
    ]


def _line(number: int, part: bytes) -> str:
    text = part.hex()
    check = hashlib.sha256(bytes([number]) + part).hexdigest()[:4]
    return " ".join([f"{number}:", *(text[at : at + 4] for at in range(0, len(text), 4)), "-", check])


def read_paper(lines: Iterable[str]) -> bytes:
    """Return the key that was written by `paper_lines`; spaces and capitals do not matter.

    Raise InvalidInput("key.line", number=…) for a line with a slip in it, ("key.lines") when some are missing.
    """
    given = [line.lower() for line in lines if line.strip()]
    if len(given) != KEY_BYTES // LINE_BYTES:
        raise InvalidInput("key.lines", count=KEY_BYTES // LINE_BYTES)
    key = b""
    for number, line in enumerate(given, 1):
        digits = "".join(line.partition(":")[2].replace("-", " ").split())
        try:
            part = bytes.fromhex(digits[: 2 * LINE_BYTES])
        except ValueError as error:
            raise InvalidInput("key.line", number=number) from error
        if "".join(_line(number, part).split()) != "".join(line.split()):
            raise InvalidInput("key.line", number=number)
        key += part
    return key


def enter_key(path: Path, key: bytes) -> None:
    """Write a key file; raise Conflict("key.there") when there is one."""
    try:
        write_key(path, key)
    except FileExistsError as error:
        raise Conflict("key.there", path=str(path)) from error


def rotate(settings: Settings) -> tuple[Path, str]:
    """Encrypt the embedded database under a new key; return where the former is kept, and the new print.

    The server has to be stopped. The database is written anew beside the old one and checked before it takes
    its place; what was cut off in the middle is finished by a second run. Backups made before need the
    former key.

    Raise InvalidInput("key.no_database_key"), Unavailable("serve.running"), ("db.unreadable") or
    ("safety.no_room").
    """
    if not settings.embedded or not settings.db_encryption:
        raise InvalidInput("key.no_database_key")
    check_hands(settings)
    database = database_path(settings)
    if not database.is_file():
        raise Unavailable("safety.no_database", path=str(database))
    DataDirLock(settings.data_dir).take(f"pid {os.getpid()}, key rotate")
    former = load_key(settings.keys, "database", may_create=False)
    kept = settings.keys / f"database-{fingerprint(former)}.key"
    coming = settings.keys / _COMING
    with Gate(settings.data_dir / "write.lock")():
        if coming.is_file() and _opens(database, coming.read_bytes()):
            return kept, _take_over(settings, coming)
        coming.unlink(missing_ok=True)
        fresh = secrets.token_bytes(KEY_BYTES)
        write_key(coming, fresh)
        if not kept.exists():
            write_key(kept, former)
        try:
            _encrypt_anew(database, former, fresh)
        except DATABASE_ERRORS as error:
            coming.unlink()
            raise Unavailable("db.unreadable", detail=type(error).__name__) from error
        except OSError as error:
            coming.unlink()
            raise Unavailable("safety.no_room", path=str(database.parent), detail=error) from error
        return kept, _take_over(settings, coming)


def _take_over(settings: Settings, coming: Path) -> str:
    coming.replace(settings.keys / "database.key")
    sync_folder(settings.keys)
    note_keys(settings)
    return fingerprint(load_key(settings.keys, "database", may_create=False))


def _encrypt_anew(database: Path, former: bytes, fresh: bytes) -> None:
    with closing(open_raw(database, former)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    arriving = database.with_name(f"{database.name}.rekeyed")
    try:
        copy_private(database, arriving)
        with closing(open_raw(arriving, former)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute(f"PRAGMA rekey = \"x'{fresh.hex()}'\"")
        with closing(open_raw(arriving, fresh)) as connection:
            wrong = connection.execute("PRAGMA cipher_integrity_check").fetchall()
            wrong += [row for row in connection.execute("PRAGMA integrity_check(1)") if row[0] != "ok"]
            if wrong:
                raise Unavailable("db.unreadable", detail=str(wrong[0][0]))
        with arriving.open("rb+") as handle:
            os.fsync(handle.fileno())
        for suffix in ("-wal", "-shm"):
            database.with_name(database.name + suffix).unlink(missing_ok=True)
        arriving.replace(database)
        sync_folder(database.parent)
    finally:
        arriving.unlink(missing_ok=True)


def _opens(database: Path, key: bytes) -> bool:
    try:
        with closing(open_raw(database, key)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except DATABASE_ERRORS:
        return False
    return True


def rotate_audit_key(*, lost: bool, now: datetime) -> str:
    """Begin a new key for the log and return its print; its first entry seals the change.

    The former key stays beside it under its print: what was chained with it is proved by it. With `lost` there
    is no former key any more; a digest of all entries takes its place, so that they cannot be changed from now
    on, and `cbt audit verify` says how many are not proved before that.

    Raise Unavailable("audit.key_missing") without `lost` when the key in force is not there, and
    Conflict("audit.key_not_lost") with it when it is.
    """
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    with unit_of_work() as session:
        tail = _lost_tail(session, settings, now=now) if lost else _present_tail(session, now=now)
        key = make_key(settings.keys)
        print_ = fingerprint(key)
        more = {"lost": "1", "content": content_of(session)} if lost else {}
        line = keyed_line(now, print_, former=tail.print_, **more)
        append(session, replace(tail, print_=print_, key=key, fresh_key=True), [line])
    return print_


def _present_tail(session: Session, *, now: datetime) -> Tail:
    ensure_keyed(session, at=now)  # what has to be said before is still said under the former key
    return tail_of(session, at=now)


def _lost_tail(session: Session, settings: Settings, *, now: datetime) -> Tail:
    try:
        tail_of(session, at=now)
    except Unavailable as error:
        if error.code != "audit.key_missing":
            raise
    else:
        raise Conflict("audit.key_not_lost", path=str(settings.keys / PRESENT))
    head = session.get_one(AuditHead, HEAD_ID)
    return Tail(head.last_id, head.hash, head.key_print, b"")
