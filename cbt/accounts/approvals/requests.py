"""Requests for a second person: asked for, and used up by the act they were asked for; one winner each.

Source: R-62.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cbt.accounts.approvals.second import Second, SecondNeeded
from cbt.accounts.models import Approval, Staff
from cbt.audit.chain import record
from cbt.db.unit_of_work import unit_of_work
from cbt.errors import Conflict, TooMany
from cbt.rules.canonical import canonical_json
from cbt.web.refs import new_ref
from cbt.web.who.login import Principal

LASTS = timedelta(minutes=5)
"""How long a request waits: what was previewed longer ago is previewed again."""
MOST_WAITING = 20
"""Requests of one person that wait at the same time; more is a mistake or mischief."""


class ApprovalState(StrEnum):
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
class ApprovalWish:
    """What is asked for: the act with its exact parameters, where, and what the second person reads."""

    kind: str
    act: str
    subject: str
    place: str
    params: str
    preview: Sequence[Line]


def ask(wish: ApprovalWish, needed: SecondNeeded, *, first: Principal, machine: str, now: datetime) -> str:
    """Store a request and return its ref; the same wish of the same person that still waits is that one.

    Raise TooMany("approval.many") for more than 20 at a time.

    Source: R-62.
    """
    digest = digest_of(wish.kind, wish.act, wish.subject, wish.params, needed.seen, first.subject_ref)
    with unit_of_work() as session:
        # One person's requests are counted one after the other.
        session.execute(select(Staff.id).where(Staff.ref == first.subject_ref).with_for_update())
        mine = select(Approval).where(
            Approval.asked_by == first.subject_ref,
            Approval.state == ApprovalState.PENDING,
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
            state=ApprovalState.PENDING,
            way="",
            reason="",
            result="",
            code_tries=0,
        )
        session.add(row)
        note(session, row, "ask", by=first.subject_ref, machine=machine, now=now)
        return row.ref


def digest_of(*parts: str) -> str:
    """Return the keyed digest of a request's parts: whoever changes the row cannot make it fit."""
    return keyed(canonical_json(list(parts)))


def keyed(text: str) -> str:
    """Return the digest of a text under this installation's key."""
    key = flask.current_app.config["SECRET_KEY"]
    secret = key if isinstance(key, bytes) else str(key).encode()
    return hmac.new(secret, text.encode(), "sha256").hexdigest()


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
        .where(
            Approval.id == second.approval_id,
            Approval.state == ApprovalState.PENDING,
            Approval.expires_at > now,
        )
        .values(
            state=ApprovalState.DONE, settled_at=now, settled_by=second.ref, way=second.way, code_hash=None
        )
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


def put_result(session: Session, second: Second | None, result: Mapping[str, Any]) -> None:
    """Put down what an approved act did, in the unit of work that did it, and empty the request's parameters.

    Whoever sees a request done reads what was done, and a process that dies loses neither without the other.
    """
    if second is None or second.approval_id is None:
        return
    session.execute(
        update(Approval)
        .where(Approval.id == second.approval_id)
        .values(result=canonical_json(dict(result)), params="")
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
