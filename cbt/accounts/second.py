"""The second person's credential of a starred action."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from cbt.accounts import passwords, store
from cbt.accounts.models import Staff
from cbt.db.unit_of_work import unit_of_work
from cbt.errors import InvalidInput
from cbt.rules.roles import SECOND_PERSON
from cbt.web import throttle
from cbt.web.login import Principal


def confirm_second(
    session: Session,
    *,
    login: str,
    password: str,
    first: Principal,
    now: datetime,
    roles: Iterable[str] = SECOND_PERSON,
) -> Staff:
    """Return the second person when their credential holds and they are somebody else.

    Raise InvalidInput("second.wrong") for a wrong credential or a person without one of `roles`,
    ("second.same") for the first person's own, TooMany once this first person has tried that login too often:
    the budget is the two people's own, so nobody else's guesses keep the second from approving.

    Called with a reading session before the unit of work: the try is counted in one of its own, and verifying
    takes tens of milliseconds.

    Source: R-14, R-62.
    """
    login = login.strip().casefold()[:60]
    mine = f"staff:{first.subject_ref}"
    throttle.reserve(scope="second", subject=login, machine=mine, now=now)
    staff = store.staff_by_login(session, login)
    if staff is not None and staff.ref == first.subject_ref:
        raise InvalidInput("second.same", field="second_login")
    usable = staff is not None and staff.disabled_at is None and not staff.must_change_password
    right = passwords.matches(staff.password_hash if staff is not None and usable else None, password)
    if staff is None or not right or not {row.role for row in staff.roles}.intersection(roles):
        raise InvalidInput("second.wrong", field="second_login")
    with unit_of_work() as writing:
        throttle.succeed(writing, scope="second", subject=login, machine=mine)
    return staff
