"""The append-only, chained log of everything that changes an exam.

Each entry is hashed under `audit.key` (outside the database) over the former one's hash and all it says, so
whoever has the database alone can neither rewrite the log nor move its head unseen.

Source: R-64.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import flask
from sqlalchemy import event, insert, select, update
from sqlalchemy.orm import Session

from cbt.audit.anchor import Anchor
from cbt.audit.hashing import GENESIS, entry_hash, head_mac
from cbt.audit.heads import DIGITS, Head
from cbt.audit.keyring import Keyring, keyring, make_key, settle
from cbt.audit.models import AuditEntry, AuditHead
from cbt.config import Settings
from cbt.db.private.keys import fingerprint
from cbt.db.unit_of_work import after_commit
from cbt.rules.canonical import canonical_json

HEAD_ID = 1
KEYED, BROKEN = "audit.keyed", "audit.head_broken"
_BUFFER = "cbt_audit"


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
    line = EntryDraft(at, actor, act, subject, reason, text_of(before), text_of(after))
    session.info.setdefault(_BUFFER, []).append(line)


def text_of(values: Mapping[str, Any] | None) -> str:
    """Return the stored spelling of `before` and `after`."""
    return "" if values is None else canonical_json(dict(values))


@event.listens_for(Session, "before_commit")
def _seal(session: Session) -> None:
    lines: list[EntryDraft] = session.info.pop(_BUFFER, [])
    if lines:
        session.flush()
        append(session, tail_of(session, at=lines[0].at), lines)


def ensure_keyed(session: Session, *, at: datetime) -> None:
    """Bring the log under its key, if it is not yet, and make sure that the key in force is there.

    Raise Unavailable("audit.key_missing") when it is not.
    """
    tail = tail_of(session, at=at)
    if tail.fresh_key or tail.first:
        append(session, tail, ())


def tail_of(session: Session, *, at: datetime) -> Tail:
    """Lock the head and return what the next entry follows on.

    A log without a key gets one, once: its first keyed entry seals the change-over. A head that this key did
    not make is put on record by an entry, and the act goes on: whoever can write to the database would
    otherwise stop an exam with it.
    """
    head = session.scalars(
        select(AuditHead)
        .where(AuditHead.id == HEAD_ID)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    ring = keyring(head.key_print if head is not None else None)
    if head is not None and head.key_print and head.mac == head_mac(ring.key, head.last_id, head.hash):
        return Tail(head.last_id, head.hash, ring.print_, ring.key)
    unkeyed = head is None or not head.key_print
    if unkeyed and not ring.print_ and (head is not None or _last(session) == (0, GENESIS)):
        return _begin(head, at)
    return _after_damage(session, head, ring, at)


def _begin(head: AuditHead | None, at: datetime) -> Tail:
    last_id, last_hash = (0, GENESIS) if head is None else (head.last_id, head.hash)
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    key = make_key(settings.keys)
    first = (keyed_line(at, fingerprint(key), former=""),) if last_id else ()
    return Tail(last_id, last_hash, fingerprint(key), key, first, new_row=head is None, fresh_key=True)


def keyed_line(at: datetime, print_: str, *, former: str, **more: str) -> EntryDraft:
    """Return the entry that begins a new key, named by its print; it is the first one made with it."""
    after = text_of({"key": print_, **more})
    return EntryDraft(at, "cli", KEYED, "log", before=text_of({"key": former}), after=after)


def _after_damage(session: Session, head: AuditHead | None, ring: Keyring, at: datetime) -> Tail:
    last_id, last_hash = _last(session)
    said = None if head is None else {"number": head.last_id, "hash": head.hash, "key": head.key_print}
    line = EntryDraft(
        at, "scheduler", BROKEN, "log", before=text_of(said), after=text_of({"number": last_id})
    )
    print_, key, fresh = ring.print_, ring.key, False
    if not print_:
        settings: Settings = flask.current_app.extensions["cbt_settings"]
        key = make_key(settings.keys)
        print_, fresh = fingerprint(key), True
    return Tail(last_id, last_hash, print_, key, (line,), new_row=head is None, fresh_key=fresh)


def _last(session: Session) -> tuple[int, str]:
    query = select(AuditEntry.id, AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1)
    row = session.execute(query).one_or_none()
    return (0, GENESIS) if row is None else (row.id, row.hash)


def append(session: Session, tail: Tail, lines: Sequence[EntryDraft]) -> None:
    """Write `lines` behind `tail` and move the head; what follows the commit is asked for here."""
    last_id, last_hash = tail.last_id, tail.last_hash
    rows: list[dict[str, Any]] = []
    for line in (*tail.first, *lines):
        last_id += 1
        sealed = entry_hash(tail.key, last_hash, last_id, line.at, line.fields)
        rows.append(
            {
                "id": last_id,
                "at": line.at,
                "actor": line.actor,
                "act": line.act,
                "subject": line.subject,
                "reason": line.reason,
                "before": line.before,
                "after": line.after,
                "prev_hash": last_hash,
                "hash": sealed,
            }
        )
        last_hash = sealed
    if rows:
        session.execute(insert(AuditEntry), rows)
    mac = head_mac(tail.key, last_id, last_hash)
    values = {"last_id": last_id, "hash": last_hash, "key_print": tail.print_, "mac": mac}
    if tail.new_row:
        session.execute(insert(AuditHead).values(id=HEAD_ID, **values))
    else:
        session.execute(update(AuditHead).where(AuditHead.id == HEAD_ID).values(**values))
    _follow(session, tail, rows)


def _follow(session: Session, tail: Tail, rows: Sequence[Mapping[str, Any]]) -> None:
    if tail.fresh_key:
        settings: Settings = flask.current_app.extensions["cbt_settings"]
        after_commit(session, lambda: settle(settings.keys, tail.print_))
    anchor: Anchor | None = flask.current_app.extensions.get("cbt_anchor")
    if anchor is not None and rows:
        head = Head(rows[-1]["id"], rows[-1]["at"], rows[-1]["hash"][:DIGITS])
        after_commit(session, lambda: anchor.follow(str(head)))
