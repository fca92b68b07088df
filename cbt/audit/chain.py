"""The audit log's chain: entries recorded, sealed behind the last one, written; its head on another disk.

Lines are appended and forced to disk after the commit, outside the gate. A disk that fails or hangs loses no
act: it is told on the pages of staff and by /healthz, and the next line that can be written stands for all
before it, since each head is made over the whole log.

Source: R-64.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import flask
from sqlalchemy import event
from sqlalchemy.orm import Session

from cbt.audit.head import (
    DIGITS,
    GENESIS,
    Head,
    Keyring,
    Written,
    entry_hash,
    head_mac,
    keyring,
    make_key,
    read_head,
    settle,
)
from cbt.config import Settings
from cbt.errors import InvalidInput, Unavailable
from cbt.http.health import WARNINGS
from cbt.rules.canonical import canonical_json
from cbt.storage.backup_folder import sync_folder
from cbt.storage.crypto import fingerprint
from cbt.storage.private_files import make_private, open_private
from cbt.storage.types import bind_instant
from cbt.storage.unit_of_work import after_commit

log = logging.getLogger(__name__)


FILE = "audit-heads.txt"
MARK = "anchor.behind"
PATIENCE = timedelta(seconds=2)
"""An act waits no longer than this for its line."""


class Anchor:
    """Appends lines to the anchor file, one at a time; `mark` tells the other processes that it cannot."""

    def __init__(self, path: Path, mark: Path, *, patience: timedelta = PATIENCE) -> None:
        self.path = path
        self._mark = mark
        self._patience = patience.total_seconds()
        self._turn = threading.Lock()
        self._last = ""

    @property
    def behind(self) -> bool:
        """Return whether the last head could not be written there, or the next could not."""
        return self._mark.exists() or not self.path.parent.is_dir()

    def follow(self, line: str) -> None:
        """Append one line, on disk when this returns, unless the disk fails or takes too long."""
        if not self._turn.acquire(timeout=self._patience):
            self._fail("it hangs")
            return
        if line == self._last:  # of one transaction, which several of its requests bring
            self._turn.release()
            return
        done: Future[str] = Future()
        threading.Thread(target=self._try, args=(line, done), name="anchor", daemon=True).start()
        with contextlib.suppress(TimeoutError):
            if failed := done.result(timeout=self._patience):
                self._fail(failed)
            return
        self._fail("it hangs")

    def _try(self, line: str, done: Future[str]) -> None:
        failed = ""
        try:
            append_line(self.path, line)
            self._last = line
            with contextlib.suppress(OSError):
                self._mark.unlink(missing_ok=True)
        except (OSError, Unavailable) as error:
            failed = getattr(error, "strerror", None) or type(error).__name__
        done.set_result(failed)
        self._turn.release()

    def _fail(self, why: str) -> None:
        log.error("the log's head could not be anchored: %s", why)
        with contextlib.suppress(OSError):
            make_private(self._mark)


def append_line(path: Path, line: str) -> None:
    """Append one line, forced to disk; lines of several processes do not mix. Raise OSError."""
    fresh = not path.exists()
    descriptor = open_private(path, os.O_RDWR | os.O_APPEND)
    try:
        # A line that a full disk tore ends here, so that it spoils no other.
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        text = (b"\n" if torn else b"") + f"{line}\n".encode("ascii")
        if os.write(descriptor, text) != len(text):
            raise OSError(28, "No space left on device")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if fresh:
        sync_folder(path.parent)


def init_anchor(app: flask.Flask, settings: Settings) -> None:
    """Give `app` its anchor where CBT_AUDIT_ANCHOR names one.

    Raise InvalidInput("audit.anchor_place") for a place among the data or the keys.
    """
    app.extensions["cbt_anchor"] = None
    if settings.audit_anchor is None:
        return
    path = anchor_file(settings.audit_anchor)
    for folder in (settings.data_dir, settings.keys):
        if path.resolve().is_relative_to(folder.expanduser().resolve()):
            raise InvalidInput("audit.anchor_place", path=str(path), folder=str(folder))
    anchor = app.extensions["cbt_anchor"] = Anchor(path, settings.data_dir / MARK)
    app.extensions.setdefault(WARNINGS, []).append(lambda: ["anchor.behind"] if anchor.behind else [])


def anchor_file(place: Path) -> Path:
    place = place.expanduser()
    return place / FILE if place.is_dir() or not place.suffix else place


def read_anchors(path: Path) -> Iterator[Written]:
    """Yield the heads in an anchor file; a line torn by a full or failing disk, and an empty one, are left out.

    Raise InvalidInput("audit.anchors") when there is no such file, or no head in it.
    """
    path = anchor_file(path)
    try:
        lines = path.read_text("utf-8", errors="replace").splitlines()
    except OSError as error:
        raise InvalidInput("audit.anchors", path=str(path)) from error
    heads = []
    for line in lines:
        with contextlib.suppress(InvalidInput):
            heads.append(read_head(line))
    if not heads:
        raise InvalidInput("audit.anchors", path=str(path))
    yield from heads


# The audit log's chain: entries are recorded, sealed behind the last one, and written as rows.
#
# The driver lets the interpreter go at each statement, and gets it back behind whichever thread computes: a
# row at a time, that would be hundreds of turns. So the embedded database takes many rows by one statement.

AT_ONCE = 64
"""So many rows by one statement: with a dozen columns each they have fewer values than any SQLite takes."""


def insert_rows(cursor: Any, dialect: str, insert: str, rows: Sequence[Sequence[Any]]) -> None:
    """Write rows, at least one, by `insert`, which names table and columns up to VALUES."""
    if dialect == "postgresql":
        cursor.executemany(f"{insert} VALUES {_places(rows[0], '%s')}", rows)
        return
    places = _places(rows[0], "?")
    whole = len(rows) - len(rows) % AT_ONCE
    together = f"{insert} VALUES {', '.join([places] * AT_ONCE)}" if whole else ""
    for start in range(0, whole, AT_ONCE):
        cursor.execute(together, tuple(chain.from_iterable(rows[start : start + AT_ONCE])))
    if whole < len(rows):
        cursor.executemany(f"{insert} VALUES {places}", rows[whole:])


def _places(row: Sequence[Any], place: str) -> str:
    return f"({', '.join([place] * len(row))})"


# The end of the log, on the cursor of whatever transaction writes: read under lock, added to, and moved.
#
# A unit of work seals the entries of its session (chain.py); a batch of requests seals those of all of them
# at once.
#
# Source: R-64.

HEAD_ID = 1
KEYED, BROKEN = "audit.keyed", "audit.head_broken"


@dataclass(frozen=True, slots=True)
class EntryDraft:
    """An entry before it is hashed."""

    at: datetime
    actor: str
    act: str
    subject: str
    reason: str = ""
    before: str = ""
    after: str = ""

    @property
    def fields(self) -> list[str]:
        """What is hashed beside number and time."""
        return [self.actor, self.act, self.subject, self.reason, self.before, self.after]


@dataclass(frozen=True, slots=True)
class Tail:
    """What the next entry follows on, the key it is made with, and entries that have to come before it."""

    last_id: int
    last_hash: str
    print_: str
    key: bytes
    first: tuple[EntryDraft, ...] = ()
    new_row: bool = False
    fresh_key: bool = False


class ToFollow(NamedTuple):
    """What follows the commit of entries: the head to be anchored, and the print of a key that came into force."""

    head: str = ""
    fresh_key: str = ""


class Sealer:
    """Writes entries behind the last one, on a cursor of this database; the app's context is open."""

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect

    def seal(self, cursor: Any, lines: Sequence[EntryDraft]) -> ToFollow:
        """Write entries, at least one, in the order in which they are given."""
        return self.append(cursor, self.tail(cursor, at=lines[0].at), lines)

    def tail(self, cursor: Any, *, at: datetime) -> Tail:
        """Lock the head and return what the next entry follows on.

        A log without a key gets one, once: its first keyed entry seals the change-over. A head that this key did
        not make is put on record by an entry, and the act goes on: whoever can write to the database would
        otherwise stop an exam with it.
        """
        lock = " FOR UPDATE" if self._dialect == "postgresql" else ""
        query = f"SELECT last_id, hash, key_print, mac FROM audit_head WHERE id = ?{lock}"
        row = self._row(cursor, query, HEAD_ID)
        head = None if row is None else _HeadRow(*row)
        ring = keyring(head.key_print if head is not None else None)
        if head is not None and head.key_print and head.mac == head_mac(ring.key, head.last_id, head.hash):
            return Tail(head.last_id, head.hash, ring.print_, ring.key)
        unkeyed = head is None or not head.key_print
        if unkeyed and not ring.print_ and (head is not None or self._last(cursor) == (0, GENESIS)):
            return _begin(head, at)
        return self._after_damage(cursor, head, ring, at)

    def _after_damage(self, cursor: Any, head: _HeadRow | None, ring: Keyring, at: datetime) -> Tail:
        last_id, last_hash = self._last(cursor)
        head_facts = (
            None if head is None else {"number": head.last_id, "hash": head.hash, "key": head.key_print}
        )
        line = EntryDraft(
            at, "scheduler", BROKEN, "log", before=text_of(head_facts), after=text_of({"number": last_id})
        )
        print_, key, fresh = ring.print_, ring.key, False
        if not print_:
            key = make_key(_settings().keys)
            print_, fresh = fingerprint(key), True
        return Tail(last_id, last_hash, print_, key, (line,), new_row=head is None, fresh_key=fresh)

    def _last(self, cursor: Any) -> tuple[int, str]:
        row = self._row(cursor, "SELECT id, hash FROM audit_entry ORDER BY id DESC LIMIT 1")
        return (0, GENESIS) if row is None else (row[0], row[1])

    def append(self, cursor: Any, tail: Tail, lines: Sequence[EntryDraft]) -> ToFollow:
        """Write `lines` behind `tail` and move the head; return what follows the commit."""
        last_id, last_hash = tail.last_id, tail.last_hash
        rows: list[tuple[Any, ...]] = []
        at = None
        for line in (*tail.first, *lines):
            last_id, at = last_id + 1, line.at
            sealed = entry_hash(tail.key, last_hash, last_id, at, line.fields)
            rows.append((last_id, bind_instant(at, self._dialect), *line.fields, last_hash, sealed))
            last_hash = sealed
        if rows:
            self._insert(cursor, rows)
        head = (last_id, last_hash, tail.print_, head_mac(tail.key, last_id, last_hash))
        cursor.execute(self._sql(_NEW_HEAD if tail.new_row else _MOVE_HEAD), (*head, HEAD_ID))
        shown = "" if at is None else str(Head(last_id, at, last_hash[:DIGITS]))
        return ToFollow(shown, tail.print_ if tail.fresh_key else "")

    def _insert(self, cursor: Any, rows: Sequence[tuple[Any, ...]]) -> None:
        if self._dialect == "postgresql":  # all in one statement
            cursor.execute(
                f"{_INSERT} SELECT * FROM {_LISTS}", [list(one) for one in zip(*rows, strict=True)]
            )
        else:
            insert_rows(cursor, self._dialect, _INSERT, rows)

    def _row(self, cursor: Any, query: str, *values: object) -> Sequence[Any] | None:
        cursor.execute(self._sql(query), values)
        row: Sequence[Any] | None = cursor.fetchone()
        return row

    def _sql(self, text: str) -> str:
        return text.replace("?", "%s") if self._dialect == "postgresql" else text


_INSERT = 'INSERT INTO audit_entry (id, at, actor, act, subject, reason, "before", "after", prev_hash, hash)'
_LISTS = f"unnest(%s::int[], %s::timestamptz[], {', '.join(['%s::text[]'] * 8)})"
_NEW_HEAD = "INSERT INTO audit_head (last_id, hash, key_print, mac, id) VALUES (?, ?, ?, ?, ?)"
_MOVE_HEAD = "UPDATE audit_head SET last_id = ?, hash = ?, key_print = ?, mac = ? WHERE id = ?"


class _HeadRow(NamedTuple):
    last_id: int
    hash: str
    key_print: str
    mac: str


def _begin(head: _HeadRow | None, at: datetime) -> Tail:
    last_id, last_hash = (0, GENESIS) if head is None else (head.last_id, head.hash)
    key = make_key(_settings().keys)
    first = (keyed_line(at, fingerprint(key), former=""),) if last_id else ()
    return Tail(last_id, last_hash, fingerprint(key), key, first, new_row=head is None, fresh_key=True)


def _settings() -> Settings:
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    return settings


def keyed_line(at: datetime, print_: str, *, former: str, **more: str) -> EntryDraft:
    """Return the entry that begins a new key, named by its print; it is the first one made with it."""
    after = text_of({"key": print_, **more})
    return EntryDraft(at, "cli", KEYED, "log", before=text_of({"key": former}), after=after)


def text_of(values: Mapping[str, Any] | None) -> str:
    """Return the stored spelling of `before` and `after`."""
    return "" if values is None else canonical_json(dict(values))


def follow(app: flask.Flask, what: ToFollow) -> None:
    """Do what follows the commit of entries: a new key gets its place, and the head its line on another disk."""
    if what.fresh_key:
        settings: Settings = app.extensions["cbt_settings"]
        settle(settings.keys, what.fresh_key)
    anchor = _anchor(app)
    if anchor is not None and what.head:
        anchor.follow(what.head)


def has_to_follow(app: flask.Flask, what: ToFollow) -> bool:
    return bool(what.fresh_key or (what.head and _anchor(app) is not None))


def _anchor(app: flask.Flask) -> Anchor | None:
    return cast("Anchor | None", app.extensions.get("cbt_anchor"))


# The append-only, chained log of everything that changes an exam.
#
# Each entry is hashed under `audit.key` (outside the database) over the former one's hash and all it says, so
# whoever has the database alone can neither rewrite the log nor move its head unseen.
#
# Source: R-64.

_BUFFER = "cbt_audit"
_T = TypeVar("_T")


def record(
    session: Session,
    *,
    at: datetime,
    actor: str,
    act: str,
    subject: str,
    reason: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Add one line to the log of this unit of work; it is hashed just before COMMIT, or not written.

    `actor` is `staff:<ref>`, `candidate:<ref>`, `scheduler` or `cli`; `subject` is `<kind>:<ref>`.
    No value holds an answer key, a personal number or a part of one, or a name: people are named by refs.
    """
    record_entry(session, EntryDraft(at, actor, act, subject, reason, text_of(before), text_of(after)))


def record_entry(session: Session, line: EntryDraft) -> None:
    """Add one line that is written already; like `record`."""
    session.info.setdefault(_BUFFER, []).append(line)


@event.listens_for(Session, "before_commit")
def _seal(session: Session) -> None:
    lines: list[EntryDraft] = session.info.pop(_BUFFER, [])
    if lines:
        append(session, tail_of(session, at=lines[0].at), lines)


def ensure_keyed(session: Session, *, at: datetime) -> None:
    """Bring the log under its key, if it is not yet, and make sure that the key in force is there.

    Raise Unavailable("audit.key_missing") when it is not.
    """
    tail = tail_of(session, at=at)
    if tail.fresh_key or tail.first:
        append(session, tail, ())


def tail_of(session: Session, *, at: datetime) -> Tail:
    """Lock the head and return what the next entry of this unit of work follows on (see Sealer.tail)."""
    return _on(session, lambda sealer, cursor: sealer.tail(cursor, at=at))


def append(session: Session, tail: Tail, lines: Sequence[EntryDraft]) -> None:
    """Write `lines` behind `tail` and move the head; what follows the commit is asked for here."""
    follows = _on(session, lambda sealer, cursor: sealer.append(cursor, tail, lines))
    after_commit(session, lambda: follow(flask.current_app, follows))


def _on(session: Session, work: Callable[[Sealer, Any], _T]) -> _T:
    """Do something to the end of the log on the cursor of a session, as its own changes have left it."""
    session.flush()
    cursor = session.connection().connection.cursor()
    done = work(Sealer(session.get_bind().dialect.name), cursor)
    cursor.close()
    return done
