"""The append-only, chained log of everything that changes an exam.

Each entry is hashed under `audit.key` (outside the database) over the former one's hash and all it says, so
whoever has the database alone can neither rewrite the log nor move its head unseen. How entries get there is in
sealing.py.

Source: R-64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import flask
from sqlalchemy import event
from sqlalchemy.orm import Session

from cbt.audit.sealing import EntryDraft, Sealer, Tail, follow, text_of
from cbt.db.unit_of_work import after_commit

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
