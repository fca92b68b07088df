"""The move of a database and `cbt move`: copied table by table, compared, and kept at once or not at all.

Every value of every row is compared, and then what the product makes of them.

Source: I6, I7; R-64.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import cast

import click
import flask
import psycopg
from sqlalchemy import Table, delete, inspect, select, text, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from cbt.audit.chain import HEAD_ID, head_of, keyring, record
from cbt.audit.models import AuditEntry, AuditHead
from cbt.config import Settings
from cbt.console.command import command, option
from cbt.console.output import Answer, Progress
from cbt.console.texts import text as _
from cbt.errors import CbtError, Unavailable
from cbt.http.app_context import with_any_database
from cbt.ops.backup.verification import StoredCheck, check_in
from cbt.ops.host_resources import DataDirLock
from cbt.ops.move_endpoints import (
    Destination,
    EmbeddedTarget,
    PostgresTarget,
    RowDigest,
    Rows,
    blocks,
    connect_file,
    count,
    embedded_database,
    hold_still,
    postgres_database,
    prepare_postgres,
    read_destination,
    refuse_connected,
    tables,
)
from cbt.runner.models import Attempt
from cbt.runner.save.digest import journal_digests
from cbt.storage.crypto import load_key
from cbt.storage.departure import DEPARTURE_ID, LEAVING, LEFT, Departure, check_not_moved, departure_of
from cbt.storage.engine import WRITE, cannot_persist, database_path
from cbt.storage.migrate import check_migrated
from cbt.storage.types import db, new_ref
from cbt.storage.unit_of_work import follow_commit
from cbt.storage.write_queue.write_lock import Gate

_WIDTH = 30


def bar(done: int, of: int) -> str:
    full = _WIDTH if of <= 0 else min(_WIDTH, _WIDTH * done // of)
    return f"[{'#' * full}{'-' * (_WIDTH - full)}]"


def line(what: str, name: str, done: int, of: int) -> str:
    """Return what is done (`copy`, `compare`, `check`), to which table or check, and how much of how much."""
    return f"{bar(done, of)} {_(f'move.step.{what}')} {name} {done}/{of}"


DISK_FULL = "53100"
"""What PostgreSQL calls a disk that is full."""
FAILURES = (OSError, DBAPIError, psycopg.Error)


def explained(error: Exception, *, embedded: str, postgres: str, arrives: bool) -> CbtError | None:
    """Return what `error` means, None when it is nobody's but ours.

    `embedded` and `postgres` are the two places; `arrives` says whether the embedded one is filled.
    """
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, psycopg.Error):
        if getattr(cause, "sqlstate", None) == DISK_FULL:
            return Unavailable("move.no_room", place=postgres)
        if cannot_persist(error):
            return Unavailable("move.cut_off", place=postgres, detail=type(cause).__name__)
        return None
    if arrives and (isinstance(error, OSError) or cannot_persist(error)):
        return Unavailable("move.no_room", place=embedded)
    if isinstance(error, DBAPIError) and cannot_persist(error):
        return Unavailable("db.unreadable", detail=type(cause).__name__)
    return None


MOVED = "database.move"
"""The act under which the log of the new database says where it came from."""


def has_arrived(destination: Destination, *, ref: str) -> bool:
    """Return whether the database at `destination` has the move `ref`; raise when it cannot be asked."""
    settings = destination.settings
    if not settings.embedded:
        with postgres_database(destination) as connection:
            return _has(connection, ref)
    path = database_path(settings)
    if not path.exists():
        return False
    key = load_key(settings.keys, "database", may_create=False) if settings.db_encryption else None
    with closing(connect_file(path, key)) as connection:
        return _has(connection, ref)


def _has(connection: Connection, ref: str) -> bool:
    if not inspect(connection).has_table(AuditEntry.__tablename__):
        return False
    entry = select(AuditEntry.id).where(AuditEntry.act == MOVED, AuditEntry.subject == f"move:{ref}")
    return connection.scalar(entry) is not None


CHECKS = ("foreign_keys", "audit", "forms", "journals", "scores", "rulings", "personal")
"""What `cbt verify` looks at that does not depend on how a database keeps it."""
CHUNK = 200
Tell = Callable[[str, str, int, int], None]
"""Called with what is done (`copy`, `compare`, `check`), to which table or check, and how much of how much."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What was found the same in both places."""

    rows: dict[str, int]
    """Rows by table."""
    attempts: int
    """Attempts whose journals have the same digest."""
    audit_head: str
    checks: tuple[StoredCheck, ...]
    """What the checks say; what one finds was found where the rows came from, too."""


def compare(source: Session, target: Session, copied: dict[str, RowDigest], tell: Tell) -> Compared:
    """Read all that arrived and compare it; raise Unavailable("move.differs") naming what is not the same."""
    for table in tables():
        content, sent = RowDigest(), copied[table.name]
        with closing(blocks(target.connection(), table)) as arrived:
            for block in arrived:
                content.add(block)
                tell("compare", table.name, content.rows, sent.rows)
        if (content.rows, content.digest) != (sent.rows, sent.digest):
            raise Unavailable("move.differs", what=table.name)
    head = head_of(source)
    if head_of(target) != head:
        raise Unavailable("move.differs", what="audit_head")
    attempts = _compare_journals(source, target)
    checks = tuple(_check(source, target, tell))
    rows = {name: content.rows for name, content in copied.items()}
    return Compared(rows, attempts, "" if head is None else str(head), checks)


def _compare_journals(source: Session, target: Session) -> int:
    looked_at = 0
    for ids in _attempts(source):
        if journal_digests(source, ids) != journal_digests(target, ids):
            raise Unavailable("move.differs", what="journal")
        looked_at += len(ids)
    return looked_at


def _attempts(session: Session) -> Iterator[Sequence[int]]:
    after = 0
    while ids := session.scalars(
        select(Attempt.id).where(Attempt.id > after).order_by(Attempt.id).limit(CHUNK)
    ).all():
        after = ids[-1]
        yield ids


def _check(source: Session, target: Session, tell: Tell) -> Iterator[StoredCheck]:
    """Run every check there; what it finds is no fault of the move when it finds the same here."""
    for number, name in enumerate(CHECKS):
        tell("check", name, number, len(CHECKS))
        check = check_in(target, name)
        if not check.ok and check.findings != check_in(source, name).findings:
            raise Unavailable("move.differs", what=name)
        yield check
    tell("check", "", len(CHECKS), len(CHECKS))


# Moving a database: copied table by table within one transaction, compared, and kept at once or not at all.
#
#     copied and compared → the old database says LEAVING → the new one is kept → the old one says LEFT
#
# Whatever ends a move before LEAVING leaves the old database as it was and nothing in the new place. What
# ends it
# after that is settled by running it again: the log of the new database says whether it has that move.

Target = PostgresTarget | EmbeddedTarget


@dataclass(frozen=True, slots=True)
class MoveResult:
    """A move that is done; `compared` is None where it only had to be finished."""

    ref: str
    source: str
    destination: Destination
    compared: Compared | None


def move(settings: Settings, destination: Destination, *, now: datetime, tell: Tell) -> MoveResult:
    """Move the database of this app to `destination`, where nothing is yet.

    Raise Unavailable("serve.running") or Conflict("move.connected") while somebody serves it,
    Unavailable("db.moved") when it was moved before, and what the places refuse with.
    """
    DataDirLock(settings.data_dir).take(f"pid {os.getpid()}, move")
    there = destination.settings
    if there.embedded and there.data_dir.absolute() != settings.data_dir.absolute():
        DataDirLock(there.data_dir).take(f"pid {os.getpid()}, move")
    db.engine.dispose()  # what this process still has open is nobody who serves
    gate = cast(Gate, flask.current_app.extensions["cbt_gate"])
    with gate(), _explaining(settings, destination):
        begun = _begun(destination)
        if begun is not None and has_arrived(destination, ref=begun):
            _say_left()
            return MoveResult(begun, _place_of(settings), destination, None)
        ref = new_ref("mv")
        compared = _move(settings, destination, ref=ref, now=now, tell=tell)
        _say_left()
    return MoveResult(ref, _place_of(settings), destination, compared)


@contextmanager
def _explaining(settings: Settings, destination: Destination) -> Iterator[None]:
    here, there = _place_of(settings), destination.place
    embedded, postgres = (here, there) if settings.embedded else (there, here)
    try:
        yield
    except FAILURES as error:
        refusal = explained(error, embedded=embedded, postgres=postgres, arrives=not settings.embedded)
        if refusal is None:
            raise
        raise refusal from error


def _begun(destination: Destination) -> str | None:
    """Return the ref of a move to `destination` that was cut off at its end, None when none was."""
    with Session(db.engine) as session:
        departure = departure_of(session)
    if departure is not None and (departure.state, departure.place) == (LEAVING, destination.place):
        return departure.ref
    check_not_moved()
    return None


def _move(settings: Settings, destination: Destination, *, ref: str, now: datetime, tell: Tell) -> Compared:
    with _writing() as source, _target(source, settings, destination) as target:
        copied = {table.name: _copy(source, target, table, tell) for table in tables()}
        target.settle()
        with Session(target.connection) as there:
            compared = compare(source, there, copied, tell)
            facts = {"from": _place_of(settings), "to": destination.place}
            record(there, at=now, actor="cli", act=MOVED, subject=f"move:{ref}", after=facts)
            there.commit()  # into the transaction of the target, which is kept last
        if not settings.embedded:
            refuse_connected(source.connection())
        source.execute(delete(Departure))
        source.add(Departure(id=DEPARTURE_ID, ref=ref, at=now, place=destination.place, state=LEAVING))
        source.commit()
        target.commit()
        follow_commit(there)
    return compared


def _copy(source: Session, target: Target, table: Table, tell: Tell) -> RowDigest:
    content = RowDigest()
    of = count(source.connection(), table)
    with closing(blocks(source.connection(), table)) as read:

        def taken() -> Iterator[Rows]:
            for block in read:
                content.add(block)
                yield block
                tell("copy", table.name, content.rows, of)

        target.load(table, taken())
    return content


@contextmanager
def _target(source: Session, settings: Settings, destination: Destination) -> Iterator[Target]:
    """Open the place, empty and with this version's tables, and hold the old database still."""
    head = source.get(AuditHead, HEAD_ID)
    keyring(
        head.key_print if head is not None else None
    )  # a key that is not there is told before the copying
    if settings.embedded:
        with postgres_database(destination) as connection:
            yield prepare_postgres(connection, place=destination.place)
        return
    hold_still(source.connection())
    needed = source.scalar(text("SELECT pg_database_size(current_database())"))
    with embedded_database(destination, needed=int(needed or 0)) as target:
        yield target


@contextmanager
def _writing() -> Iterator[Session]:
    """Hold a writing transaction under the gate, which is kept by `commit` alone."""
    with Session(db.engine.execution_options(**{WRITE: True}), expire_on_commit=False) as session:
        yield session


def _say_left() -> None:
    with _writing() as source:
        source.execute(update(Departure).values(state=LEFT))
        source.commit()


def _place_of(settings: Settings) -> str:
    return Destination(settings, {}).place


@command("move", help="move.cli.move", alone="console.alone")
@option("--to", "destination", required=True, metavar="PLACE", help="move.cli.to")
@with_any_database
def move_command(destination: str, *, now: datetime) -> Answer:
    """Copy, compare, keep at once; the old database is kept and marked as moved."""
    check_migrated()
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    place = read_destination(destination, settings)
    with Progress() as progress:
        moved = move(settings, place, now=now, tell=lambda *told: progress.tell(line(*told)))
    return Answer(_as_data(moved), list(_words(moved)))


def _as_data(moved: MoveResult) -> dict[str, object]:
    compared = moved.compared
    return {
        "moved": moved.ref,
        "from": moved.source,
        "to": moved.destination.place,
        "settings": moved.destination.changes,
        **({} if compared is None else asdict(compared)),
    }


def _words(moved: MoveResult) -> Iterator[str]:
    there, compared = moved.destination, moved.compared
    if compared is None:
        yield _("move.finished", place=there.place)
    else:
        rows = sum(compared.rows.values())
        yield _("move.done", place=there.place, tables=len(compared.rows), rows=rows)
        yield _("move.compared", attempts=compared.attempts, head=compared.audit_head)
        for check in compared.checks:
            if not check.ok:
                name = _(f"safety.check.{check.name}")
                yield _("move.as_before", check=name, count=len(check.findings))
    yield _("move.settings")
    for name, value in there.changes.items():
        yield "  " + (_("move.take_out", name=name) if value is None else f"{name}={value}")
    if not there.settings.embedded:
        yield _("move.in_clear")
    yield _("move.kept", place=moved.source)
    yield _("move.next")


commands: list[click.Command] = [move_command]
