"""The second person of a starred act: who may be it, and their credential where a centre allows that.

Source: R-62.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from cbt.accounts import store
from cbt.accounts.models import Staff, StaffFactor
from cbt.accounts.sign_in import passwords
from cbt.accounts.two_people import hands_on, refusal_of_roles, refusal_of_tie
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import Conflict, InvalidInput, NotAllowed
from cbt.rules.roles import SECOND_PERSON, Role
from cbt.rules.second_person import Hand, PersonStep, roles_apart, tie_between
from cbt.web.who import throttle
from cbt.web.who.login import Principal

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


def insist_on_another(
    session: Session,
    staff: Staff,
    *,
    first: Principal,
    wanted: Wanted,
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


def _fits(roles: frozenset[str], staff: Staff, wanted: Wanted) -> bool:
    here = staff.id in wanted.assigned and bool(roles & SECOND_PERSON)
    return bool(roles & wanted.roles) or here


def able_seconds(
    session: Session, staff: Sequence[Staff], *, first: Principal, wanted: Wanted, now: datetime
) -> tuple[list[Staff], str]:
    """Return those of `staff` who may be the second person of what `first` does, and when the next of them may.

    That is "" where no hand on an account is in the way.

    Source: R-62.
    """
    hands = hands_on(session, [first.logged_as, *(one.logged_as for one in staff)], since=now)
    able, later = [], []
    for one in staff:
        try:
            insist_on_another(session, one, first=first, wanted=wanted, now=now, hands=hands)
            able.append(one)
        except (InvalidInput, NotAllowed) as error:
            later.append(str(error.params.get("until", "")))
    return able, min(filter(None, later), default="")


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
