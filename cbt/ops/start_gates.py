"""The gates of a start: all that keeps `cbt serve` from serving, one list for the start and for `cbt doctor`.

Each looks, makes nothing, and raises what keeps the start, with the next command. What is in order may still be
changed between the look and the start; the preparation then refuses it by the same functions.

Source: I1, I12.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NoReturn

import sqlcipher3.dbapi2
from sqlalchemy import create_engine
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from cbt.audit.chain import check_key_there
from cbt.config import Settings
from cbt.errors import CbtError, Unavailable
from cbt.ops.backup.snapshot import database_key
from cbt.ops.file_permissions import check_hands
from cbt.ops.host_resources import check_port, server_of
from cbt.ops.preflight import Database, Intent, Ruling, ask, find, refuse
from cbt.ops.reinstatement import check_files, check_rescue
from cbt.storage.departure import refuse_moved
from cbt.storage.engine import database_path
from cbt.storage.migrate import check_revision
from cbt.storage.mirror import check_copy
from cbt.storage.raw_connection import open_to_read, quiet


def pass_gates(settings: Settings, intent: Intent) -> None:
    """Ask every gate, in order; raise what the first one refuses with."""
    for gate in GATES:
        gate(settings, intent)


def _hands(settings: Settings, _intent: Intent) -> None:
    check_hands(settings, serves=True)


def _server(settings: Settings, _intent: Intent) -> None:
    """Raise Unavailable("serve.running") while a server lives here, also one whose data folder was taken away."""
    holder = server_of(settings)
    if holder:
        raise Unavailable("serve.running", holder=holder, path=str(settings.data_dir))


def _rescue(settings: Settings, intent: Intent) -> None:
    check_rescue(settings, settles=intent is not Intent.USE)


def _belonging(settings: Settings, intent: Intent) -> None:
    ask(settings, intent)


READ_AT_START = (
    "departure",
    "audit_head",
    "server_heartbeat",
    "staff",
    "reasons_version",
    "blueprint_version",
    "sitting_room",
    "attempt",
)
"""Tables that a start goes through: a damaged page of one of them stops it, one elsewhere does not."""


def _tables(settings: Settings, _intent: Intent) -> None:
    """Ask the tables: of this version, not moved away, with their log's key; read what a start reads."""
    if settings.embedded and not _filled(settings):
        return
    try:
        with _looking(settings) as session:
            connection = session.connection()
            if check_revision(connection) is None:
                return
            refuse_moved(session)
            check_key_there(session, settings.keys)
            for table in READ_AT_START if settings.embedded else ():
                for _row in connection.exec_driver_sql(f"SELECT * FROM {table}"):
                    pass
    except DatabaseError as error:
        if not settings.embedded:
            raise Unavailable("db.unreachable", detail=type(error.orig).__name__) from error
        refuse_damaged(settings)


def _filled(settings: Settings) -> bool:
    path = database_path(settings)
    return path.is_file() and path.stat().st_size > 0


@contextmanager
def _looking(settings: Settings) -> Iterator[Session]:
    """Yield a session that cannot write, on a database of any version; it leaves a log that lies there as it is."""
    if settings.embedded:
        key = database_key(settings)
        options: dict[str, Any] = {"creator": lambda: open_to_read(database_path(settings), key)}
        engine = create_engine(
            "sqlite://",
            poolclass=NullPool,
            hide_parameters=True,
            **options,
            **({} if key is None else {"module": sqlcipher3.dbapi2}),
        )
    else:
        engine = create_engine(
            settings.database_url, poolclass=NullPool, hide_parameters=True
        ).execution_options(postgresql_readonly=True)
    with quiet(), Session(engine) as session:
        yield session


def refuse_damaged(settings: Settings) -> NoReturn:
    """Raise Unavailable("belonging.damaged") for an embedded database a page of which cannot be read."""
    remains = replace(find(settings), database=Database.SEALED, opened_by="")
    refuse(settings, remains, Ruling(refusal="belonging.damaged"))


def _copy(settings: Settings, _intent: Intent) -> None:
    if settings.embedded and settings.journal_copy_dir is not None and _filled(settings):
        check_copy(database_path(settings), settings.journal_copy_dir, database_key(settings))


def _log_file(settings: Settings, _intent: Intent) -> None:
    """Raise Unavailable("serve.log_file") where the log's file could not be opened to be written."""
    path = settings.log_file
    if path is None:
        return
    place = path if path.exists() else path.parent
    if path.is_dir() or not place.exists() or not os.access(place, os.W_OK):
        raise Unavailable("serve.log_file", path=str(path), detail="-")


def _port(settings: Settings, _intent: Intent) -> None:
    check_port(settings)


def _files(settings: Settings, _intent: Intent) -> None:
    check_files(settings, settles=False)


Gate = Callable[[Settings, Intent], None]
DATA: tuple[Gate, ...] = (_rescue, _belonging, _tables, _copy, _log_file)
GATES: tuple[Gate, ...] = (_hands, _server, *DATA, _port)
BESIDE: tuple[Gate, ...] = (_files, _belonging, _tables, _log_file)
"""What is asked beside a server: whether its files are in their places, and what its next start would meet."""


def data_refusal(settings: Settings, *, beside_server: bool) -> CbtError | None:
    """Return what the data and their keys would keep a start with, and change nothing; None when nothing does."""
    for gate in BESIDE if beside_server else DATA:
        try:
            gate(settings, Intent.USE)
        except CbtError as refused:
            return refused
    return None
