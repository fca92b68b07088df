"""The second person's credential of a starred action."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import flask
from sqlalchemy.orm import Session

from cbt.accounts import passwords, store
from cbt.accounts.models import Staff
from cbt.accounts.service import throttle_key
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
    ("second.same") for the first person's own, TooMany while that account is throttled. A failure is
    counted after the request, because the caller's unit of work is rolled back by the error.

    Best called with a reading session before the unit of work: verifying takes tens of milliseconds.

    Source: R-62.
    """
    login = login.strip().casefold()[:60]
    throttle.check(session, throttle_key(login), now=now)
    staff = store.staff_by_login(session, login)
    if staff is not None and staff.ref == first.subject_ref:
        raise InvalidInput("second.same", field="second_login")
    usable = staff is not None and staff.disabled_at is None and not staff.must_change_password
    right = passwords.matches(staff.password_hash if staff is not None and usable else None, password)
    if staff is None or not right or not {row.role for row in staff.roles}.intersection(roles):
        if not right:
            _count_failure(login, now=now)
        raise InvalidInput("second.wrong", field="second_login")
    return staff


def _count_failure(login: str, *, now: datetime) -> None:
    @flask.after_this_request
    def count(response: flask.Response) -> flask.Response:
        with unit_of_work() as session:
            throttle.fail(session, throttle_key(login), now=now)
        return response
