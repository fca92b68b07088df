"""A database of years: attempts with full journals and a large bank, made by SQL, indexed as in production.

What a page or a request never reads is kept short: the score's evidence is a line, the hashes of the log of
operations are invented, and ten attempts share a form. Everything else has its true size and order. The same
seed gives the same rows, on either database.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Integer, MetaData, String, Table, delete, func, insert, select, text
from sqlalchemy.engine import Connection, Engine

from cbt.assembly.models import Form
from cbt.bank.models import Item, ItemBank
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.db.engine import WRITE
from cbt.db.types import UtcDateTime, bind_instant, db
from cbt.delivery.models import Attempt
from cbt.delivery.paper.layout import layout_of
from cbt.delivery.save.journal import current_journal
from cbt.demo.papers import StoredPaper, Variant
from cbt.demo.statements import ITEMS, PLACES, STATEMENTS, VERSIONS
from cbt.sittings.models import Batch, Centre, Room, Seat, Sitting, SittingRoom

SAVES = 120
POSITIONS = 100
SITTING = 10_000
"""Attempts of one sitting: 100 rooms of 100 seats."""
ROOM = 100
ATTEMPTS_OF_A_FORM = 10
ITEMS_OF_A_BANK = 10_000
LOG_LINES = 3
"""Lines in the log of operations for each attempt."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EVERY = timedelta(seconds=25)
"""A candidate's saves lie so far apart."""
NUMBERED = (
    Batch,
    Centre,
    Room,
    Seat,
    ItemBank,
    Sitting,
    SittingRoom,
    Form,
    Candidate,
    AdmissionTicket,
    Registration,
    Attempt,
)
"""Tables whose rows get their ids here."""
Tell = Callable[[str], None]

_aside = MetaData()
_n = Table(
    "n", _aside, Column("i", Integer, primary_key=True), Column("token", String(12)), Column("hash", String(60)),
    prefixes=["TEMPORARY"],
)  # fmt: skip
_saves = Table(
    "saves", _aside, Column("seq", Integer, primary_key=True), Column("position", Integer),
    Column("value", String(3)), Column("received_at", UtcDateTime), prefixes=["TEMPORARY"],
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Years:
    """How much was before: attempts, three sittings a day, and items in banks of their own."""

    attempts: int
    items: int


def write_years(
    years: Years, variant: Variant, paper: StoredPaper, *, now: datetime, rng: random.Random, tell: Tell
) -> None:
    """Write everything that lies before `now` into an installation that holds one paper and nobody yet."""
    with _alone(db.engine) as connection:
        with connection.begin():
            _aside.create_all(connection)
            tokens = ({"i": i, "token": _hex(rng, 12), "hash": _hex(rng, 60)} for i in range(SITTING))
            connection.execute(insert(_n), list(tokens))
            _banks(connection, years.items, at=now - 400 * DAY)
            _places(connection, at=now - 400 * DAY)
        drawn = connection.scalars(select(Form.content).where(Form.id == paper.forms[0])).one()
        connection.rollback()
        began = time.perf_counter()
        for start in range(0, years.attempts, SITTING):
            size = min(SITTING, years.attempts - start)
            at = now - DAY - (years.attempts - start) // SITTING * 8 * HOUR
            with connection.begin():
                _sitting(connection, variant, paper, layout_of(drawn), start, size, at=at)
            done, seconds = start + size, time.perf_counter() - began
            if start // SITTING % 5 == 0 or done == years.attempts:
                left = (years.attempts - done) * seconds / done
                tell(f"{done:,} of {years.attempts:,} attempts, {seconds:.0f} s, {left:.0f} s to go")
        with connection.begin():
            _count_on(connection)


def _hex(rng: random.Random, length: int) -> str:
    return f"{rng.getrandbits(4 * length):0{length}x}"


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """Lend the one connection there is; a database half made is thrown away, so nothing has to survive a crash."""
    current_journal().close()  # what was brought in before has left it a connection of its own
    engine.dispose()
    with engine.connect().execution_options(**{WRITE: True}) as connection:
        if engine.dialect.name == "sqlite":
            _set(
                connection,
                journal_mode="MEMORY",
                synchronous="OFF",
                foreign_keys="OFF",
                cache_size=-400_000,
                temp_store="MEMORY",
            )
        yield connection
        if engine.dialect.name == "sqlite":
            _set(connection, journal_mode="WAL")
        connection.invalidate()
    engine.dispose()


def _set(connection: Connection, **pragmas: object) -> None:
    cursor = connection.connection.cursor()  # the driver's: a transaction would be begun for one of ours
    for name, value in pragmas.items():
        cursor.execute(f"PRAGMA {name} = {value}")
    cursor.close()


def _count_on(connection: Connection) -> None:
    """Let PostgreSQL number what comes next after the rows that are there; the embedded database does of itself."""
    if connection.dialect.name == "postgresql":
        for model in NUMBERED:
            sequence = func.pg_get_serial_sequence(model.__tablename__, "id")
            connection.execute(select(func.setval(sequence, func.max(model.id))))


def _banks(connection: Connection, many: int, *, at: datetime) -> None:
    """Fill banks of 10,000 items with the contents of the sample bank, which is there alone."""
    known = connection.scalar(select(func.count()).select_from(Item))
    for number, start in enumerate(range(0, many, ITEMS_OF_A_BANK), 2):
        given = {"bank": number, "known": known, "many": min(ITEMS_OF_A_BANK, many - start)}
        connection.execute(insert(ItemBank).values(id=number, ref=f"b{number}", name=f"{number}", note=""))
        connection.execute(text(ITEMS), given)
    connection.execute(text(VERSIONS), {"known": known, "at": bind_instant(at, connection.dialect.name)})


def _places(connection: Connection, *, at: datetime) -> None:
    """One centre of 100 rooms with 100 seats each, and one batch."""
    connection.execute(
        insert(Centre).values(id=1, ref="ce-past", name="往年考点", address="", second_by_password=False)
    )
    connection.execute(insert(Batch).values(id=1, ref="ba-past", name="往年", occupation="", created_at=at))
    for statement in PLACES:
        connection.execute(text(statement), {"room": ROOM, "size": SITTING})


def _sitting(
    connection: Connection,
    variant: Variant,
    paper: StoredPaper,
    layout: str,
    start: int,
    size: int,
    *,
    at: datetime,
) -> None:
    """Write one sitting that began at `at`: its rooms, people, forms, attempts, journals, scores, log."""
    instants = {"at": at, "silent": at + timedelta(seconds=30), "handed_in": at + HOUR}
    instants |= {"over": at + 2 * HOUR, "signed_out": at + 14 * HOUR}
    given: dict[str, Any] = {
        name: bind_instant(one, connection.dialect.name) for name, one in instants.items()
    }
    given |= {
        "start": start,
        "size": size,
        "sitting": start // SITTING + 1,
        "mark": f"{start // SITTING:04d}",
    }
    given |= {"room": ROOM, "first_room": start // ROOM, "share": ATTEMPTS_OF_A_FORM}
    given |= {"version": paper.version_id, "level": variant.level, "paper": variant.paper}
    given |= {"drawn": paper.forms[0], "forms": len(paper.forms)}
    given |= {"form": paper.forms[-1] + 1 + start // ATTEMPTS_OF_A_FORM, "layout": layout}
    given |= {"positions": POSITIONS, "answered": "1" * POSITIONS, "lines": LOG_LINES, "sealed": bytes(64)}
    connection.execute(delete(_saves))
    connection.execute(insert(_saves), [_save(seq, at) for seq in range(1, SAVES + 1)])
    for statement in STATEMENTS:
        connection.execute(text(statement), given)


def _save(seq: int, at: datetime) -> dict[str, Any]:
    value = f'"{"ABCD"[seq % 4]}"'
    return {"seq": seq, "position": seq % POSITIONS + 1, "value": value, "received_at": at + seq * EVERY}
