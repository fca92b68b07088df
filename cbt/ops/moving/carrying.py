"""Moving a database: copied table by table within one transaction, compared, and kept at once or not at all.

    copied and compared → the old database says LEAVING → the new one is kept → the old one says LEFT

Whatever ends a move before LEAVING leaves the old database as it was and nothing in the new place. What ends it
after that is settled by running it again: the log of the new database says whether it has that move.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import flask
from sqlalchemy import Table, delete, text, update
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.audit.keyring import keyring
from cbt.audit.models import AuditHead
from cbt.audit.sealing import HEAD_ID
from cbt.config import Settings
from cbt.db.departure import DEPARTURE_ID, LEAVING, LEFT, Departure, check_not_moved, departure_of
from cbt.db.engine import WRITE
from cbt.db.types import db
from cbt.db.unit_of_work import follow_commit
from cbt.db.writing.gate import Gate
from cbt.ops.hosting import DataDirLock
from cbt.ops.moving.arrival import MOVED, has_arrived
from cbt.ops.moving.comparing import Compared, Tell, compare
from cbt.ops.moving.destination import Destination
from cbt.ops.moving.embedded import EmbeddedTarget, embedded_database
from cbt.ops.moving.failures import FAILURES, explained
from cbt.ops.moving.postgres import (
    PostgresTarget,
    hold_still,
    postgres_database,
    prepare_postgres,
    refuse_connected,
)
from cbt.ops.moving.rows import RowDigest, Rows, blocks, count, tables
from cbt.web.refs import new_ref

Target = PostgresTarget | EmbeddedTarget


@dataclass(frozen=True, slots=True)
class MoveDone:
    """A move that is done; `compared` is None where it only had to be finished."""

    ref: str
    source: str
    destination: Destination
    compared: Compared | None


def move(settings: Settings, destination: Destination, *, now: datetime, tell: Tell) -> MoveDone:
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
            return MoveDone(begun, _place_of(settings), destination, None)
        ref = new_ref("mv")
        compared = _move(settings, destination, ref=ref, now=now, tell=tell)
        _say_left()
    return MoveDone(ref, _place_of(settings), destination, compared)


@contextmanager
def _explaining(settings: Settings, destination: Destination) -> Iterator[None]:
    here, there = _place_of(settings), destination.place
    embedded, postgres = (here, there) if settings.embedded else (there, here)
    try:
        yield
    except FAILURES as error:
        said = explained(error, embedded=embedded, postgres=postgres, arrives=not settings.embedded)
        if said is None:
            raise
        raise said from error


def _begun(destination: Destination) -> str | None:
    """Return the ref of a move to `destination` that was cut off at its end, None when none was."""
    with Session(db.engine) as session:
        found = departure_of(session)
    if found is not None and (found.state, found.place) == (LEAVING, destination.place):
        return found.ref
    check_not_moved()
    return None


def _move(settings: Settings, destination: Destination, *, ref: str, now: datetime, tell: Tell) -> Compared:
    with _writing() as source, _target(source, settings, destination) as target:
        copied = {table.name: _copy(source, target, table, tell) for table in tables()}
        target.settle()
        with Session(target.connection) as there:
            compared = compare(source, there, copied, tell)
            said = {"from": _place_of(settings), "to": destination.place}
            record(there, at=now, actor="cli", act=MOVED, subject=f"move:{ref}", after=said)
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
