"""An attempt on the save path: its row as a batch locks it, what never changes of it, and the SQL of saves.

What never changes, its positions and its paper, is read once a process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy.engine import Engine

from cbt.blueprints.store import blueprint_of, paper_of
from cbt.errors import NotFound
from cbt.rules import clock
from cbt.rules.canonical import canonical_json
from cbt.rules.exam import Paper, tools_in
from cbt.rules.states import Event, before
from cbt.runner.paper.layout import PositionShape, read_layout
from cbt.storage.engine import Dialect
from cbt.storage.types import read_instant, to_micros
from cbt.storage.unit_of_work import raw_reading, reading

CACHED_ATTEMPTS = 100_000
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


def read_guards(
    dialect: Dialect, cursor: Any, attempt_ids: Iterable[int], *, exclusive: bool = False
) -> dict[int, Guard]:
    """Read the rows of attempts.

    On PostgreSQL each is locked, in the order of the ids as closings do, so that no closing passes
    before the commit and nobody waits in a circle; `exclusive` keeps other saves and starts out too.
    """
    lock = ""
    if dialect.name == "postgresql":
        lock = f" ORDER BY a.id FOR {'UPDATE' if exclusive else 'SHARE'} OF a"
    return _guards(dialect, cursor, sorted(set(attempt_ids)), lock)


def peek_guard(dialect: Dialect, cursor: Any, attempt_id: int) -> Guard:
    """Read the attempt's row without a lock, for showing it."""
    return _guards(dialect, cursor, [attempt_id], "")[attempt_id]


def _guards(dialect: Dialect, cursor: Any, attempt_ids: Sequence[int], lock: str) -> dict[int, Guard]:
    among, values = dialect.among(attempt_ids)
    cursor.execute(
        f"SELECT a.id, {_GUARD_COLUMNS} FROM attempt a LEFT JOIN attempt_live l ON l.attempt_id = a.id "
        f"{_JOINS[dialect.name]} ON r.id = a.registration_id AND r.left_at IS NOT NULL "
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


class FormRow(NamedTuple):
    """What never changes about an attempt, as the database has it; its form is long and read where it is needed."""

    attempt_id: int
    registration_ref: str
    version_id: int
    paper: str
    layout: str
    form_id: int
    tools: str


FORM_COLUMNS = "a.id, r.ref, r.blueprint_version_id, r.paper, a.layout, a.form_id, r.tools"
FORM_TABLES = "FROM attempt a JOIN registration r ON r.id = a.registration_id WHERE a.ref"


def warnings_text(paper: Paper) -> str:
    """Return what the clock of every candidate on a paper says: when to warn, in seconds before an end."""
    spans = {"warnings": paper.warnings, "unit_warnings": paper.unit_warnings}
    seconds = {name: [int(span.total_seconds()) for span in value] for name, value in spans.items()}
    return canonical_json(seconds)[1:-1]


@dataclass(frozen=True, slots=True)
class FrozenForm:
    """The form of an attempt, the layout that most forms of its paper share, the candidate's own tools."""

    form_id: int
    layout: str
    tools: Sequence[str]
    """As they stand now: an accommodation may still change before the start (R-30)."""


@dataclass(frozen=True, slots=True)
class TitledPaper:
    """A paper of a blueprint's version, and what is said of it."""

    paper: Paper
    title: str
    warnings: str


@dataclass(frozen=True, slots=True)
class _KnownLayout:
    shapes: Sequence[Mapping[str, Any]]
    units: Sequence[int]


class InfoCache:
    """Finds the AttemptInfo of a public identifier; only immutable things are kept."""

    def __init__(self, engine: Engine, context: Callable[[], Any]) -> None:
        """`context` opens the app's context, for the few reads that need it."""
        self.engine = engine
        self._context = context
        self._known: dict[str, AttemptInfo] = {}
        self._papers: dict[PaperKey, TitledPaper] = {}
        self._layouts: dict[tuple[PaperKey, str], _KnownLayout] = {}
        sql = Dialect(engine.dialect.name).sql
        self._meeting = threading.Lock()
        self._select_room = sql(
            "SELECT a.ref, a.id, r.ref, r.blueprint_version_id, r.paper, a.layout FROM attempt asked "
            "JOIN attempt a ON a.sitting_room_id = asked.sitting_room_id "
            "AND (a.id = asked.id OR a.started_at IS NOT NULL) "
            "JOIN registration r ON r.id = a.registration_id WHERE asked.ref = ?"
        )
        self._select_form = sql(f"SELECT {FORM_COLUMNS} {FORM_TABLES} = ?")

    def get(self, ref: str) -> AttemptInfo:
        """Return the facts of `ref`; raise NotFound("attempt.unknown")."""
        return self._known.get(ref) or self._meet(ref)

    def known(self, ref: str) -> AttemptInfo | None:
        """Return the facts of `ref` where this process has met it."""
        return self._known.get(ref)

    def read(self, ref: str) -> tuple[AttemptInfo, FrozenForm]:
        """Return the facts of `ref` and its form; raise NotFound("attempt.unknown")."""
        with raw_reading(self.engine) as cursor:
            cursor.execute(self._select_form, (ref,))
            row = cursor.fetchone()
        if row is None:
            raise NotFound("attempt.unknown")
        return self.learn(ref, FormRow(*row))

    def learn(self, ref: str, row: FormRow) -> tuple[AttemptInfo, FrozenForm]:
        info = self._known.get(ref) or self._keep(ref, *row[:5])
        return info, FrozenForm(row.form_id, row.layout, tools_in(row.tools))

    def _meet(self, ref: str) -> AttemptInfo:
        """Read an attempt that this process meets for the first time, and with it whoever sits in its room.

        They answer, and hand in, at the same time: a query for each of them would be much of what that costs.
        """
        with self._meeting:
            if ref in self._known:  # another thread has read the room meanwhile
                return self._known[ref]
            with raw_reading(self.engine) as cursor:
                cursor.execute(self._select_room, (ref,))
                rows = cursor.fetchall()
            if not rows:
                raise NotFound("attempt.unknown")
            infos = {one: self._known.get(one) or self._keep(one, *row) for one, *row in rows}
        return infos[ref]

    def paper(self, key: PaperKey) -> Paper:
        return self.known_paper(key).paper

    def _keep(
        self, ref: str, attempt_id: int, registration_ref: str, version_id: int, code: str, layout: str
    ) -> AttemptInfo:
        key = (version_id, code)
        titled_paper = self.known_paper(key)
        known_layout = self._layouts.get((key, layout))
        if known_layout is None:
            places = read_layout(layout)
            shapes = tuple([place.shape for place in places])
            known_layout = self._layouts[key, layout] = _KnownLayout(
                shapes, _windows(places, titled_paper.paper)
            )
        info = AttemptInfo(
            attempt_id=attempt_id,
            registration_ref=registration_ref,
            shapes=known_layout.shapes,
            units=known_layout.units,
            paper_key=key,
            paper=titled_paper.paper,
            title=titled_paper.title,
            warnings=titled_paper.warnings,
        )
        if len(self._known) >= CACHED_ATTEMPTS:
            self._known.clear()
        self._known[ref] = info
        return info

    def known_paper(self, key: PaperKey) -> TitledPaper:
        """Return a paper of a blueprint's version with its title, and the warnings of its clock as text."""
        titled_paper = self._papers.get(key)
        if titled_paper is None:
            version_id, code = key
            with self._context(), reading() as session:
                paper = paper_of(session, version_id, code)
                title = blueprint_of(session, version_id).paper_title(code)
            titled_paper = self._papers[key] = TitledPaper(paper, title, warnings_text(paper))
        return titled_paper


def _windows(places: Sequence[PositionShape], paper: Paper) -> tuple[int, ...]:
    """Return the strict window (from 1) of each position; 0 when the paper's time is one pool."""
    if not paper.windows:
        return (0,) * len(places)
    if paper.units:
        return tuple([int(place.unit or 0) for place in places])
    return tuple([int(place.section or 0) + 1 for place in places])
