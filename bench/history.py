"""A database of years: attempts with full journals and a large bank, written by SQL for both databases.

`n` counts from 0 and gives each number a token and a hash, which `:mark` makes a sitting's own; `saves`
holds what one candidate does.
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
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.demo.world import StoredPaper, Variant
from cbt.items.models import Item, ItemBank
from cbt.runner.models import Attempt
from cbt.runner.paper.layout import layout_of
from cbt.runner.save.journal import current_journal
from cbt.sittings.models import Batch, Centre, Room, Seat, Sitting, SittingRoom
from cbt.storage.engine import WRITE
from cbt.storage.types import UtcDateTime, bind_instant, db

ITEMS = (
    "INSERT INTO item (bank_id, ref, type, point, unit, difficulty, version, current, state, reviewer, author) "
    "SELECT :bank, 'H' || n.i, item.type, item.point, item.unit, item.difficulty, 1, 1, 'reviewed', '', 'cli' "
    "FROM n JOIN item ON item.id = n.i % :known + 1 WHERE n.i < :many"
)
VERSIONS = (
    "INSERT INTO item_version (item_id, number, replaces, was, content, sha256, actor, created_at) "
    "SELECT item.id, 1, 0, '', v.content, v.sha256, 'cli', :at "
    "FROM item JOIN item_version v ON v.item_id = (item.id - 1) % :known + 1 AND v.number = 1 "
    "WHERE item.bank_id > 1"
)
PLACES = (
    "INSERT INTO room (id, ref, centre_id, name, room_code, plan, door) "
    "SELECT i + 1, 'rm-past' || i, 1, '往年机房 ' || i, 'P' || i, '', '' FROM n WHERE i < :size / :room",
    "INSERT INTO seat (id, room_id, number, spare, undelivered) "
    "SELECT i + 1, i / :room + 1, i % :room + 1, FALSE, 0 FROM n WHERE i < :size",
)
STATEMENTS = (
    "INSERT INTO sitting (id, ref, batch_id, centre_id, name, mode, purpose, state, planned_start_at, "
    "check_in_opens_at, report_at, late_cutoff_at, sign_in_opens_at, sign_in_needs_check_in, leave_allowed) "
    "VALUES (:sitting, 'si-past' || :mark, 1, 1, '往年', 'machine', 'official', 'scored', :at, :at, :at, :at, :at, "
    "TRUE, TRUE)",
    "INSERT INTO sitting_room (id, ref, sitting_id, room_id, state, armed, started_at, started_by, ended_at) "
    "SELECT :first_room + i + 1, 'sr-' || n.token || :mark, :sitting, i + 1, 'scored', FALSE, :at, 'cli', :over "
    "FROM n WHERE i <= (:size - 1) / :room",
    "INSERT INTO candidate (id, ref, name, gender, document_type, document_sealed, document_index, "
    "document_masked, employer, created_at) "
    "SELECT :start + i + 1, 'ca-' || n.token || :mark, '考生' || i, '', 'resident_id', :sealed, "
    "n.hash || :mark, '110***********0011', '', :at FROM n WHERE i < :size",
    "INSERT INTO admission_ticket (id, batch_id, candidate_id, number, reprint_reasons) "
    "SELECT :start + i + 1, 1, :start + i + 1, CAST(900000000000 + :start + i AS VARCHAR), '' "
    "FROM n WHERE i < :size",
    "INSERT INTO registration (id, ref, candidate_id, ticket_id, sitting_id, sitting_room_id, seat_id, "
    "blueprint_version_id, blueprint_ref, paper, kind, factor, extra, accommodation_note, eligibility, note, "
    "arrived_at, checked_in_at, signed_in_at, confirmed_at, pledged_at) "
    "SELECT :start + i + 1, 're-' || n.token || :mark, :start + i + 1, :start + i + 1, :sitting, "
    ":first_room + i / :room + 1, i + 1, :version, :level, :paper, 'first', '1', 0, '', '', '', "
    ":at, :at, :at, :at, :at FROM n WHERE i < :size",
    "INSERT INTO form (id, ref, blueprint_version_id, paper, bank_id, bank_revision, seed, content, sha256, "
    "drawn_at) SELECT :form + i, 'fo-' || n.token || :mark, f.blueprint_version_id, f.paper, f.bank_id, "
    "f.bank_revision, i, f.content, f.sha256, :at "
    "FROM n JOIN form f ON f.id = :drawn + i % :forms WHERE i <= (:size - 1) / :share",
    "INSERT INTO attempt (id, ref, registration_id, sitting_room_id, form_id, layout, state, started_at, "
    "closes_at, earliest_submit_at, grace, has_message, closed_at, closed_by, submitted_at, receipt, "
    "journal_digest, lease_hash, lease_epoch, lease_login_id, lease_machine, lease_machines) "
    "SELECT :start + i + 1, 'at-' || n.token || :mark, :start + i + 1, :first_room + i / :room + 1, "
    ":form + i / :share, :layout, 'scored', :at, :over, :at, 3000000, FALSE, :handed_in, 'candidate', "
    ":handed_in, n.token, n.hash || :mark, n.hash || :mark, 1, :start + i + 1, n.hash || :mark, '' "
    "FROM n WHERE i < :size",
    "INSERT INTO journal (attempt_id, lease_epoch, seq, position, kind, value, received_at, in_grace) "
    "SELECT :start + n.i + 1, 1, saves.seq, saves.position, 'answer', saves.value, saves.received_at, FALSE "
    "FROM n CROSS JOIN saves WHERE n.i < :size",
    "INSERT INTO attempt_live (attempt_id, seen_at, saved_at, answered, answered_map, usable_at, blurs) "
    "SELECT :start + i + 1, :handed_in, :handed_in, :positions, :answered, :at, 0 FROM n WHERE i < :size",
    "INSERT INTO gap (attempt_id, from_at, to_at, usable, resent) "
    "SELECT :start + i + 1, :at, :silent, TRUE, 1 FROM n WHERE i < :size AND i % 10 = 0",
    "INSERT INTO score (attempt_id, number, key_revision, journal_digest, raw, score, passed, sheet, sha256, "
    "scored_at) SELECT :start + i + 1, 1, 0, n.hash || :mark, '70', '70', TRUE, '{}', n.hash || :mark, :over "
    "FROM n WHERE i < :size",
    "INSERT INTO login_session (kind, subject_ref, token_hash, machine, created_at, expires_at) "
    "SELECT 'candidate', r.ref, n.hash || :mark, n.hash || :mark, :at, :signed_out "
    "FROM n JOIN registration r ON r.id = :start + i + 1 WHERE i < :size",
    "INSERT INTO audit_entry (id, at, actor, act, subject, reason, before, after, prev_hash, hash) "
    "SELECT (SELECT last_id FROM audit_head) + n.i * :lines + line.i + 1, :at, 'scheduler', "
    "CASE line.i WHEN 0 THEN 'attempt.open' WHEN 1 THEN 'attempt.close' ELSE 'attempt.score' END, "
    "'attempt:' || a.ref, '', '', '{\"digest\":\"' || a.journal_digest || '\"}', n.hash || :mark, n.hash || :mark "
    "FROM n CROSS JOIN (SELECT i FROM n WHERE i < :lines) line JOIN attempt a ON a.id = :start + n.i + 1 "
    "WHERE n.i < :size",
    "UPDATE audit_head SET last_id = last_id + :size * :lines",
)
"""One sitting, table by table."""


# A database of years: attempts with full journals and a large bank, made by SQL, indexed as in production.
#
# What a page or a request never reads is kept short: the score's evidence is a line, the hashes of the log of
# operations are invented, and ten attempts share a form. Everything else has its true size and order. The
# same seed gives the same rows, on either database.

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
