"""Who works here: staff are added, given roles and one-time passwords, disabled, enabled, and listed."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.accounts import factor_codes, passwords, sign_in, store
from cbt.accounts.models import Staff, StaffFactor, StaffRole
from cbt.accounts.passwords import ONE_TIME_LASTS
from cbt.accounts.sign_in import SIGN_IN
from cbt.audit.chain import record
from cbt.audit.store import latest
from cbt.errors import Conflict, InvalidInput
from cbt.http.auth import throttle
from cbt.http.form_values import one_line
from cbt.rules.roles import Role
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import unit_of_work

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")


def create_staff(
    *,
    login: str,
    name: str,
    roles: Iterable[Role],
    now: datetime,
    actor: str,
    rng: random.Random | None = None,
) -> str:
    """Add a staff member and return the one-time password, which is kept nowhere.

    Raise InvalidInput("staff.login"|"staff.name"|"staff.roles"|"text.unseen"),
    Conflict("staff.login_taken").

    Source: R-62.
    """
    wanted = _of_the_house(roles)
    password, password_hash = with_one_time_password(rng)
    with unit_of_work() as session:
        new_staff(
            session,
            login=login,
            name=name,
            roles=wanted,
            password_hash=password_hash,
            now=now,
            actor=actor,
        )
    return password


def with_one_time_password(rng: random.Random | None = None) -> tuple[str, str]:
    """Return a one-time password and what is kept of it; made before a transaction, for it takes its time."""
    password = passwords.one_time_password(rng)
    return password, passwords.hash_password(password)


def new_staff(
    session: Session,
    *,
    login: str,
    name: str,
    roles: Iterable[Role],
    password_hash: str,
    now: datetime,
    actor: str,
    list_ref: str = "",
) -> Staff:
    """Add somebody with a login within a transaction of the caller's; raise like `create_staff`.

    Without a `password_hash` nobody signs in by it until a password is given out.
    """
    login, name, wanted = checked_account(login, name, roles)
    if store.staff_by_login(session, login) is not None:
        raise Conflict("staff.login_taken", field="login", login=login)
    staff = Staff(
        ref=new_ref("st"),
        login=login,
        name=name,
        password_hash=password_hash,
        must_change_password=True,
        password_issued_at=now if password_hash else None,
        created_at=now,
        made_by=actor,
        list_ref=list_ref,
        roles=[StaffRole(role=role.value, granted_at=now, granted_by=actor) for role in wanted],
    )
    session.add(staff)
    session.flush()
    record(session, at=now, actor=actor, act="staff.create", subject=staff.logged_as, after={"roles": wanted})
    return staff


def _of_the_house(roles: Iterable[Role]) -> list[Role]:
    """Return the roles, each once; raise InvalidInput("staff.roles") for none, or that of a unit's clerk (R-70)."""
    wanted = sorted(set(roles))
    if not wanted or Role.UNIT_CLERK in wanted:
        raise InvalidInput("staff.roles", field="roles")
    return wanted


def checked_account(login: str, name: str, roles: Iterable[Role]) -> tuple[str, str, list[Role]]:
    """Return what an account is made of, as it is kept; raise like `create_staff`."""
    login, name, wanted = login.strip().casefold(), one_line(name, "name"), sorted(set(roles))
    if not _LOGIN.fullmatch(login):
        raise InvalidInput("staff.login", field="login")
    if not 1 <= len(name) <= 60:
        raise InvalidInput("staff.name", field="name")
    if not wanted:
        raise InvalidInput("staff.roles", field="roles")
    return login, name, wanted


def reset_password(*, login: str, now: datetime, actor: str, rng: random.Random | None = None) -> str:
    """Give a staff member a new one-time password, end their login sessions, and return the password.

    Raise InvalidInput("staff.no_login") for an unknown login.
    """
    password, password_hash = with_one_time_password(rng)
    with unit_of_work() as session:
        staff = store.staff_by_login(session, login)
        if staff is None:
            raise InvalidInput("staff.no_login", login=login)
        give_password(session, staff, password_hash, now=now, actor=actor)
    return password


def give_password(session: Session, staff: Staff, password_hash: str, *, now: datetime, actor: str) -> None:
    """Have a one-time password open an account within a transaction of the caller's, and nothing else."""
    staff.password_hash, staff.must_change_password = password_hash, True
    staff.reset_at, staff.reset_by = now, actor
    staff.password_issued_at = now
    sign_in.end_all(session, staff.ref, now=now)
    throttle.forget(session, scope=SIGN_IN, subject=staff.login)
    record(session, at=now, actor=actor, act="staff.reset", subject=staff.logged_as)


def remove_staff(session: Session, staff: Staff, *, now: datetime, actor: str) -> None:
    """Delete an account that nobody has ever used within a transaction of the caller's: its login is free again."""
    roles = sorted(row.role for row in staff.roles)
    record(session, at=now, actor=actor, act="staff.remove", subject=staff.logged_as, before={"roles": roles})
    session.delete(staff)


def set_roles(*, ref: str, roles: Iterable[Role], now: datetime, actor: str) -> None:
    """Replace the roles of a staff member; the last administrator stays one, a unit's clerk is nothing else.

    Raise InvalidInput("staff.roles"), Conflict("staff.last_admin"|"staff.of_a_unit").
    """
    wanted = _of_the_house(roles)
    with unit_of_work() as session:
        staff = store.staff_by_ref(session, ref)
        held = sorted(row.role for row in staff.roles)
        if Role.UNIT_CLERK in held:
            raise Conflict("staff.of_a_unit", name=staff.name)
        if Role.ADMIN not in wanted:
            _keep_an_admin(session, staff)
        staff.roles = [row for row in staff.roles if row.role in wanted] + [
            StaffRole(role=role.value, granted_at=now, granted_by=actor)
            for role in wanted
            if role not in held
        ]
        record(
            session,
            at=now,
            actor=actor,
            act="staff.roles",
            subject=staff.logged_as,
            before={"roles": held},
            after={"roles": wanted},
        )


def disable_staff(*, ref: str, now: datetime, actor: str) -> None:
    """Keep a staff member from signing in and end their login sessions; a repeat changes nothing.

    Raise Conflict("staff.last_admin").
    """
    with unit_of_work() as session:
        shut_out(session, store.staff_by_ref(session, ref), now=now, actor=actor)


def shut_out(session: Session, staff: Staff, *, now: datetime, actor: str) -> None:
    """Disable a staff member within a transaction of the caller's; raise like `disable_staff`."""
    if staff.disabled_at is None:
        _keep_an_admin(session, staff)
        staff.disabled_at = now
        sign_in.end_all(session, staff.ref, now=now)
        record(session, at=now, actor=actor, act="staff.disable", subject=staff.logged_as)


def enable_staff(*, ref: str, now: datetime, actor: str) -> None:
    """Let a disabled staff member sign in again; a repeat changes nothing."""
    with unit_of_work() as session:
        staff = store.staff_by_ref(session, ref)
        if staff.disabled_at is not None:
            staff.disabled_at = None
            staff.enabled_at, staff.enabled_by = now, actor
            record(session, at=now, actor=actor, act="staff.enable", subject=staff.logged_as)


def _keep_an_admin(session: Session, staff: Staff) -> None:
    holds_it = staff.disabled_at is None and any(row.role == Role.ADMIN.value for row in staff.roles)
    if holds_it and store.active_admins(session) == 1:
        raise Conflict("staff.last_admin")


@dataclass(frozen=True, slots=True)
class StaffLine:
    """One person: roles by name, what their account is, when they were last in, and how they prove who they are.

    `state` is `active`, `unissued` (no password was given out yet), `first` (the one-time password is still to be
    changed) or `disabled`.
    """

    login: str
    name: str
    roles: tuple[str, ...]
    state: str
    last_sign_in_at: datetime | None
    second_factor: bool
    second_factor_owed: bool
    """Whether one has to be set up at the next sign-in."""
    one_time_until: datetime | None
    """Until when the one-time password that is still open works; past: it has to be given anew."""


def staff_lines(session: Session) -> list[StaffLine]:
    """Return everybody, those who may sign in first, by login."""
    seen = latest(session, "staff.sign_in")
    with_factor = set(session.scalars(select(StaffFactor.staff_id)))
    return [
        StaffLine(
            login=one.login,
            name=one.name,
            roles=tuple(sorted(row.role for row in one.roles)),
            state=state_of(one),
            last_sign_in_at=seen.get(one.logged_as),
            second_factor=one.id in with_factor,
            second_factor_owed=one.id not in with_factor and factor_codes.is_required(session, one),
            one_time_until=_one_time_until(one),
        )
        for one in store.all_staff(session)
    ]


def state_of(staff: Staff) -> str:
    if staff.disabled_at is not None:
        return "disabled"
    if not staff.password_hash:
        return "unissued"
    return "first" if staff.must_change_password else "active"


def _one_time_until(staff: Staff) -> datetime | None:
    issued = staff.password_issued_at
    open_ = staff.disabled_at is None and staff.must_change_password
    return issued + ONE_TIME_LASTS if open_ and issued is not None else None
