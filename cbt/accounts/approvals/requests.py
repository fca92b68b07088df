"""The second person of a starred act: who may be it, by credential or by a request that waits for them.

A credential counts only where a centre allows that. A request is used up by the act it was asked for; of
several who answer it at once, one wins.

Source: R-62.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, cast

import flask
from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from cbt.accounts import passwords, store
from cbt.accounts.models import Approval, Staff, StaffFactor
from cbt.accounts.two_people import hands_on, refusal_of_roles, refusal_of_tie
from cbt.audit.chain import record
from cbt.errors import Conflict, InvalidInput, NotAllowed, TooMany
from cbt.http.auth import throttle
from cbt.http.auth.login import Principal
from cbt.rules.canonical import canonical_json
from cbt.rules.roles import SECOND_PERSON, Hand, PersonStep, Role, roles_apart, tie_between
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import reading, unit_of_work

OFFICE = frozenset({Role.OFFICER, Role.CHIEF_PROCTOR})
"""Who may be second wherever the act is; the others only where they are assigned."""


@dataclass(frozen=True, slots=True)
class Second:
    """The second person of one act, seen to be one; with `approval_id` by a request, else by credential.

    `roles` leaves out what was granted in the last 24 h by a hand that is on the first person too. `seen` is the
    digest of what was previewed.
    """

    ref: str
    name: str
    roles: frozenset[str]
    approval_id: int | None = None
    seen: str = ""
    way: str = "credential"
    machine: str = ""

    def insist(self, seen: str) -> None:
        """Raise Conflict("approval.changed") when the act would touch something else than was approved."""
        if self.approval_id is not None and self.seen != seen:
            raise Conflict("approval.changed")


@dataclass(frozen=True, slots=True)
class SecondPersonTerms:
    """Who may be second of an act: holders of one of `roles`, and the staff ids `assigned` to its place."""

    roles: frozenset[str] = field(default=OFFICE)
    assigned: frozenset[int] = frozenset()


class SecondNeeded(InvalidInput):
    """Everything else about the act holds: it waits for its second person; nothing was stored.

    `roles` may approve anywhere, with `assigned` whoever is assigned to the place as well; `seen` is the digest
    of what the act would touch.
    """

    def __init__(self, *, roles: frozenset[str] = OFFICE, assigned: bool = False, seen: str = "") -> None:
        super().__init__("second.needed", field="second_login")
        self.roles = roles
        self.assigned = assigned
        self.seen = seen


def insist_on_another(
    session: Session,
    staff: Staff,
    *,
    first: Principal,
    wanted: SecondPersonTerms,
    now: datetime,
    hands: Collection[Hand] | None = None,
) -> frozenset[str]:
    """Return the roles with which `staff` is the second person of what `first` does, or raise why not.

    `hands` are those on both accounts where the caller has read them for many. InvalidInput("second.same"|
    "second.unusable"), NotAllowed("second.made"|"reset"|"enabled"|"factor"|"maker"|"shared") for accounts that
    count as one person's, and ("second.granted"|"second.not_here") for a role that is missing.

    Source: R-62.
    """
    if staff.ref == first.subject_ref:
        raise InvalidInput("second.same", field="second_login")
    if staff.disabled_at is not None or staff.must_change_password:
        raise InvalidInput("second.unusable", field="second_login")
    mine, theirs = PersonStep(first.logged_as, now), PersonStep(staff.logged_as, now)
    if hands is None:
        hands = hands_on(session, (mine.account, theirs.account), since=now)
    tie = tie_between(mine, theirs, hands)
    if tie is not None:
        raise refusal_of_tie(tie, field="second_login")
    held = frozenset(row.role for row in staff.roles)
    roles = roles_apart(mine, theirs, held, hands)
    if _fits(roles, staff, wanted):
        return roles
    if _fits(held, staff, wanted):
        fitting = frozenset(role for role in held if _fits(frozenset({role}), staff, wanted))
        raise refusal_of_roles(mine, theirs, fitting, hands, field="second_login")
    raise NotAllowed("second.not_here", field="second_login")


def _fits(roles: frozenset[str], staff: Staff, wanted: SecondPersonTerms) -> bool:
    here = staff.id in wanted.assigned and bool(roles & SECOND_PERSON)
    return bool(roles & wanted.roles) or here


def able_seconds(
    session: Session, staff: Sequence[Staff], *, first: Principal, wanted: SecondPersonTerms, now: datetime
) -> tuple[list[Staff], str]:
    """Return those of `staff` who may be the second person of what `first` does, and when the next of them may.

    That is "" where no hand on an account is in the way.

    Source: R-62.
    """
    hands = hands_on(session, [first.logged_as, *(one.logged_as for one in staff)], since=now)
    able, later = [], []
    for member in staff:
        try:
            insist_on_another(session, member, first=first, wanted=wanted, now=now, hands=hands)
            able.append(member)
        except (InvalidInput, NotAllowed) as error:
            later.append(str(error.params.get("until", "")))
    return able, min(filter(None, later), default="")


def confirm_second(
    *,
    login: str,
    password: str,
    first: Principal,
    wanted: SecondPersonTerms,
    allowed: bool,
    machine: str,
    now: datetime,
) -> Second:
    """Return the second person whose credential was typed at the first person's browser, on `machine`.

    Only where the centre has `allowed` it: else NotAllowed("second.by_password_off"). Raise
    InvalidInput("second.wrong") without saying which half was wrong, NotAllowed("second.own_session") for
    somebody with a second factor, what `insist_on_another` raises, and
    TooMany once this first person has tried that login too often: the budget is the two people's own, so nobody
    else's guesses keep the second from approving. Called before the unit of work: verifying takes tens
    of milliseconds.

    Source: R-62.
    """
    if not allowed:
        raise NotAllowed("second.by_password_off", field="second_login")
    login = login.strip().casefold()[:60]
    if login == _login_of(first):
        raise InvalidInput("second.same", field="second_login")
    mine = first.logged_as
    throttle.reserve(scope="second", subject=login, machine=mine, now=now)
    with reading() as session:
        staff = store.staff_by_login(session, login)
        usable = staff is not None and staff.disabled_at is None and not staff.must_change_password
        password_hash = staff.password_hash if staff is not None and usable else None
        # A password alone does not stand for somebody who signs in with a second factor.
        needs_code = staff is not None and session.get(StaffFactor, staff.id) is not None
    if not passwords.matches(password_hash, password) or staff is None:
        raise InvalidInput("second.wrong", field="second_login")
    if needs_code:
        raise NotAllowed("second.own_session", field="second_login")
    with unit_of_work() as session:
        throttle.succeed(session, scope="second", subject=login, machine=mine)
    with reading() as session:
        staff = store.staff_by_ref(session, staff.ref)
        roles = insist_on_another(session, staff, first=first, wanted=wanted, now=now)
        return Second(staff.ref, staff.name, roles, machine=machine)


def _login_of(first: Principal) -> str:
    with reading() as session:
        return store.staff_by_ref(session, first.subject_ref).login


Result = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ApprovalKind:
    """One room's starred acts.

    `wanted` says who may be second, `carry_out` does the act of a request with both persons (in its unit of
    work it claims the request and puts down what it did), `said` puts that into a sentence, `home` is the page
    the first person came from.
    """

    code: str
    wanted: Callable[[Session, Approval], SecondPersonTerms]
    carry_out: Callable[[Approval, Principal, Second, datetime], None]
    said: Callable[[Approval, Result], str]
    home: Callable[[Approval], str]


def terms_by_roles(_session: Session, approval: Approval) -> SecondPersonTerms:
    """Return who may be second of a request: holders of the roles that stand in it, wherever they are."""
    return SecondPersonTerms(frozenset(approval.roles.split(",")))


def register_kind(app: flask.Flask, kind: ApprovalKind) -> None:
    app.extensions.setdefault("cbt_approvals", {})[kind.code] = kind


def kind_of(approval: Approval) -> ApprovalKind:
    return cast(ApprovalKind, flask.current_app.extensions["cbt_approvals"][approval.kind])


LASTS = timedelta(minutes=5)
"""How long a request waits: what was previewed longer ago is previewed again."""
MOST_WAITING = 20
"""Requests of one person that wait at the same time; more is a mistake or mischief."""


class ApprovalState(StrEnum):
    """Where a request stands."""

    PENDING = "pending"
    UNDER_WAY = "under_way"
    """Approved, and carried out in the background: nobody takes it back any more."""
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
        for approval in waiting:
            if approval.digest == digest:
                return approval.ref
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


def hand_over(session: Session, second: Second, *, now: datetime) -> None:
    """Have a request that was approved wait for the job that is put with it; nothing for one by credential.

    Raise Conflict("approval.settled").

    Source: R-62.
    """
    if second.approval_id is None:
        return
    taken = session.scalar(
        update(Approval)
        .where(
            Approval.id == second.approval_id,
            Approval.state == ApprovalState.PENDING,
            Approval.expires_at > now,
        )
        .values(state=ApprovalState.UNDER_WAY, settled_by=second.ref, way=second.way, code_hash=None)
        .returning(Approval.id)
    )
    if taken is None:
        raise Conflict("approval.settled")


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
            or_(
                and_(Approval.state == ApprovalState.PENDING, Approval.expires_at > now),
                and_(Approval.state == ApprovalState.UNDER_WAY, Approval.settled_by == second.ref),
            ),
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
