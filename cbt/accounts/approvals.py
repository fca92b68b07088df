"""Requests for a second person: asked, shown, approved or refused, withdrawn, expired; one winner each.

Source: R-62.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import flask
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from cbt.accounts import store
from cbt.accounts.approval_kinds import kind_of
from cbt.accounts.models import Approval, Staff
from cbt.accounts.second import Second, SecondNeeded, insist_on_another
from cbt.audit.chain import record
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import (
    CbtError,
    Conflict,
    Gone,
    InvalidInput,
    Locked,
    NotAllowed,
    NotFound,
    TooEarly,
    TooMany,
)
from cbt.rules.canonical import canonical_json
from cbt.web.login import Principal
from cbt.web.refs import new_ref

LASTS = timedelta(minutes=5)
"""How long a request waits: what was previewed longer ago is previewed again."""
MOST_WAITING = 20
"""Requests of one person that wait at the same time; more is a mistake or mischief."""
LONGEST_REASON = 200

_REFUSALS = (Conflict, InvalidInput, NotAllowed, NotFound, TooEarly, Gone, Locked)
_OURS = frozenset({"approval.settled", "approval.expired"})


class State(StrEnum):
    """Where a request stands."""

    PENDING = "pending"
    DONE = "done"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    FAILED = "failed"


Line = tuple[str, str, str]
"""One line of a preview: label (a catalogue id), kind (`text`, `word`, `span` in seconds), value."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: the act with its exact parameters, where, and what the second person reads."""

    kind: str
    act: str
    subject: str
    place: str
    params: str
    preview: Sequence[Line]


def ask(wish: Wish, needed: SecondNeeded, *, first: Principal, machine: str, now: datetime) -> str:
    """Store a request and return its ref; the same wish of the same person that still waits is that one.

    Raise TooMany("approval.many") for more than 20 at a time.

    Source: R-62.
    """
    digest = _digest(wish.kind, wish.act, wish.subject, wish.params, needed.seen, first.subject_ref)
    with unit_of_work() as session:
        # One person's requests are counted one after the other.
        session.execute(select(Staff.id).where(Staff.ref == first.subject_ref).with_for_update())
        mine = select(Approval).where(
            Approval.asked_by == first.subject_ref,
            Approval.state == State.PENDING,
            Approval.expires_at > now,
        )
        waiting = session.scalars(mine).all()
        for one in waiting:
            if one.digest == digest:
                return one.ref
        if len(waiting) >= MOST_WAITING:
            raise TooMany("approval.many", seconds=int(LASTS.total_seconds()))
        row = Approval(
            ref=new_ref("ap"),
            kind=wish.kind,
            act=wish.act,
            subject=wish.subject,
            roles=",".join(sorted(needed.roles)),
            assigned=needed.assigned,
            place=wish.place[:240],
            preview=canonical_json([list(line) for line in wish.preview]),
            params=wish.params,
            seen=needed.seen,
            digest=digest,
            asked_by=first.subject_ref,
            asked_machine=machine[:64],
            asked_at=now,
            expires_at=now + LASTS,
            state=State.PENDING,
            way="",
            reason="",
            result="",
            code_tries=0,
        )
        session.add(row)
        note(session, row, "ask", by=first.subject_ref, machine=machine, now=now)
        return row.ref


def _digest(*parts: str) -> str:
    """Return the keyed digest of a request's parts: whoever changes the row cannot make it fit."""
    key = flask.current_app.config["SECRET_KEY"]
    secret = key if isinstance(key, bytes) else str(key).encode()
    return hmac.new(secret, canonical_json(list(parts)).encode(), "sha256").hexdigest()


def note(
    session: Session, row: Approval, step: str, *, by: str, machine: str, now: datetime, **more: Any
) -> None:
    """Put one step of a request on record, with the act, its digest and a short name of the machine."""
    short = hmac.new(b"machine", machine.encode(), "sha256").hexdigest()[:12] if machine else ""
    record(
        session,
        at=now,
        actor=by if by == "scheduler" else f"staff:{by}",
        act=f"approval.{step}",
        subject=f"approval:{row.ref}",
        after={"act": row.act, "of": row.subject, "digest": row.digest[:16], "machine": short, **more},
    )


def claim(session: Session, second: Second | None, *, now: datetime) -> None:
    """Use a request up in the unit of work that carries out its act; nothing for a second by credential.

    The `where` repeats the state, so of racing approvals one wins and the others change nothing. Raise
    Conflict("approval.settled").

    Source: R-62.
    """
    if second is None or second.approval_id is None:
        return
    row = session.scalar(
        update(Approval)
        .where(Approval.id == second.approval_id, Approval.state == State.PENDING, Approval.expires_at > now)
        .values(state=State.DONE, settled_at=now, settled_by=second.ref, way=second.way, code_hash=None)
        .returning(Approval)
    )
    if row is None:
        raise Conflict("approval.settled")
    same = bool(second.machine) and second.machine == row.asked_machine
    note(
        session,
        row,
        "approve",
        by=second.ref,
        machine=second.machine,
        now=now,
        way=second.way,
        same_machine=same,
    )


def countersigned(second: Second | None, *, roles: frozenset[str], seen: str) -> None:
    """Hold an act at the end of its unit of work against what was approved.

    Raise SecondNeeded without a second person: the act was gone through and would hold, and nothing of it is
    kept; Conflict("approval.changed") when it touches something else than was approved.

    Source: R-62.
    """
    if second is None:
        raise SecondNeeded(roles=roles, seen=seen)
    second.insist(seen)


def approve(ref: str, principal: Principal, *, digest: str, machine: str, now: datetime) -> None:
    """Approve a request in one's own session, and do the act exactly as it was previewed.

    Raise what `second_of` raises, Conflict("approval.settled"|"approval.altered"|"approval.changed"), and
    whatever the act itself refuses: then the request is over, and says so.

    Source: R-62.
    """
    with reading() as session:
        row = waiting_request(session, ref, now=now)
        if not hmac.compare_digest(row.digest, digest):
            raise Conflict("approval.altered")
        second = second_of(session, row, principal.subject_ref, way="session", machine=machine, now=now)
    carry_out(row, second, now=now)


def waiting_request(session: Session, ref: str, *, now: datetime) -> Approval:
    """Return a request that waits; raise NotFound("approval.unknown"), Conflict for one that is over."""
    row = session.scalar(select(Approval).where(Approval.ref == ref))
    if row is None:
        raise NotFound("approval.unknown")
    if row.state == State.EXPIRED or (row.state == State.PENDING and row.expires_at <= now):
        raise Conflict("approval.expired")
    if row.state != State.PENDING:
        raise Conflict("approval.settled")
    return row


def first_of(session: Session, row: Approval) -> Principal:
    """Return who asked; raise Conflict("approval.asker_gone") when they may not work here any more."""
    first = store.staff_principal(session, row.asked_by)
    if first is None or first.must_change_password:
        raise Conflict("approval.asker_gone")
    return first


def second_of(session: Session, row: Approval, ref: str, *, way: str, machine: str, now: datetime) -> Second:
    """Return `ref` as the second person of a request; raise what `insist_on_another` raises. Source: R-62."""
    staff = store.staff_by_ref(session, ref)
    wanted = kind_of(row).wanted(session, row)
    roles = insist_on_another(session, staff, first=first_of(session, row), wanted=wanted, now=now)
    return Second(staff.ref, staff.name, roles, row.id, row.seen, way, machine)


def carry_out(row: Approval, second: Second, *, now: datetime) -> None:
    """Do the act of a request with both persons; one that cannot be done any more is over and says why."""
    if _digest(row.kind, row.act, row.subject, row.params, row.seen, row.asked_by) != row.digest:
        raise Conflict("approval.altered")
    with reading() as session:
        first = first_of(session, row)
    try:
        result = kind_of(row).carry_out(row, first, second, now)
    except _REFUSALS as error:
        if error.code not in _OURS:
            _fail(row, second, error, now=now)
        raise
    with unit_of_work() as session:
        session.execute(
            update(Approval)
            .where(Approval.id == row.id, Approval.state == State.DONE)
            .values(result=canonical_json(dict(result)), params="")
        )


def _fail(row: Approval, second: Second, error: CbtError, *, now: datetime) -> None:
    plain = {name: value for name, value in error.params.items() if isinstance(value, (str, int))}
    with unit_of_work() as session:
        result = canonical_json({"code": error.code, "params": plain})
        if settle(session, row, State.FAILED, by=second.ref, now=now, result=result):
            note(session, row, "fail", by=second.ref, machine=second.machine, now=now, why=error.code)


def settle(
    session: Session,
    row: Approval,
    state: State,
    *,
    by: str | None,
    now: datetime,
    reason: str = "",
    result: str = "",
) -> bool:
    """End a request that waits, without its act; return whether this call did. Its parameters are emptied."""
    ended = session.scalar(
        update(Approval)
        .where(Approval.id == row.id, Approval.state == State.PENDING)
        .values(
            state=state,
            settled_at=now,
            settled_by=by,
            reason=reason,
            result=result,
            params="",
            code_hash=None,
        )
        .returning(Approval.id)
    )
    return ended is not None


def refuse(ref: str, principal: Principal, *, reason: str, machine: str, now: datetime) -> None:
    """Refuse a request with a reason; only who could approve it can.

    Raise InvalidInput("approval.reason"), Conflict("approval.settled").
    """
    reason = " ".join(reason.split())[:LONGEST_REASON]
    if not reason:
        raise InvalidInput("approval.reason", field="reason")
    with unit_of_work() as session:
        row = waiting_request(session, ref, now=now)
        second_of(session, row, principal.subject_ref, way="session", machine=machine, now=now)
        if not settle(session, row, State.REFUSED, by=principal.subject_ref, now=now, reason=reason):
            raise Conflict("approval.settled")
        note(session, row, "refuse", by=principal.subject_ref, machine=machine, now=now, why=reason)


def withdraw(ref: str, principal: Principal, *, machine: str, now: datetime) -> None:
    """Take one's own request back; raise NotFound for somebody else's, Conflict once it is over."""
    with unit_of_work() as session:
        row = waiting_request(session, ref, now=now)
        if row.asked_by != principal.subject_ref:
            raise NotFound("approval.unknown")
        if not settle(session, row, State.WITHDRAWN, by=principal.subject_ref, now=now):
            raise Conflict("approval.settled")
        note(session, row, "withdraw", by=principal.subject_ref, machine=machine, now=now)


def expire_approvals(*, now: datetime) -> int:
    """End the requests nobody answered in time; return how many this call ended. A request checks itself."""
    overdue = (Approval.state == State.PENDING, Approval.expires_at <= now)
    with reading() as session:
        if not session.scalar(select(func.count()).select_from(Approval).where(*overdue)):
            return 0
    with unit_of_work() as session:
        rows = session.scalars(select(Approval).where(*overdue).order_by(Approval.id).limit(200)).all()
        ended = [row for row in rows if settle(session, row, State.EXPIRED, by=None, now=now)]
        for row in ended:
            note(session, row, "expire", by="scheduler", machine="", now=now)
        return len(ended)
