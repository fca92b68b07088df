"""The audit log's chain: entries recorded, hashed under `audit.key`, sealed behind the last one; keys and head.

A new key takes its place in two steps, so that neither is ever ahead of the other: it is written as
`audit-<print>.key.new`, the database is told its fingerprint by the transaction that first uses it, and then the
file gets its name. A process that was killed in between leaves the second step to whoever comes next.

Source: R-64.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import logging
import os
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import flask
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from cbt.audit.anchor import Anchor
from cbt.audit.models import AuditEntry, AuditHead
from cbt.config import Settings
from cbt.errors import InvalidInput, Unavailable
from cbt.rules.canonical import canonical_json, digest
from cbt.storage.backup_folder import sync_folder
from cbt.storage.crypto import KEY_BYTES, fingerprint, write_key
from cbt.storage.types import bind_instant, to_micros
from cbt.storage.unit_of_work import after_commit

NAME = "audit"
PRESENT = f"{NAME}.key"
_COMING = ".key.new"
_EXTENSION = "cbt_audit_keys"


@dataclass(frozen=True, slots=True)
class Keyring:
    """The audit key in force ("" and no bytes when there is none yet), and every key there is by its print."""

    print_: str
    key: bytes
    known: dict[str, bytes]


class _KnownKeys(NamedTuple):
    """The keys as this process has read them, and what the file of the present one was then."""

    folder: Path
    ring: Keyring
    seen: tuple[int, ...]


def keyring(wanted: str | None) -> Keyring:
    """Return the keys of this installation; `wanted` is the print the database names, None: none yet.

    They are read once a process, and again when the database names another or the file is another: a key that
    was replaced is not in force again because a database says so. A file that went away stops nobody who has
    read it.

    Raise Unavailable("audit.key_missing") when the key the database names is not there.
    """
    known: _KnownKeys | None = flask.current_app.extensions.get(_EXTENSION)
    folder = known.folder if known is not None else _settings().keys
    now = _seen(folder / PRESENT)
    if known is not None and known.ring.print_ and known.ring.print_ == wanted and now in ((), known.seen):
        return known.ring
    ring = read_keyring(folder, wanted)
    flask.current_app.extensions[_EXTENSION] = _KnownKeys(folder, ring, now)
    return ring


def _seen(path: Path) -> tuple[int, ...]:
    try:
        stat = path.stat()
    except OSError:
        return ()
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def read_keyring(folder: Path, wanted: str | None) -> Keyring:
    """Read the key files; like `keyring`."""
    key_files: dict[str, tuple[Path, bytes]] = {}
    for path in [*folder.glob(f"{NAME}-*.key"), *folder.glob(f"{NAME}-*{_COMING}"), folder / PRESENT]:
        try:
            key = path.read_bytes()
        except FileNotFoundError:
            continue  # a key that gets its place this moment is found there, which is looked at last
        if len(key) != KEY_BYTES:
            raise Unavailable("db.key_damaged", path=str(path))
        key_files[fingerprint(key)] = (path, key)
    keys = {print_: key for print_, (_, key) in key_files.items()}
    if not wanted:
        if not (folder / PRESENT).is_file():
            return Keyring("", b"", keys)
        wanted = fingerprint((folder / PRESENT).read_bytes())
    place = key_files.get(wanted)
    # A former key is kept to read by; it is never the one in force again, whatever a database says.
    if place is None or not (place[0].name == PRESENT or place[0].name.endswith(_COMING)):
        raise Unavailable("audit.key_missing", path=str(folder / PRESENT), print=wanted)
    return Keyring(wanted, place[1], keys)


def make_key(folder: Path) -> bytes:
    """Write a key that is to come, 0600 and on disk, and return it."""
    key = secrets.token_bytes(KEY_BYTES)
    write_key(_coming(folder, fingerprint(key)), key)
    return key


def settle(folder: Path, print_: str) -> None:
    """Give the key that came into force its place and keep the former under its print; a repeat does nothing."""
    coming, present = _coming(folder, print_), folder / PRESENT
    with contextlib.suppress(FileNotFoundError, FileExistsError):  # another process was faster
        if not coming.is_file():
            return
        if present.is_file():
            os.link(present, folder / f"{NAME}-{fingerprint(present.read_bytes())}.key")
    with contextlib.suppress(FileNotFoundError):
        coming.replace(present)
        sync_folder(folder)


def set_aside(folder: Path) -> Path | None:
    """Keep `audit.key` under its print, in force for nothing; return where, None when there is none.

    For a log from before there were keys that was brought back beside one: that key is another log's.
    """
    present = folder / PRESENT
    if not present.is_file():
        return None
    kept = folder / f"{NAME}-{fingerprint(present.read_bytes())}.key"
    present.replace(kept)
    sync_folder(folder)
    return kept


def _coming(folder: Path, print_: str) -> Path:
    return folder / f"{NAME}-{print_}{_COMING}"


# The hash of an audit entry, with and without the installation's key, and the head of the log (日志锚点).
#
# Source: R-64.

GENESIS = "0" * 64


def entry_hash(key: bytes, prev_hash: str, entry_id: int, at: datetime, fields: Sequence[str]) -> str:
    """Return the hash of one entry over the former hash and everything the entry says, under `key`."""
    text = canonical_json([prev_hash, entry_id, to_micros(at), *fields])
    return hmac.digest(key, text.encode(), "sha256").hex()


def head_mac(key: bytes, last_id: int, last_hash: str) -> str:
    """Return what says that the log ends here: whoever moves the head without the key cannot make it."""
    return hmac.digest(key, canonical_json(["head", last_id, last_hash]).encode(), "sha256").hex()


def plain_hashes(prev_hash: str, entry_id: int, at: datetime, fields: Sequence[str]) -> tuple[str, str]:
    """Return the hashes of an entry from before the key: the later spelling, and that of 0.1.0.

    That version hashed JSON with a space after each comma.
    """
    parts = [prev_hash, entry_id, to_micros(at), *fields]
    return digest(canonical_json(parts)), digest(json.dumps(parts, ensure_ascii=False))


class Content:
    """A digest, without a key, of all that was read so far: it stands in for hashes whose key was lost."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256()

    def add(self, entry_id: int, at: datetime, fields: Sequence[str]) -> None:
        self._sum.update(canonical_json([entry_id, to_micros(at), *fields]).encode() + b"\n")

    @property
    def digest(self) -> str:
        return self._sum.hexdigest()


# The head of the log (日志锚点): number, time and digest of its last entry, in a form people copy and compare.
#
#     123 2026-11-24T01:00:05Z 1a2b-3c4d-5e6f-7a8b-9c0d-1e2f-3a4b-5c6d
#
# Whoever keeps one, on paper or on another disk, can show later that the log up to it was neither cut nor
# rewritten. The digest is the first 128 bits of the entry's hash.
#
# Source: R-64.

DIGITS = 32
_GROUP = 4
_DIGITS = rf"(?P<digits>(?:[0-9a-f]{{{_GROUP}}}[\s-]*){{{DIGITS // _GROUP}}})"
_WRITTEN = re.compile(rf"\D{{0,20}}(?P<number>[0-9]{{1,18}})(?:\D.*?)?{_DIGITS}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Head:
    """Where the log ended at some moment: the last entry's number, its instant, the first digits of its hash."""

    number: int
    at: datetime
    digits: str

    @property
    def groups(self) -> str:
        return "-".join(self.digits[at : at + _GROUP] for at in range(0, DIGITS, _GROUP))

    def __str__(self) -> str:
        at = self.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return f"{self.number} {at} {self.groups}"


@dataclass(frozen=True, slots=True)
class Written:
    """A head as somebody copied it: the number and the digits; the time is for people."""

    number: int
    digits: str


def head_of(session: Session) -> Head | None:
    """Return the head of the log as this session sees it; None for an empty log."""
    row = session.execute(
        select(AuditEntry.id, AuditEntry.at, AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1)
    ).one_or_none()
    return None if row is None else Head(row.id, row.at, row.hash[:DIGITS])


def read_head(text: str) -> Written:
    """Return what a copied head says; spaces, hyphens and capitals do not matter, nor does the time.

    Raise InvalidInput("audit.head") for what is none.
    """
    match = _WRITTEN.fullmatch(text.strip().lower())
    if match is None:
        raise InvalidInput("audit.head", text=text.strip()[:80])
    return Written(int(match["number"]), re.sub(r"[\s-]", "", match["digits"]))


log = logging.getLogger(__name__)


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


def check_key_there(session: Session, folder: Path) -> None:
    """Make sure, and write nothing, that the log can be gone on with; raise as `ensure_keyed`."""
    row = session.execute(select(AuditHead.key_print).where(AuditHead.id == HEAD_ID)).one_or_none()
    read_keyring(folder, None if row is None else row.key_print)


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
