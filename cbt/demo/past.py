"""A database of years: attempts with full journals and a large bank, made by SQL, indexed as in production.

What the measured requests never read is kept short: the score's evidence is a line, the hashes of the log of
operations are random, and ten attempts share a form. Everything else has its true size and order.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Engine

LEVEL, PAPER = "customer-service-l3", "theory"
SAVES = 120
POSITIONS = 100
SITTING = 10_000
"""Attempts of one sitting: 100 rooms of 100 seats."""
ROOM = 100
ATTEMPTS_OF_A_FORM = 10
ITEMS_OF_A_BANK = 10_000
LOG_LINES = 3
"""Lines in the log of operations for each attempt."""
HOUR = 3_600_000_000
DAY = 24 * HOUR
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Papers:
    """The blueprint's version and the forms that were drawn by it."""

    version_id: int
    forms: tuple[int, ...]
    layouts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Years:
    """How much was before; an instance is called with the engine of the installation it fills."""

    attempts: int
    items: int
    now: int
    """The present instant in microseconds; the sittings lie before it, three a day."""
    tell: Tell

    def __call__(self, engine: Engine, papers: Papers) -> int:
        """Write everything and return the highest id of an attempt; the database is back to normal then."""
        engine.dispose()
        connection = engine.raw_connection()
        cursor = connection.cursor()
        cursor.execute("PRAGMA query_only = 0")
        # Nobody else is here and a database half made is thrown away, so nothing has to survive a crash.
        cursor.execute("PRAGMA journal_mode = MEMORY")
        cursor.execute("PRAGMA synchronous = OFF")
        cursor.execute("PRAGMA foreign_keys = OFF")
        cursor.execute("PRAGMA cache_size = -400000")
        cursor.execute("PRAGMA temp_store = MEMORY")
        self._write(cursor, papers)
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.close()
        connection.invalidate()
        engine.dispose()
        return self.attempts

    def _write(self, cursor: Any, papers: Papers) -> None:
        _counted(cursor, "n", max(SITTING, ITEMS_OF_A_BANK))
        cursor.execute("CREATE TEMP TABLE saves (seq INTEGER PRIMARY KEY, position INTEGER, value TEXT)")
        cursor.execute(
            "INSERT INTO saves SELECT i + 1, i % ? + 1, '\"' || substr('ABCD', i % 4 + 1, 1) || '\"' "
            "FROM n WHERE i < ?",
            (POSITIONS, SAVES),
        )
        cursor.execute("BEGIN")
        _items(cursor, self.items, at=self.now - 400 * DAY)
        _places(cursor, at=self.now - 400 * DAY)
        cursor.execute("COMMIT")
        began = time.perf_counter()
        for start in range(0, self.attempts, SITTING):
            size = min(SITTING, self.attempts - start)
            cursor.execute("BEGIN")
            _sitting(
                cursor, papers, start, size, at=self.now - DAY - (self.attempts - start) // SITTING * 8 * HOUR
            )
            cursor.execute("COMMIT")
            done, seconds = start + size, time.perf_counter() - began
            if start // SITTING % 5 == 0 or done == self.attempts:
                left = (self.attempts - done) * seconds / done
                self.tell(f"{done:,} of {self.attempts:,} attempts, {seconds:.0f} s, {left:.0f} s to go")


def _counted(cursor: Any, name: str, many: int) -> None:
    cursor.execute(f"CREATE TEMP TABLE {name} (i INTEGER PRIMARY KEY)")
    cursor.execute(
        f"WITH RECURSIVE up (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM up WHERE i + 1 < {many}) "
        f"INSERT INTO {name} SELECT i FROM up"
    )


def _items(cursor: Any, many: int, *, at: int) -> None:
    """Fill banks of 10,000 items with the sample bank's contents."""
    known = cursor.execute("SELECT count(*) FROM item").fetchone()[0]
    for number, start in enumerate(range(0, many, ITEMS_OF_A_BANK), 2):
        cursor.execute(
            "INSERT INTO item_bank (id, ref, name, note) VALUES (?, ?, ?, '')",
            (number, f"b{number}", f"{number}"),
        )
        cursor.execute(
            "INSERT INTO item (bank_id, ref, type, point, unit, difficulty, version) "
            "SELECT ?, 'H' || n.i, item.type, item.point, item.unit, item.difficulty, 1 "
            "FROM n CROSS JOIN item ON item.id = n.i % ? + 1 WHERE n.i < ?",
            (number, known, min(ITEMS_OF_A_BANK, many - start)),
        )
    cursor.execute(
        "INSERT INTO item_version (item_id, number, replaces, content, sha256, actor, created_at) "
        "SELECT item.id, 1, 0, v.content, v.sha256, 'cli', ? "
        "FROM item CROSS JOIN item_version v ON v.item_id = (item.id - 1) % ? + 1 AND v.number = 1 "
        "WHERE item.bank_id > 1",
        (at, known),
    )


def _places(cursor: Any, *, at: int) -> None:
    """One centre of 100 rooms with 100 seats each, and one batch."""
    cursor.execute("INSERT INTO centre (id, ref, name, address) VALUES (1, 'ce-past', '往年考点', '')")
    cursor.execute("INSERT INTO batch (id, ref, name, created_at) VALUES (1, 'ba-past', '往年', ?)", (at,))
    cursor.execute(
        "INSERT INTO room (id, ref, centre_id, name, room_code) "
        "SELECT i + 1, 'rm-past' || i, 1, '往年机房 ' || i, 'P' || i FROM n WHERE i < ?",
        (SITTING // ROOM,),
    )
    cursor.execute(
        "INSERT INTO seat (id, room_id, number, spare, undelivered) "
        "SELECT i + 1, i / ? + 1, i % ? + 1, 0, 0 FROM n WHERE i < ?",
        (ROOM, ROOM, SITTING),
    )


def _sitting(cursor: Any, papers: Papers, start: int, size: int, *, at: int) -> None:
    """Write one sitting that began at `at`: its rooms, people, forms, attempts, journals, scores, log."""
    given: dict[str, Any] = {
        "start": start,
        "size": size,
        "at": at,
        "sitting": start // SITTING + 1,
        "hour": HOUR,
    }
    given |= {
        "room": ROOM,
        "first_room": start // ROOM,
        "rooms": -(-size // ROOM),
        "share": ATTEMPTS_OF_A_FORM,
    }
    given |= {"version": papers.version_id, "level": LEVEL, "paper": PAPER}
    given |= {"forms": len(papers.forms), "form": papers.forms[-1] + 1 + start // ATTEMPTS_OF_A_FORM}
    given |= {"positions": POSITIONS, "lines": LOG_LINES, "layout": papers.layouts[0]}
    for statement in STATEMENTS:
        cursor.execute(statement, given)


STATEMENTS = (
    "INSERT INTO sitting (id, ref, batch_id, centre_id, name, mode, state, planned_start_at, check_in_opens_at, "
    "report_at, late_cutoff_at, sign_in_opens_at, sign_in_needs_check_in, leave_allowed) "
    "VALUES (:sitting, 'si-past' || :sitting, 1, 1, '往年', 'machine', 'scored', :at, :at, :at, :at, :at, 1, 1)",
    "INSERT INTO sitting_room (id, ref, sitting_id, room_id, state, armed, started_at, started_by, ended_at) "
    "SELECT :first_room + i + 1, 'sr-' || hex(randomblob(8)), :sitting, i + 1, 'scored', 0, :at, 'cli', "
    ":at + 2 * :hour FROM n WHERE i < :rooms",
    "INSERT INTO candidate (id, ref, name, gender, document_type, document_sealed, document_index, "
    "document_masked, employer, created_at) "
    "SELECT :start + i + 1, 'ca-' || hex(randomblob(8)), '考生' || i, '', 'resident_id', randomblob(64), "
    "lower(hex(randomblob(32))), '110***********0011', '', :at FROM n WHERE i < :size",
    "INSERT INTO admission_ticket (id, batch_id, candidate_id, number) "
    "SELECT :start + i + 1, 1, :start + i + 1, printf('9%011d', :start + i) FROM n WHERE i < :size",
    "INSERT INTO registration (id, ref, candidate_id, ticket_id, sitting_id, sitting_room_id, seat_id, "
    "blueprint_version_id, blueprint_ref, paper, kind, factor, extra, accommodation_note, eligibility, note, "
    "arrived_at, checked_in_at, signed_in_at, confirmed_at, pledged_at) "
    "SELECT :start + i + 1, 're-' || hex(randomblob(8)), :start + i + 1, :start + i + 1, :sitting, "
    ":first_room + i / :room + 1, i + 1, :version, :level, :paper, 'first', '1', 0, '', '', '', "
    ":at, :at, :at, :at, :at FROM n WHERE i < :size",
    "INSERT INTO form (id, ref, blueprint_version_id, paper, bank_id, bank_revision, seed, content, sha256, "
    "drawn_at) SELECT :form + i, 'fo-' || hex(randomblob(8)), f.blueprint_version_id, f.paper, f.bank_id, "
    "f.bank_revision, i, f.content, f.sha256, :at "
    "FROM n CROSS JOIN form f ON f.id = i % :forms + 1 WHERE i <= (:size - 1) / :share",
    "INSERT INTO attempt (id, ref, registration_id, sitting_room_id, form_id, layout, state, started_at, "
    "closes_at, earliest_submit_at, grace, has_message, closed_at, closed_by, submitted_at, receipt, "
    "journal_digest, lease_hash, lease_epoch, lease_login_id, lease_machine) "
    "SELECT :start + i + 1, 'at-' || lower(hex(randomblob(16))), :start + i + 1, :first_room + i / :room + 1, "
    ":form + i / :share, :layout, 'scored', :at, :at + 2 * :hour, :at, 3000000, 0, :at + :hour, 'candidate', "
    ":at + :hour, hex(randomblob(6)), lower(hex(randomblob(32))), lower(hex(randomblob(32))), 1, "
    ":start + i + 1, lower(hex(randomblob(16))) FROM n WHERE i < :size",
    "INSERT INTO journal (attempt_id, lease_epoch, seq, position, kind, value, received_at, in_grace) "
    "SELECT :start + n.i + 1, 1, saves.seq, saves.position, 'answer', saves.value, "
    ":at + saves.seq * 25000000 + n.i, 0 FROM n CROSS JOIN saves WHERE n.i < :size",
    "INSERT INTO attempt_live (attempt_id, seen_at, saved_at, answered, answered_map, usable_at, blurs) "
    "SELECT :start + i + 1, :at + :hour, :at + :hour, :positions, printf('%.*c', :positions, '1'), :at, 0 "
    "FROM n WHERE i < :size",
    "INSERT INTO gap (attempt_id, from_at, to_at, usable, resent) "
    "SELECT :start + i + 1, :at, :at + 30000000, 1, 1 FROM n WHERE i < :size AND i % 10 = 0",
    "INSERT INTO score (attempt_id, number, key_revision, journal_digest, raw, score, passed, sheet, sha256, "
    "scored_at) SELECT :start + i + 1, 1, 0, lower(hex(randomblob(32))), '70', '70', 1, '{}', "
    "lower(hex(randomblob(32))), :at + 2 * :hour FROM n WHERE i < :size",
    "INSERT INTO login_session (kind, subject_ref, token_hash, machine, created_at, expires_at) "
    "SELECT 'candidate', r.ref, lower(hex(randomblob(32))), hex(randomblob(8)), :at, :at + 14 * :hour "
    "FROM n CROSS JOIN registration r ON r.id = :start + i + 1 WHERE i < :size",
    "INSERT INTO audit_entry (id, at, actor, act, subject, reason, before, after, prev_hash, hash) "
    "SELECT (SELECT last_id FROM audit_head) + n.i * :lines + line.i + 1, :at + n.i, 'scheduler', "
    "CASE line.i WHEN 0 THEN 'attempt.open' WHEN 1 THEN 'attempt.close' ELSE 'attempt.score' END, "
    "'attempt:' || a.ref, '', '', '{\"digest\":\"' || a.journal_digest || '\"}', lower(hex(randomblob(32))), "
    "lower(hex(randomblob(32))) "
    "FROM n CROSS JOIN (SELECT i FROM n WHERE i < :lines) line CROSS JOIN attempt a ON a.id = :start + n.i + 1 "
    "WHERE n.i < :size",
    "UPDATE audit_head SET last_id = last_id + :size * :lines",
)
"""One sitting, table by table; `n` counts from 0, `saves` holds what one candidate does."""
