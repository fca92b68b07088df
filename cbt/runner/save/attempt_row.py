"""The guard of an attempt: its row as a batch locks it, what never changes of it, and the SQL of saves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from cbt.rules import clock
from cbt.rules.exam import Paper
from cbt.rules.states import Event, before
from cbt.storage.types import bind_instant, read_instant, to_micros

_OVER = before(Event.SCORE, Event.RESCORE)
PaperKey = tuple[int, str]
"""Which paper: its blueprint's version and its code."""


@dataclass(frozen=True, slots=True)
class AttemptInfo:
    """What never changes about an attempt once its form is frozen."""

    attempt_id: int
    registration_ref: str
    shapes: Sequence[Mapping[str, Any]]
    """What may come in at each position (index 0 is position 1)."""
    units: Sequence[int]
    """The strict unit of each position; 0 when its time is the paper's."""
    paper_key: PaperKey
    paper: Paper
    title: str
    warnings: str
    """The end of the clock's JSON, which is the same for everybody on this paper."""


@dataclass(slots=True)
class Guard:
    """The attempt's row as one transaction sees it; closing and saving exclude each other on it.

    The columns that are read and the row that goes over the line follow from these fields, in their order.
    """

    state: str
    lease_hash: str | None
    lease_epoch: int
    closes_at: datetime | None
    earliest_submit_at: datetime | None
    open_unit: int | None
    unit_ends_at: datetime | None
    prior_unit: int | None
    prior_unit_ends_at: datetime | None
    grace: timedelta
    has_message: bool
    left_at: datetime | None
    seen_at: datetime | None
    lease_machine: str | None
    kept_rows: int = 0
    kept_bytes: int = 0

    def takes(self, unit: int, *, now: datetime) -> bool:
        """Return whether an entry for a position of `unit` (0: the whole paper) counts at `now`.

        Source: R-21, R-24.
        """
        if not self._open(self.closes_at, now):
            return False
        if unit == 0:
            return True
        if unit == self.open_unit:
            return self._open(self.unit_ends_at, now)
        return unit == self.prior_unit and self._open(self.prior_unit_ends_at, now)

    def in_grace(self, unit: int, *, now: datetime) -> bool:
        """Return whether an entry counts only by the transport grace, which is recorded on it (R-21)."""
        end_at = self.closes_at
        if unit:
            end_at = self.unit_ends_at if unit == self.open_unit else self.prior_unit_ends_at
        return clock.in_grace(now, closes_at=end_at, grace=self.grace)

    def is_stale(self, received_at: datetime, *, at: datetime) -> bool:
        """Return whether what was received at `received_at` waited longer than the transport grace until `at`.

        Source: R-21.
        """
        return at - received_at > self.grace

    def _open(self, end_at: datetime | None, now: datetime) -> bool:
        return clock.accepts_answers(now, opens_at=now, closes_at=end_at, grace=self.grace)

    @property
    def over(self) -> bool:
        return self.state in _OVER


_FIELDS = fields(Guard)
_ELSEWHERE = {"left_at": "r", "seen_at": "l", "kept_rows": "l", "kept_bytes": "l"}
"""What is not the attempt's own column: it is the registration's, or that of its live row."""
_GUARD_COLUMNS = ", ".join(f"{_ELSEWHERE.get(field.name, 'a')}.{field.name}" for field in _FIELDS)
_values = attrgetter(*(field.name for field in _FIELDS))


def _places(kind: str) -> tuple[int, ...]:
    """Return where the fields of a type stand in a row; once, so that no row is asked what it is."""
    return tuple(place for place, field in enumerate(_FIELDS) if field.type == kind)


_TEXTS, _INSTANTS = _places("str"), _places("datetime | None")
_SPANS, _TRUTHS = _places("timedelta"), _places("bool")
_DEFAULTS = tuple(
    (place, field.default) for place, field in enumerate(_FIELDS) if field.default is not MISSING
)
"""What a field is when its row has nothing: nobody was heard of yet."""
_MICROSECOND = timedelta(microseconds=1)
_JOINS = {
    "sqlite": "LEFT JOIN registration r INDEXED BY ix_registration_out",
    "postgresql": "LEFT JOIN registration r",
}
"""Who is out of the room is asked of a small index. Reading (and deciphering) a page of registrations for each
save, as SQLite prefers, would be a quarter of what is read."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The few places where the two databases write the save path's SQL differently."""

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

    def read_guards(
        self, cursor: Any, attempt_ids: Iterable[int], *, exclusive: bool = False
    ) -> dict[int, Guard]:
        """Read the rows of attempts.

        On PostgreSQL each is locked, in the order of the ids as closings do, so that no closing passes
        before the commit and nobody waits in a circle; `exclusive` keeps other saves and starts out too.
        """
        lock = ""
        if self.name == "postgresql":
            lock = f" ORDER BY a.id FOR {'UPDATE' if exclusive else 'SHARE'} OF a"
        return self._guards(cursor, sorted(set(attempt_ids)), lock)

    def peek_guard(self, cursor: Any, attempt_id: int) -> Guard:
        """Read the attempt's row without a lock, for showing it."""
        return self._guards(cursor, [attempt_id], "")[attempt_id]

    def _guards(self, cursor: Any, attempt_ids: Sequence[int], lock: str) -> dict[int, Guard]:
        among, values = self.among(attempt_ids)
        cursor.execute(
            f"SELECT a.id, {_GUARD_COLUMNS} FROM attempt a LEFT JOIN attempt_live l ON l.attempt_id = a.id "
            f"{_JOINS[self.name]} ON r.id = a.registration_id AND r.left_at IS NOT NULL "
            f"WHERE a.id {among}{lock}",
            values,
        )
        return {row[0]: guard_of(row[1:]) for row in cursor.fetchall()}


def guard_of(row: Sequence[Any]) -> Guard:
    """Return the guard of a row: its fields in their order, as either database or `row_of` gives them."""
    values = list(row)
    for place in _INSTANTS:
        if values[place] is not None:
            values[place] = read_instant(values[place])
    for place in _SPANS:
        values[place] = timedelta(microseconds=values[place])
    for place in _TRUTHS:
        values[place] = bool(values[place])
    for place, default in _DEFAULTS:
        if values[place] is None:
            values[place] = default
    return Guard(*values)


def row_of(guard: Guard) -> tuple[Any, ...]:
    """Return a guard as plain numbers and texts, for `guard_of` to read."""
    values = list(_values(guard))
    for place in _TEXTS:
        values[place] = str(values[place])
    for place in _INSTANTS:
        if values[place] is not None:
            values[place] = to_micros(values[place])
    for place in _SPANS:
        values[place] //= _MICROSECOND
    return tuple(values)


_SEEN = ("timestamptz", "timestamptz", "int", "int", "int", "bigint", "int")
_SAVE_COLUMNS = "(attempt_id, lease_epoch, seq, position, kind, value, received_at"


class SaveStatements:
    """The SQL of saves, written once per process."""

    def __init__(self, dialect: Dialect) -> None:
        if dialect.name == "postgresql":
            self.insert = (
                f"INSERT INTO journal {_SAVE_COLUMNS}, in_grace) SELECT * FROM unnest(%s::int[], %s::int[], "
                "%s::int[], %s::int[], %s::text[], %s::text[], %s::timestamptz[], %s::boolean[]) "
                "ON CONFLICT DO NOTHING RETURNING attempt_id, lease_epoch, seq"
            )
        else:
            self.insert = (
                f"INSERT INTO journal {_SAVE_COLUMNS}, in_grace) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT DO NOTHING"
            )
        self.newest = "SELECT attempt_id, lease_epoch, seq FROM journal ORDER BY id DESC LIMIT ?"
        """Those of a batch that were not there before: SQLite says how many it inserted, not which."""
        self.keep_late = dialect.sql(
            f"INSERT INTO late_entry {_SAVE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
        )
        self.known = dialect.sql(
            "SELECT seq, received_at FROM journal WHERE attempt_id = ? AND lease_epoch = ? AND seq"
        )
        self.known_late = dialect.sql(
            "SELECT seq FROM late_entry WHERE attempt_id = ? AND lease_epoch = ? AND seq"
        )
        usable = "true" if dialect.name == "postgresql" else "1"
        self.gap = dialect.sql(
            "INSERT INTO gap (attempt_id, from_at, to_at, usable, resent) "
            f"SELECT attempt_id, seen_at, ?, {usable}, ? FROM attempt_live "
            "WHERE attempt_id = ? AND seen_at < ?"
        )
        # A save that had to wait for the row read before when the page was seen: that never goes back.
        latest = "greatest" if dialect.name == "postgresql" else "max"
        seen_at = f"UPDATE attempt_live SET seen_at = {latest}(seen_at, ?), saved_at = "
        self.seen = (
            f"{seen_at}coalesce(?, saved_at), blurs = blurs + ?, "
            "position = coalesce(?, attempt_live.position), "
            "kept_rows = kept_rows + ?, kept_bytes = kept_bytes + ? WHERE attempt_id = ?"
        )
        self.kept = dialect.sql(
            "UPDATE attempt_live SET kept_rows = kept_rows + ?, kept_bytes = kept_bytes + ? WHERE attempt_id = ?"
        )
        self.mark = (
            f"{seen_at}?, "
            "answered = answered + ? - CASE WHEN substr(answered_map, ?, 1) = '1' THEN 1 ELSE 0 END, "
            "answered_map = substr(answered_map, 1, ?) || ? || substr(answered_map, ?), "
            "position = coalesce(?, attempt_live.position), "
            "kept_rows = kept_rows + ?, kept_bytes = kept_bytes + ? WHERE attempt_id = ?"
        )
        if dialect.name == "postgresql":
            self.seen = for_each(self.seen, *_SEEN)
            self.mark = for_each(
                self.mark,
                *("timestamptz", "timestamptz", "int", "int", "int", "text", "int"),
                *("int", "int", "bigint", "int"),
            )


def for_each(update: str, *types: str) -> str:
    """Return an UPDATE by one key, written with `?`, as one that takes lists of its values (PostgreSQL).

    `types` are those of its values, in their order; see `update_each`.
    """
    for number in range(len(types)):
        update = update.replace("?", f"v.c{number}", 1)
    lists = ", ".join(f"%s::{kind}[]" for kind in types)
    names = ", ".join(f"c{number}" for number in range(len(types)))
    return update.replace(" WHERE ", f" FROM unnest({lists}) AS v({names}) WHERE ")


def update_each(cursor: Any, dialect: Dialect, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Update one row for each of `rows`, no two of them the same; on PostgreSQL in one statement (see for_each)."""
    if dialect.name == "postgresql":
        cursor.execute(statement, [list(column) for column in zip(*rows, strict=True)])
    else:
        cursor.executemany(statement, rows)
