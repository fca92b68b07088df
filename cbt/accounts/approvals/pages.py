"""What people see of requests: what waits for them, what became of their own, one request with its preview."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

import flask_babel
from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from cbt.accounts import store
from cbt.accounts.approvals.requests import ApprovalState, Wanted, able_seconds, insist_on_another, kind_of
from cbt.accounts.models import Approval, Staff, StaffRole
from cbt.errors import CbtError, InvalidInput, NotAllowed, NotFound
from cbt.http.auth.login import Principal
from cbt.http.i18n import explain
from cbt.rules.canonical import digest
from cbt.rules.roles import SECOND_PERSON, Role
from cbt.storage.unit_of_work import reading

ASKERS = (*sorted(SECOND_PERSON), Role.ADMIN)
"""Whose pages tell of requests: who may be asked, and an administrator, who asks."""
TOLD_FOR = timedelta(seconds=60)
"""How long the person who asked is told on every page what became of it."""
LISTED_FOR = timedelta(hours=24)
MOST_LISTED = 50
MOST_NAMED = 6
_TOLD = select(Approval).where(Approval.expires_at > bindparam("since")).order_by(Approval.id)
"""Every page of those who may approve asks this: put together once."""


@dataclass(frozen=True, slots=True)
class ShownApproval:
    """One request for one reader. `state` is as of now; `refusal` says why the reader may not approve."""

    row: Approval
    state: ApprovalState
    asker: str
    second: str
    lines: tuple[tuple[str, str, str], ...]
    mine: bool
    may_approve: bool
    refusal: str = ""
    ways: tuple[str, ...] = ()
    """The names of those who may approve, for the person who asked."""
    ways_from: str = ""
    """Where nobody may, when the first of those does whom only a hand on their account keeps from it."""

    @property
    def pending(self) -> bool:
        """Whether it still waits."""
        return self.state is ApprovalState.PENDING

    @property
    def said(self) -> str:
        """What the act did, or why it could not be done, in the reader's language."""
        if not self.row.result:
            return ""
        result = json.loads(self.row.result)
        if self.state is ApprovalState.DONE:
            return kind_of(self.row).said(self.row, result)
        return " ".join(explain(CbtError(result["code"], **result["params"])))

    @property
    def home(self) -> str:
        """The page the first person came from."""
        return kind_of(self.row).home(self.row)

    @property
    def tag(self) -> str:
        """A tag that changes when anything shown does."""
        row = self.row
        parts = (row.ref, self.state, self.second, row.result, self.ways)
        return digest(repr((*parts, self.mine, self.may_approve, str(flask_babel.get_locale()))))[:32]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What every page of a person shows: requests that wait for them, and what became of their own."""

    asks: tuple[ShownApproval, ...] = ()
    mine: tuple[ShownApproval, ...] = ()

    @property
    def tag(self) -> str:
        """A tag that changes when anything shown does."""
        return digest(
            "|".join((str(flask_babel.get_locale()), *(one.tag for one in (*self.asks, *self.mine))))
        )[:32]


def waiting_for(principal: Principal, *, now: datetime) -> Waiting:
    """Return what the strip of this person shows now: one query while nothing waits."""
    if not principal.has(*ASKERS) or principal.must_change_password:
        return Waiting()
    with reading() as session:
        rows = session.scalars(_TOLD, {"since": now - TOLD_FOR}).all()
        if not rows:
            return Waiting()
        me = store.staff_by_ref(session, principal.subject_ref)
        mine = [row for row in rows if row.asked_by == me.ref and _fresh(row, now)]
        pending = [
            row for row in rows if row.asked_by != me.ref and _state(row, now) is ApprovalState.PENDING
        ]
        asks = [one for one in (_shown(session, row, me, now=now) for row in pending) if one.may_approve]
        return Waiting(tuple(asks), tuple(_shown(session, row, me, now=now) for row in mine))


def _fresh(row: Approval, now: datetime) -> bool:
    return row.settled_at is None or now - row.settled_at < TOLD_FOR


def listed(principal: Principal, *, now: datetime) -> tuple[ShownApproval, ...]:
    """Return the requests of the last day this person asked, answered or may answer, the latest first."""
    with reading() as session:
        me = store.staff_by_ref(session, principal.subject_ref)
        query = select(Approval).where(
            Approval.asked_at > now - LISTED_FOR,
            or_(
                Approval.asked_by == me.ref,
                Approval.settled_by == me.ref,
                Approval.state == ApprovalState.PENDING.value,
            ),
        )
        rows = session.scalars(query.order_by(Approval.id.desc()).limit(MOST_LISTED)).all()
        shown = [_shown(session, row, me, now=now) for row in rows]
    return tuple(one for one in shown if one.mine or one.may_approve or one.row.settled_by == me.ref)


def request_for(ref: str, principal: Principal, *, now: datetime) -> ShownApproval:
    """Return one request for who asked, who may answer or who answered; raise NotFound for anybody else.

    Whoever could be second but for the first person's hand on the account sees why they cannot.
    """
    with reading() as session:
        row = session.scalar(select(Approval).where(Approval.ref == ref))
        me = store.staff_by_ref(session, principal.subject_ref)
        if row is None:
            raise NotFound("approval.unknown")
        shown = _shown(session, row, me, now=now)
        if not (shown.mine or shown.may_approve or row.settled_by == me.ref or _belongs(session, row, me)):
            raise NotFound("approval.unknown")
        return shown


def _belongs(session: Session, row: Approval, me: Staff) -> bool:
    wanted = kind_of(row).wanted(session, row)
    return me.id in wanted.assigned or bool(wanted.roles.intersection(one.role for one in me.roles))


def _state(row: Approval, now: datetime) -> ApprovalState:
    over = row.state == ApprovalState.PENDING and row.expires_at <= now
    return ApprovalState.EXPIRED if over else ApprovalState(row.state)


def _shown(session: Session, row: Approval, me: Staff, *, now: datetime) -> ShownApproval:
    state, mine = _state(row, now), row.asked_by == me.ref
    first = store.staff_principal(session, row.asked_by)
    names = store.actor_names(session, [f"staff:{ref}" for ref in (row.asked_by, row.settled_by) if ref])
    pending = state is ApprovalState.PENDING and first is not None
    wanted = kind_of(row).wanted(session, row) if pending else Wanted()
    refusal = ""
    if pending and first is not None and not mine:
        try:
            insist_on_another(session, me, first=first, wanted=wanted, now=now)
        except (InvalidInput, NotAllowed) as error:
            refusal = " ".join(explain(error))
    ways: tuple[str, ...] = ()
    ways_from = ""
    if pending and first is not None and mine:
        ways, ways_from = _ways(session, first, wanted, now=now)
    return ShownApproval(
        row=row,
        state=state,
        asker=names.get(f"staff:{row.asked_by}", ""),
        second=names.get(f"staff:{row.settled_by}", ""),
        lines=tuple((label, kind, value) for label, kind, value in json.loads(row.preview)),
        mine=mine,
        may_approve=pending and not mine and not refusal,
        refusal=refusal,
        ways=ways,
        ways_from=ways_from,
    )


def _ways(
    session: Session, first: Principal, wanted: Wanted, *, now: datetime
) -> tuple[tuple[str, ...], str]:
    """Return the names of those who may approve, those assigned first, and when the next of them may."""
    holders = select(StaffRole.staff_id).where(StaffRole.role.in_(wanted.roles))
    query = select(Staff).where(
        Staff.disabled_at.is_(None), or_(Staff.id.in_(holders), Staff.id.in_(wanted.assigned))
    )
    staff = session.scalars(query.order_by(Staff.name).limit(60)).all()
    able, next_at = able_seconds(session, staff, first=first, wanted=wanted, now=now)
    able.sort(key=lambda one: one.id not in wanted.assigned)
    return tuple(one.name for one in able[:MOST_NAMED]), next_at
