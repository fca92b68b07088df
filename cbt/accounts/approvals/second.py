"""The second person of a starred act: who may be it, and their credential where a centre allows that.

Source: R-62.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from cbt.accounts import store
from cbt.accounts.models import Staff, StaffFactor
from cbt.accounts.sign_in import passwords
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import Conflict, InvalidInput, NotAllowed
from cbt.rules.roles import SECOND_PERSON, Role
from cbt.web.who import throttle
from cbt.web.who.login import Principal

APART_FOR = timedelta(hours=24)
"""How long the hand one person had on an account keeps its owner from being that person's second."""
OFFICE = frozenset({Role.OFFICER, Role.CHIEF_PROCTOR})
"""Who may be second wherever the act is; the others only where they are assigned."""
LONGEST_CHAIN = 8


@dataclass(frozen=True, slots=True)
class Second:
    """The second person of one act, seen to be one; with `approval_id` by a request, else by credential.

    `roles` leaves out what the first person granted them in the last 24 h. `seen` is the digest of what was
    previewed.
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
class Wanted:
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


def roles_towards(staff: Staff, first_ref: str, *, now: datetime) -> frozenset[str]:
    """Return the roles of `staff` that count towards the first person: none that person granted today.

    Source: R-14, R-62.
    """
    first = f"staff:{first_ref}"
    return frozenset(
        row.role
        for row in staff.roles
        if row.granted_by != first or row.granted_at is None or now - row.granted_at >= APART_FOR
    )


def hands_on(staff: Staff, *, now: datetime) -> Iterator[tuple[str, str]]:
    """Yield who had a hand on an account in the last 24 h, as (what, actor): made, reset, enabled, factor."""
    hands = (
        ("made", staff.created_at, staff.made_by),
        ("reset", staff.reset_at, staff.reset_by),
        ("enabled", staff.enabled_at, staff.enabled_by),
        ("factor", staff.factor_reset_at, staff.factor_reset_by),
    )
    for what, at, actor in hands:
        if at is not None and actor is not None and now - at < APART_FOR:
            yield what, actor


def insist_on_another(
    session: Session, staff: Staff, *, first: Principal, wanted: Wanted, now: datetime
) -> frozenset[str]:
    """Return the roles with which `staff` is the second person of what `first` does, or raise why not.

    InvalidInput("second.same"|"second.unusable"), NotAllowed("second.made"|"reset"|"enabled"|"factor") for
    the first person's hand on the account, also through an account they made that day, and
    ("second.granted"|"second.not_here") for a role that is missing.

    Source: R-62.
    """
    if staff.ref == first.subject_ref:
        raise InvalidInput("second.same", field="second_login")
    if staff.disabled_at is not None or staff.must_change_password:
        raise InvalidInput("second.unusable", field="second_login")
    what = _hand_of(session, staff, first, now=now)
    if what:
        raise NotAllowed(f"second.{what}", field="second_login")
    roles = roles_towards(staff, first.subject_ref, now=now)
    if _fits(roles, staff, wanted):
        return roles
    granted = _fits(frozenset(row.role for row in staff.roles), staff, wanted)
    raise NotAllowed("second.granted" if granted else "second.not_here", field="second_login")


def _fits(roles: frozenset[str], staff: Staff, wanted: Wanted) -> bool:
    here = staff.id in wanted.assigned and bool(roles & SECOND_PERSON)
    return bool(roles & wanted.roles) or here


def _hand_of(session: Session, staff: Staff, first: Principal, *, now: datetime) -> str:
    """Return what the first person did to this account today, themselves or by an account they hold."""
    me, seen, waiting = first.logged_as, {f"staff:{staff.ref}"}, [(staff, "")]
    while waiting and len(seen) <= LONGEST_CHAIN:
        one, began = waiting.pop()
        for what, actor in hands_on(one, now=now):
            if actor == me:
                return began or what
            if actor not in seen and actor.startswith("staff:"):
                seen.add(actor)
                waiting.append((store.staff_by_ref(session, actor.removeprefix("staff:")), began or what))
    return ""


def may_approve(session: Session, staff: Staff, *, first: Principal, wanted: Wanted, now: datetime) -> bool:
    """Return whether `staff` may be the second person of what `first` does. Source: R-62."""
    try:
        insist_on_another(session, staff, first=first, wanted=wanted, now=now)
    except (InvalidInput, NotAllowed):
        return False
    return True


def confirm_second(
    *,
    login: str,
    password: str,
    first: Principal,
    wanted: Wanted,
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
        known = staff.password_hash if staff is not None and usable else None
        # A password alone does not stand for somebody who signs in with a second factor.
        needs_code = staff is not None and session.get(StaffFactor, staff.id) is not None
    if not passwords.matches(known, password) or staff is None:
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
