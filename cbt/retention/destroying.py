"""Use cases: a destruction is asked for by one, confirmed by another, and carried out piece by piece (R-95).

The row is the queue: the leader's job goes on where it stood, whatever ended it. What is gone is counted in the
same transaction in which it goes.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.accounts.two_people import insist_on_two
from cbt.audit.chain import record
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import Conflict, InvalidInput
from cbt.retention.due import due_batch
from cbt.retention.holds import locked_batch, standing_hold
from cbt.retention.models import Destruction
from cbt.retention.pieces import erase_piece, registrations_left
from cbt.retention.store import ASKED, DONE, RUNNING, WITHDRAWN, destruction_by_ref
from cbt.retention.terms import KINDS, kept_years
from cbt.rules.canonical import canonical_json
from cbt.rules.roles import Role
from cbt.rules.second_person import PersonStep
from cbt.sittings.models import Batch
from cbt.web.refs import new_ref
from cbt.web.texts import required

NOTE = 500
CONFIRMERS = (Role.OFFICER, Role.ADMIN)
"""Who confirms what an officer asked for."""
NEXT = {ASKED: (RUNNING, DONE, WITHDRAWN), RUNNING: (DONE,)}
"""What may become of one: electronic records go piece by piece, paper is gone when that is confirmed."""
AT_ONCE = 20
"""Pieces in one run of the job: saves pass in between."""


def ask(batch_ref: str, *, kind: str, note: str, today: date, now: datetime, actor: str) -> str:
    """Ask for the destruction of a batch's records, and return its ref.

    Raise InvalidInput("retention.kind"), ("retention.no_note"), Conflict("retention.asked") where it was asked
    or done before, and as `_require_due` does.

    Source: R-95.
    """
    if kind not in KINDS:
        raise InvalidInput("retention.kind", field="kind")
    note = required(note, "retention.no_note", "note", limit=NOTE)
    with unit_of_work() as session:
        batch = locked_batch(session, batch_ref)
        query = select(Destruction.id).where(
            Destruction.batch_id == batch.id, Destruction.kind == kind, Destruction.state != WITHDRAWN
        )
        if session.scalar(query.limit(1)) is not None:
            raise Conflict("retention.asked")
        _require_due(session, batch, kind, today)
        due = due_batch(session, batch)
        row = Destruction(
            ref=new_ref("de", 10),
            batch_id=batch.id,
            kind=kind,
            state=ASKED,
            last_on=due.last_on,
            due_on=due.electronic_on if kind == KINDS[0] else due.paper_on,
            years=kept_years(session).of(kind),
            note=note,
            asked_at=now,
            asked_by=actor,
            settled_by="",
            total=0,
            left=0,
            counts="{}",
        )
        session.add(row)
        session.flush()
        after = {"batch": batch.ref, "kind": kind}
        record(
            session, at=now, actor=actor, act="retention.ask", subject=row.logged_as, reason=note, after=after
        )
        return row.ref


def confirm(ref: str, *, today: date, now: datetime, actor: str) -> None:
    """Confirm a destruction as the second person: electronic records go from now on, paper is noted as gone.

    Raise Conflict("retention.settled"), ("retention.same_person"), and as `insist_on_two` and `_require_due` do.

    Source: R-62, R-95.
    """
    with unit_of_work() as session:
        row, batch = _asked(session, ref)
        insist_on_two(
            session,
            [PersonStep(row.asked_by, row.asked_at)],
            actor,
            roles=CONFIRMERS,
            same=Conflict("retention.same_person"),
            now=now,
        )
        _require_due(session, batch, row.kind, today)
        row.settled_at, row.settled_by = now, actor
        if row.kind == KINDS[0]:
            _move(row, RUNNING)
            row.total = row.left = registrations_left(session, batch.id)
        else:
            _move(row, DONE)
            row.done_at = now
        after = {"batch": batch.ref, "kind": row.kind}
        record(session, at=now, actor=actor, act="retention.confirm", subject=row.logged_as, after=after)


def withdraw(ref: str, *, now: datetime, actor: str) -> None:
    """Take a destruction back that nobody confirmed; raise Conflict("retention.settled"). Source: R-95."""
    with unit_of_work() as session:
        row, batch = _asked(session, ref)
        _move(row, WITHDRAWN)
        row.settled_at, row.settled_by = now, actor
        after = {"batch": batch.ref, "kind": row.kind}
        record(session, at=now, actor=actor, act="retention.withdraw", subject=row.logged_as, after=after)


def destroy_confirmed(*, now: datetime, at_once: int = AT_ONCE) -> int:
    """Go on with what was confirmed, the oldest first; return how many pieces went.

    Source: R-95.
    """
    with reading() as session:
        query = select(Destruction.id).where(Destruction.state == RUNNING).order_by(Destruction.id)
        waiting = session.scalar(query.limit(1))
    if waiting is None:
        return 0
    for done in range(at_once):
        if not _one_piece(waiting, now=now):
            return done + 1
    return at_once


def _one_piece(destruction_id: int, *, now: datetime) -> bool:
    """Destroy a piece and count it; say whether there is more."""
    with unit_of_work() as session:
        row = session.get_one(Destruction, destruction_id, with_for_update=True)
        if row.state != RUNNING:
            return False
        gone: Counter[str] = Counter(json.loads(row.counts))
        more = erase_piece(session, row.batch_id, gone, last_on=row.last_on)
        row.counts = canonical_json({name: count for name, count in sorted(gone.items()) if count})
        row.left = registrations_left(session, row.batch_id)
        if not more:
            _move(row, DONE)
            row.done_at = now
            batch = session.get_one(Batch, row.batch_id)
            after = {"batch": batch.ref, "erased": sum(gone.values())}
            subject = row.logged_as
            record(session, at=now, actor="system", act="retention.done", subject=subject, after=after)
        return more


def _move(row: Destruction, state: str) -> None:
    """Let a destruction whose row is locked go on; raise Conflict("retention.settled") where it cannot."""
    if state not in NEXT.get(row.state, ()):
        raise Conflict("retention.settled")
    row.state = state


def _asked(session: Session, ref: str) -> tuple[Destruction, Batch]:
    row = destruction_by_ref(session, ref)
    batch = locked_batch(session, session.get_one(Batch, row.batch_id).ref)
    session.refresh(row)
    if row.state != ASKED:
        raise Conflict("retention.settled")
    return row, batch


def _require_due(session: Session, batch: Batch, kind: str, today: date) -> None:
    """Raise Conflict("retention.held"), ("retention.not_due") with the day from which on it will be."""
    if standing_hold(session, batch.id) is not None:
        raise Conflict("retention.held")
    found = due_batch(session, batch)
    due = found.electronic_on if kind == KINDS[0] else found.paper_on
    if today < due:
        raise Conflict("retention.not_due", day=due.isoformat())
