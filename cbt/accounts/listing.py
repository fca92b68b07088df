"""Everybody who works here, as an administrator looks through them: may they sign in, and with what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.accounts import store
from cbt.accounts.factors import codes
from cbt.accounts.models import Staff, StaffFactor
from cbt.accounts.sign_in.passwords import ONE_TIME_LASTS
from cbt.audit.store import latest


@dataclass(frozen=True, slots=True)
class StaffLine:
    """One person: roles by name, what their account is, when they were last in, and how they prove who they are.

    `state` is `active`, `first` (the one-time password is still to be changed) or `disabled`.
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
            second_factor_owed=one.id not in with_factor and codes.is_required(session, one),
            one_time_until=_one_time_until(one),
        )
        for one in store.all_staff(session)
    ]


def state_of(staff: Staff) -> str:
    """Return what an account is: `active`, `first` or `disabled`."""
    if staff.disabled_at is not None:
        return "disabled"
    return "first" if staff.must_change_password else "active"


def _one_time_until(staff: Staff) -> datetime | None:
    issued = staff.password_issued_at
    open_ = staff.disabled_at is None and staff.must_change_password
    return issued + ONE_TIME_LASTS if open_ and issued is not None else None
