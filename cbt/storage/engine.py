"""The engine of the database, embedded or PostgreSQL: opened with its gate, kept sound; what it cannot do now."""

from __future__ import annotations

import errno
import select
import sqlite3
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import flask
import psycopg
import sqlcipher3.dbapi2
from sqlalchemy import event, exc, text
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import DatabaseError, InvalidatePoolError

from cbt.clock import Clock
from cbt.config import Settings
from cbt.errors import InvalidInput, Unavailable
from cbt.storage.backup_folder import check_place
from cbt.storage.crypto import load_key
from cbt.storage.file_guard import GuardedFiles, handed_down
from cbt.storage.mirror import JournalCopy
from cbt.storage.private_files import make_folder, make_private
from cbt.storage.types import bind_instant, db
from cbt.storage.write_queue.write_lock import Gate, Occupancy

# The save path talks to the drivers directly, so their own errors come through as well.
_PASSING = (
    exc.OperationalError,
    exc.InterfaceError,
    exc.InternalError,
    exc.TimeoutError,
    sqlite3.OperationalError,
    sqlcipher3.dbapi2.OperationalError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.InternalError,
)


def cannot_persist(error: BaseException) -> bool:
    """Return whether `error` is the database's: a full or failing disk, a lost connection, a server that ended.

    So is a transaction that PostgreSQL ended because two waited for each other (40P01). The same request may be
    sent again then. Refused values and broken statements are not among them.

    Source: I12.
    """
    return isinstance(error, _PASSING) or type(error) is exc.DatabaseError


def is_damaged(error: BaseException) -> bool:
    """Return whether SQLite cannot read a page: its class of its own; every other kind has one below it."""
    return (
        type(error).__name__ == "DatabaseError"
        and type(getattr(error, "orig", error)).__name__ == "DatabaseError"
    )


_FULL = {"SQLITE_FULL", "ENOSPC", "EDQUOT", "53100"}


def failure_code(error: BaseException) -> str:
    """Return what SQLite, PostgreSQL or the system calls it (`SQLITE_FULL`, `53100`, `ENOSPC`), "" for none."""
    if isinstance(error, OSError):
        return errno.errorcode.get(error.errno or 0, "")
    return str(getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None) or "")


def gave_way(error: BaseException) -> bool:
    """Return whether PostgreSQL ended a transaction because it and another waited for each other.

    The same may be done again at once. Transactions lock rows in one order, so that it is not to happen at all.
    """
    return failure_code(getattr(error, "orig", None) or error) == "40P01"


def is_disk_full(error: BaseException) -> bool:
    """Return whether an error says that there is no more room. Source: I12."""
    return failure_code(error) in _FULL


# The engine of the database, embedded or PostgreSQL: opened with its gate, its connections kept sound.
#
# Connections to PostgreSQL that have ended are not handed out: the server was begun anew, or somebody cut
# them.

LATELY_SECONDS = 1.0
"""Who answered so lately is only looked at; who was silent for longer is asked, which is a round trip."""
_USED_AT = "cbt_used_at"


def look_at_connections(engine: Engine, timer: Callable[[], float] = time.monotonic) -> None:
    """Have each connection looked at before it is handed out, and those that have ended let go together."""
    dialect = engine.dialect

    @event.listens_for(engine, "checkin")
    def note(_connection: Any, record: Any) -> None:
        record.info[_USED_AT] = timer()

    @event.listens_for(engine, "checkout")
    def look(connection: Any, record: Any, _lent: Any) -> None:
        used_at = record.info.get(_USED_AT)  # None: it has just been opened
        if used_at is None or (_is_quiet(connection) and timer() - used_at < LATELY_SECONDS):
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            if dialect.is_disconnect(error, connection, None):
                raise InvalidatePoolError from error
            raise


def _is_quiet(connection: Any) -> bool:
    """Return whether a connection is open and its server says nothing unasked, as it does when it ends."""
    if connection.closed or not hasattr(select, "poll"):  # Windows: nobody can look, so it is asked
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)


DATABASE_NAME = "cbt.db"
GATE_NAME = "write.lock"
FILES = "cbt_files"
"""Where an app on the embedded database keeps its HeldFiles."""
WRITE = "cbt_write"
KEPT_CONNECTIONS, MOST_CONNECTIONS = 16, 80
"""So many connections to PostgreSQL a process keeps, and asks for at most."""


def database_path(settings: Settings) -> Path:
    return settings.data_dir / DATABASE_NAME


def database_place(settings: Settings) -> str:
    """Return where the database is, to be shown: the path of the file, or PostgreSQL's name of it and its host."""
    if settings.embedded:
        return str(database_path(settings))
    url = make_url(settings.database_url)
    return f"{url.database or ''}@{url.host or 'localhost'}"


def begin_installation(settings: Settings) -> None:
    """Make what a new installation needs before it can be opened: keys, and the empty file of its database.

    Only who has asked what is there (`cbt/ops/belonging`) may call this; what is there already stays.
    """
    if settings.embedded and settings.db_encryption:
        load_key(settings.keys, "database", may_create=True)
    load_key(settings.keys, "personal", may_create=True)
    if settings.embedded:
        make_folder(settings.data_dir)
        make_private(database_path(settings))  # SQLite gives its log and index the mode of the file


def init_database(app: flask.Flask, settings: Settings) -> None:
    """Give `app` its engine and its gate; open and make nothing, but read the key."""
    if settings.embedded:
        path = database_path(settings).resolve()
        # A file that went away is not made anew by whoever connects next.
        app.config["SQLALCHEMY_DATABASE_URI"] = URL.create(
            "sqlite", database=f"file:{quote(str(path))}", query={"mode": "rw", "uri": "true"}
        )
        options: dict[str, Any] = {
            "pool_size": 20,
            "max_overflow": 64,
            "pool_timeout": 10,
            "pool_use_lifo": True,
        }
        if settings.db_encryption:
            options["module"] = sqlcipher3.dbapi2
        else:
            warnings.warn("CBT_DB_ENCRYPTION=off: the database is kept in clear", stacklevel=2)
        gate_file = settings.data_dir / GATE_NAME
        files = GuardedFiles(path, handed_down(path), gate=gate_file)
        clock: Clock = app.extensions["cbt_clock"]
        gate = Gate(gate_file, files=files, occupancy=Occupancy(settings.data_dir, clock.now))
        app.extensions[FILES] = files
    else:
        app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
        options = {
            "pool_size": KEPT_CONNECTIONS,
            "max_overflow": MOST_CONNECTIONS - KEPT_CONNECTIONS,
            "pool_timeout": 10,
            "pool_use_lifo": True,
        }
        gate = Gate(None)
    # A refused statement is named in the log without its values: answers and personal data are among them.
    options["hide_parameters"] = True
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = options
    app.extensions["cbt_gate"] = gate
    db.init_app(app)
    with app.app_context():
        engine = db.engine
    if not settings.embedded:
        look_at_connections(engine)
        if settings.journal_copy_dir is not None:
            raise InvalidInput("copy.embedded_only")
        return
    key = load_key(settings.keys, "database", may_create=False) if settings.db_encryption else None
    gate.copy = copy = _second_copy(settings, key, files, app.extensions["cbt_clock"])
    _listen_sqlite(engine, key, copy, files)


def occupancy_of(app: flask.Flask) -> Occupancy | None:
    """Return what `app` knows of how long own work kept everybody from writing; None on PostgreSQL."""
    gate: Gate = app.extensions["cbt_gate"]
    return gate.occupancy


def begin_pulse(app: flask.Flask) -> None:
    """Have this process notice from now on when it is stopped: what it holds up then is no work of its own."""
    occupancy = occupancy_of(app)
    if occupancy is not None:
        occupancy.pulse.begin()


def files_of(app: flask.Flask) -> GuardedFiles | None:
    """Return what `app` knows of the files of its embedded database; None on PostgreSQL."""
    return app.extensions.get(FILES)


def _second_copy(
    settings: Settings, key: bytes | None, files: GuardedFiles, clock: Clock
) -> JournalCopy | None:
    folder = settings.journal_copy_dir
    if folder is None:
        return None
    check_place(settings, folder)
    path, required = database_path(settings), settings.journal_copy_required
    return JournalCopy(
        path,
        folder,
        key=key,
        keys=settings.keys,
        required=required,
        now=clock.now,
        kept=timedelta(hours=settings.journal_copy_hours),
        before_emptying=files.note_log,
        check_files=files.committed,
    )


def _listen_sqlite(engine: Engine, key: bytes | None, copy: JournalCopy | None, files: GuardedFiles) -> None:
    @event.listens_for(engine, "do_connect")
    def look_first(_dialect: Any, _record: Any, _arguments: Any, _options: Any) -> None:
        files.check_closely()

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun by the listener below
        if key is not None:
            connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA busy_timeout = 5000")
        connection.execute("PRAGMA cache_size = -16000")
        if copy is not None:
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            copy.keep_open()
        try:
            files.check()  # its log is open now: it is not one that was made in the place of the others'
        except Unavailable:
            connection.close()
            raise

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get(WRITE, False)
        # What touches no file cannot fail: it goes past SQLAlchemy, which makes a cursor and a result of it.
        driver = connection.connection.dbapi_connection
        assert driver is not None
        driver.execute(f"PRAGMA query_only = {0 if writing else 1}")
        if writing:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            driver.execute("BEGIN")


def check_readable(engine: Engine) -> None:
    """Read the first page of the database.

    Raise Unavailable("db.unreadable") when the file is damaged or the key is not its key,
    ("db.unreachable") when PostgreSQL does not answer.
    """
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            if engine.dialect.name == "sqlite":
                connection.execute(text("SELECT count(*) FROM sqlite_master"))
    except DatabaseError as error:
        if engine.dialect.name == "postgresql":
            raise Unavailable("db.unreachable", detail=type(error.orig).__name__) from error
        raise Unavailable("db.unreadable", detail=type(error.orig).__name__) from error


@dataclass(frozen=True, slots=True)
class Dialect:
    """The few places where the two databases write differently what is asked on a cursor of the driver."""

    name: str

    def sql(self, text: str) -> str:
        """Return `text`, written with `?`, in this driver's parameter style."""
        return text.replace("?", "%s") if self.name == "postgresql" else text

    def instant(self, value: datetime) -> Any:
        return bind_instant(value, self.name)

    def among(self, keys: Sequence[Any]) -> tuple[str, tuple[Any, ...]]:
        """Return what follows a column to find some keys (at least one), and its parameters.

        SQLite gets a list that is as long as the next power of two, so that a few prepared statements do.
        """
        if self.name == "postgresql":
            return "= ANY(%s)", (list(keys),)
        width = 1 << (len(keys) - 1).bit_length()
        padding = (keys[-1],) * (width - len(keys))
        return f"IN ({', '.join('?' * width)})", (*keys, *padding)
