"""The keys and `cbt key`: listed, printed on paper, entered again, rotated, or given up when lost.

The commands look at keys without an app of the product, which would make those that are missing.

Source: I12; quality.md, Security.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
import sys
from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

import click
import flask
from sqlalchemy.orm import Session

from cbt.application.app import create_app
from cbt.audit.chain import (
    HEAD_ID,
    PRESENT,
    Tail,
    append,
    ensure_keyed,
    keyed_line,
    make_key,
    record,
    tail_of,
)
from cbt.audit.models import AuditHead
from cbt.audit.verification import content_of
from cbt.clock import SystemClock
from cbt.config import Settings, read_settings
from cbt.console.command import argument, group, option
from cbt.console.output import Answer, align, hint
from cbt.console.texts import text as _
from cbt.errors import Conflict, InvalidInput, Unavailable
from cbt.http.app_context import with_app
from cbt.ops.file_permissions import check_hands
from cbt.ops.host_resources import DataDirLock
from cbt.ops.preflight import Intent, decide, find, refuse
from cbt.storage.backup_folder import sync_folder
from cbt.storage.crypto import KEY_BYTES, PERSONAL, fingerprint, load_key, name_lost, write_key
from cbt.storage.engine import database_path
from cbt.storage.migrate import migrate, note_keys
from cbt.storage.private_files import copy_private
from cbt.storage.raw_connection import DATABASE_ERRORS, open_raw
from cbt.storage.server_time import database_time
from cbt.storage.types import db
from cbt.storage.unit_of_work import unit_of_work
from cbt.storage.write_queue.write_lock import Gate

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
    files = []
    for name in NAMES:
        if name == "database" and not (settings.embedded and settings.db_encryption):
            continue
        path = settings.keys / f"{name}.key"
        there = path.is_file()
        if name == "signing" and not there:
            continue  # made with the first package that is signed
        loose = there and os.name == "posix" and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
        print_ = fingerprint(load_key(settings.keys, name, may_create=False)) if there else ""
        files.append(KeyFile(name, path, print_, loose))
    return files


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
    filled = [line.lower() for line in lines if line.strip()]
    if len(filled) != KEY_BYTES // LINE_BYTES:
        raise InvalidInput("key.lines", count=KEY_BYTES // LINE_BYTES)
    key = b""
    for number, line in enumerate(filled, 1):
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


# Going on without the former `personal.key`: its numbers stay sealed for good, everything else is used as
# before.
#
# Source: I12; quality.md, Security.


def give_up_personal(settings: Settings) -> tuple[Path, str]:
    """Put a new `personal.key` in the place of the lost one and name it in the database; return it and its print.

    The server has to be stopped. Another installation's key that lies there is kept under its print. A run that was
    cut off is finished by a second one.

    Raise Conflict("key.personal_not_lost") when the key is there, Unavailable when it is something else that is
    missing, or ("serve.running").
    """
    check_hands(settings)
    DataDirLock(settings.data_dir).take(f"pid {os.getpid()}, key lost")
    remains = find(settings)
    ruling = decide(remains, Intent.USE)
    path = settings.keys / f"{PERSONAL}.key"
    if not ruling.refusal:
        raise Conflict("key.personal_not_lost", path=str(path))
    if ruling.key != PERSONAL:
        refuse(settings, remains, ruling)
    if path.is_file():
        path.replace(settings.keys / f"{PERSONAL}-{remains.keys[PERSONAL]}.key")
    write_key(path, key := secrets.token_bytes(KEY_BYTES))
    clock = SystemClock(database_time(settings))
    with create_app(settings, clock=clock).app_context():
        _name_new(remains.named.get(PERSONAL, ""), fingerprint(key), now=clock.now())
        db.engine.dispose()
    note_keys(settings)
    return path, fingerprint(key)


def _name_new(former: str, print_: str, *, now: datetime) -> None:
    migrate()
    with unit_of_work() as session:
        name_lost(session, former=former, print_=print_)
        before, after = {"key": former}, {"key": print_}
        record(
            session, at=now, actor="cli", act="key.lost", subject="key:personal", before=before, after=after
        )


@group("key", help="key.cli.key")
def key() -> None:
    """Look after the key files."""


@key.command("list", help="key.cli.list")
def list_command() -> Answer:
    """Print each key file with its fingerprint, which gives nothing of the key away."""
    files = key_files(read_settings())
    rows = [[one.name, one.fingerprint or _("key.not_there"), str(one.path)] for one in files]
    notes = [_("key.open_to_others", path=one.path) for one in files if one.open_to_others]
    return Answer([asdict(one) for one in files], align(rows), notes)


@key.command("print", help="key.cli.print")
@argument("name", type=click.Choice(NAMES), help="key.cli.name")
def print_command(name: str) -> Answer:
    """Print a key in lines with a check each. Whoever reads them can read the data."""
    value = load_key(read_settings().keys, name, may_create=False)
    lines = list(paper_lines(value))
    title = _("key.sheet", name=f"{name}.key", print=fingerprint(value))
    return Answer({"name": name, "fingerprint": fingerprint(value), "lines": lines}, [title, *lines])


@key.command("enter", help="key.cli.enter")
@argument("name", type=click.Choice(NAMES), help="key.cli.name")
def enter_command(name: str) -> Answer:
    """Read the lines of a printed key from standard input; overwrites nothing."""
    if sys.stdin.isatty():
        hint(_("key.type_lines"))
    value = read_paper(line for line in sys.stdin if line.lstrip()[1:2] == ":")
    path = read_settings().keys / f"{name}.key"
    enter_key(path, value)
    done = _("key.entered", path=path, print=fingerprint(value))
    return Answer({"name": name, "path": path, "fingerprint": fingerprint(value)}, [done])


@key.command("lost", help="key.cli.give_up")
@argument("name", type=click.Choice(("personal",)), help="key.cli.name")
def lost_command(name: str) -> Answer:
    """Give up the numbers that were sealed under the lost key, and make a new one (server stopped)."""
    path, print_ = give_up_personal(read_settings())
    words = [_("key.lost", path=path, print=print_), _("key.lost_then")]
    return Answer({"name": name, "path": path, "fingerprint": print_}, words)


@key.command("rotate", help="key.cli.rotate", alone="key.cli.alone")
@argument(
    "name", required=False, default="database", type=click.Choice(("database", "audit")), help="key.cli.new"
)
@option("--lost", is_flag=True, help="key.cli.lost")
def rotate_command(name: str, lost: bool) -> Answer:
    """Encrypt the embedded database under a new key, or chain the log under one; the former is kept."""
    if name == "audit":
        return _rotate_audit(lost=lost)
    settings = read_settings()
    kept, print_ = rotate(settings)
    path = settings.keys / "database.key"
    words = [_("key.rotated", path=path, print=print_), _("key.former_kept", path=kept)]
    return Answer({"name": name, "path": path, "fingerprint": print_, "former": kept}, words)


@with_app
def _rotate_audit(*, lost: bool, now: datetime) -> Answer:
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    print_ = rotate_audit_key(lost=lost, now=now)
    path = settings.keys / "audit.key"
    former = _("audit.key_former_lost" if lost else "audit.key_former_kept")
    return Answer(
        {"name": "audit", "path": path, "fingerprint": print_, "lost": lost},
        [_("audit.key_rotated", path=path, print=print_), former],
    )


commands: list[click.Command] = [key]
