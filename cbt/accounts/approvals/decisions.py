"""What becomes of requests for a second person, by whose hand, and how their pages show them.

A one-time code is read out by the second person, who stands beside, and is bound to that one request.

Source: R-62.
"""

from __future__ import annotations

import hmac
import json
import random
from dataclasses import dataclass
from datetime import datetime, timedelta

import flask_babel
from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from cbt.accounts import store
from cbt.accounts.approvals.requests import (
    ApprovalState,
    Second,
    SecondPersonTerms,
    able_seconds,
    digest_of,
    insist_on_another,
    keyed,
    kind_of,
    note,
)
from cbt.accounts.models import Approval, Staff, StaffRole
from cbt.errors import CbtError, Conflict, Gone, InvalidInput, Locked, NotAllowed, NotFound, TooEarly, TooMany
from cbt.http.auth.login import Principal
from cbt.http.i18n import explain
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.roles import SECOND_PERSON, Role
from cbt.storage.unit_of_work import reading, unit_of_work

LONGEST_REASON = 200
EXPIRED_AT_ONCE = 50
"""Requests that are ended in one run: each has a line of the log."""
_REFUSALS = (Conflict, InvalidInput, NotAllowed, NotFound, TooEarly, Gone, Locked)
_OURS = frozenset({"approval.settled", "approval.expired"})


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
    row = Approval.by_ref(session, ref, unknown="approval.unknown")
    if row.state == ApprovalState.EXPIRED or (row.state == ApprovalState.PENDING and row.expires_at <= now):
        raise Conflict("approval.expired")
    if row.state != ApprovalState.PENDING:
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
    if digest_of(row.kind, row.act, row.subject, row.params, row.seen, row.asked_by) != row.digest:
        raise Conflict("approval.altered")
    with reading() as session:
        first = first_of(session, row)
    try:
        kind_of(row).carry_out(row, first, second, now)
    except _REFUSALS as error:
        if error.code not in _OURS:
            _fail(row, second, error, now=now)
        raise


def _fail(row: Approval, second: Second, error: CbtError, *, now: datetime) -> None:
    with unit_of_work() as session:
        fail_approval(session, row, second, error, now=now)


def fail_approval(session: Session, row: Approval, second: Second, error: CbtError, *, now: datetime) -> None:
    """End a request whose act could not be done, with why; nothing where it is over already."""
    plain = {name: value for name, value in error.params.items() if isinstance(value, (str, int))}
    result = canonical_json({"code": error.code, "params": plain})
    if settle(session, row, ApprovalState.FAILED, by=second.ref, now=now, result=result):
        note(session, row, "fail", by=second.ref, machine=second.machine, now=now, why=error.code)


def settle(
    session: Session,
    row: Approval,
    state: ApprovalState,
    *,
    by: str | None,
    now: datetime,
    reason: str = "",
    result: str = "",
) -> bool:
    """End a request without its act; return whether this call did. Its parameters are emptied.

    One that is under way can only fail: it was approved.
    """
    open_states = [ApprovalState.PENDING]
    if state is ApprovalState.FAILED:
        open_states.append(ApprovalState.UNDER_WAY)
    ended = session.scalar(
        update(Approval)
        .where(Approval.id == row.id, Approval.state.in_(open_states))
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
        if not settle(session, row, ApprovalState.REFUSED, by=principal.subject_ref, now=now, reason=reason):
            raise Conflict("approval.settled")
        note(session, row, "refuse", by=principal.subject_ref, machine=machine, now=now, why=reason)


def withdraw(ref: str, principal: Principal, *, machine: str, now: datetime) -> None:
    """Take one's own request back; raise NotFound for somebody else's, Conflict once it is over."""
    with unit_of_work() as session:
        row = waiting_request(session, ref, now=now)
        if row.asked_by != principal.subject_ref:
            raise NotFound("approval.unknown")
        if not settle(session, row, ApprovalState.WITHDRAWN, by=principal.subject_ref, now=now):
            raise Conflict("approval.settled")
        note(session, row, "withdraw", by=principal.subject_ref, machine=machine, now=now)


def expire_approvals(*, now: datetime) -> int:
    """End the requests nobody answered in time; return how many this call ended. A request checks itself."""
    overdue = (Approval.state == ApprovalState.PENDING, Approval.expires_at <= now)
    with reading() as session:
        if not session.scalar(select(func.count()).select_from(Approval).where(*overdue)):
            return 0
    with unit_of_work() as session:
        rows = session.scalars(
            select(Approval).where(*overdue).order_by(Approval.id).limit(EXPIRED_AT_ONCE)
        ).all()
        ended = [row for row in rows if settle(session, row, ApprovalState.EXPIRED, by=None, now=now)]
        for row in ended:
            note(session, row, "expire", by="scheduler", machine="", now=now)
        return len(ended)


LASTS = timedelta(minutes=2)
DIGITS = 6
TRIES = 5
"""How often the codes of one request may be typed wrong, all of them together."""


def show_code(
    ref: str, principal: Principal, *, machine: str, rng: random.Random, now: datetime
) -> tuple[str, datetime]:
    """Make the one code of a request for its second person; return it with its end. An earlier one is void.

    It is kept nowhere but hashed. Raise what `second_of` raises, Conflict("approval.settled").

    Source: R-62.
    """
    code = f"{rng.randrange(10**DIGITS):0{DIGITS}d}"
    with unit_of_work() as session:
        row = waiting_request(session, ref, now=now)
        second_of(session, row, principal.subject_ref, way="code", machine=machine, now=now)
        until = min(now + LASTS, row.expires_at)
        made = session.scalar(
            update(Approval)
            .where(Approval.id == row.id, Approval.state == ApprovalState.PENDING)
            .values(
                code_hash=_hashed(row.ref, code),
                code_by=principal.subject_ref,
                code_machine=machine[:64],
                code_expires_at=until,
            )
            .returning(Approval.id)
        )
        if made is None:
            raise Conflict("approval.settled")
        note(session, row, "code", by=principal.subject_ref, machine=machine, now=now)
        return code, until


def enter_code(ref: str, code: str, principal: Principal, *, now: datetime) -> None:
    """Carry out one's own request with the code its second person reads out.

    A try is counted before it is verified. Raise NotFound for somebody else's request, InvalidInput(
    "approval.code_none"|"approval.code_wrong"), TooMany("approval.code_tries"), and what `approve` raises.

    Source: R-62.
    """
    with reading() as session:
        row = waiting_request(session, ref, now=now)
        if row.asked_by != principal.subject_ref:
            raise NotFound("approval.unknown")
    with unit_of_work() as session:
        counted = session.scalar(
            update(Approval)
            .where(
                Approval.id == row.id, Approval.state == ApprovalState.PENDING, Approval.code_tries < TRIES
            )
            .values(code_tries=Approval.code_tries + 1)
            .returning(Approval.id)
        )
        row = session.scalars(
            select(Approval).where(Approval.id == row.id).execution_options(populate_existing=True)
        ).one()
        session.expunge(row)
    if counted is None:
        raise (
            TooMany("approval.code_tries", seconds=0)
            if row.state == ApprovalState.PENDING
            else Conflict("approval.settled")
        )
    if row.code_hash is None or row.code_by is None or row.code_expires_at is None:
        raise InvalidInput("approval.code_none", field="code")
    typed = "".join(letter for letter in code if not letter.isspace())
    if now >= row.code_expires_at:
        raise InvalidInput("approval.code_over", field="code")
    if not hmac.compare_digest(row.code_hash, _hashed(row.ref, typed)):
        raise InvalidInput("approval.code_wrong", field="code")
    with reading() as session:
        second = second_of(session, row, row.code_by, way="code", machine=row.code_machine or "", now=now)
    carry_out(row, second, now=now)


def _hashed(ref: str, code: str) -> str:
    return keyed(f"code|{ref}|{code}")


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
class ApprovalView:
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

    asks: tuple[ApprovalView, ...] = ()
    mine: tuple[ApprovalView, ...] = ()

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


def listed(principal: Principal, *, now: datetime) -> tuple[ApprovalView, ...]:
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


def request_for(ref: str, principal: Principal, *, now: datetime) -> ApprovalView:
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


def _shown(session: Session, row: Approval, me: Staff, *, now: datetime) -> ApprovalView:
    state, mine = _state(row, now), row.asked_by == me.ref
    first = store.staff_principal(session, row.asked_by)
    names = store.actor_names(session, [f"staff:{ref}" for ref in (row.asked_by, row.settled_by) if ref])
    pending = state is ApprovalState.PENDING and first is not None
    wanted = kind_of(row).wanted(session, row) if pending else SecondPersonTerms()
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
    return ApprovalView(
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
    session: Session, first: Principal, wanted: SecondPersonTerms, *, now: datetime
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
