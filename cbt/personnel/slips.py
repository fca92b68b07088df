"""Slips of paper with one-time passwords: one for each person, to be cut apart and handed over.

A password is in the file that is made and nowhere else; the file goes with the first who fetches it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import flask_babel
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.accounts import store
from cbt.accounts.models import Staff
from cbt.accounts.navigation import role_names
from cbt.accounts.passwords import ONE_TIME_LASTS
from cbt.accounts.staff import give_password, with_one_time_password
from cbt.enrolment.body import body
from cbt.enrolment.models import MemberUnit, UnitClerk
from cbt.errors import Conflict, InvalidInput
from cbt.http.auth.login import Principal
from cbt.http.form_values import one_line
from cbt.http.i18n import local_text
from cbt.jobs.registry import JobFile, JobKind, JobResult, Work
from cbt.personnel.staff_import import AT_ONCE, MAKERS
from cbt.printing.pdf import PDF, pdf
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import pieces_of, reading, unit_of_work

MOST = 500
LONGEST_ADDRESS = 200


@dataclass(frozen=True, slots=True)
class SlipHolder:
    """Whose slip it is: what stands on it beside the password."""

    ref: str
    name: str
    login: str
    what: str
    """The roles, or the unit of a clerk."""


def holders_of(session: Session, refs: Sequence[str], *, by: Principal) -> list[SlipHolder]:
    """Return those for whom somebody may give out passwords, in the order in which they are asked for.

    Raise InvalidInput("slips.nobody"|"slips.too_many"), Conflict("slips.own") for one's own account,
    ("slips.disabled") with who is shut out, ("slips.not_yours") for an account that others look after.

    Source: R-62, R-70.
    """
    if not refs:
        raise InvalidInput("slips.nobody")
    if len(refs) > MOST:
        raise InvalidInput("slips.too_many", most=MOST)
    if by.subject_ref in refs:
        raise Conflict("slips.own")
    found = {staff.ref: staff for staff in session.scalars(select(Staff).where(Staff.ref.in_(refs)))}
    accounts = [found[ref] for ref in dict.fromkeys(refs) if ref in found]
    roles = {account.ref: frozenset(row.role for row in account.roles) for account in accounts}
    if len(accounts) < len(set(refs)) or not all(_may_give(by, roles[account.ref]) for account in accounts):
        raise Conflict("slips.not_yours")
    disabled = [account.name for account in accounts if account.disabled_at is not None]
    if disabled:
        raise Conflict("slips.disabled", names=disabled)
    ids = [account.id for account in accounts]
    units = dict(
        session.execute(
            select(UnitClerk.staff_id, MemberUnit.name)
            .join(MemberUnit, MemberUnit.id == UnitClerk.unit_id)
            .where(UnitClerk.staff_id.in_(ids))
        ).all()
    )
    return [
        SlipHolder(
            account.ref, account.name, account.login, units.get(account.id) or role_names(roles[account.ref])
        )
        for account in accounts
    ]


def _may_give(by: Principal, roles: frozenset[str]) -> bool:
    return by.has(Role.ADMIN) or (by.has(Role.OFFICER) and roles == {Role.UNIT_CLERK.value})


def sign_in_address(text: str) -> str:
    """Return the address that slips say; raise InvalidInput("slips.address")."""
    address = one_line(text, "address")
    if not address.startswith(("http://", "https://")) or len(address) > LONGEST_ADDRESS:
        raise InvalidInput("slips.address", field="address", maximum=LONGEST_ADDRESS)
    return address


def _slips(work: Work) -> JobResult:
    """Give out passwords: worked out and printed first, then put in force, so that none is without its slip.

    Whoever takes the job over after a stop gives everybody another one, and prints those.
    """
    with reading() as session:
        holders = holders_of(session, work.asked["who"], by=work.principal)
        issued_by = body(session).name
    given = []
    for place, holder in enumerate(holders):
        given.append((holder, *with_one_time_password()))
        work.tell(place, 2 * len(holders))
    paper = _paper(
        [(holder, password) for holder, password, _hash in given],
        issued_by=issued_by,
        address=work.asked["address"],
        until=local_text(work.now + ONE_TIME_LASTS),
    )
    made = pdf("passwords", paper, language=str(flask_babel.get_locale()))
    done = len(holders)
    for piece in pieces_of(given, size=AT_ONCE):
        hashes = {holder.ref: password_hash for holder, _password, password_hash in piece}
        work.in_front(partial(_put_in_force, hashes, now=work.now, actor=work.actor))
        done += len(piece)
        work.tell(done, 2 * len(holders))
    return JobResult({"count": len(holders)}, file=JobFile(f"{paper['title']}.pdf", PDF, made))


def _put_in_force(hashes: dict[str, str], *, now: datetime, actor: str) -> None:
    with unit_of_work() as session:
        for ref, password_hash in hashes.items():
            give_password(session, store.staff_by_ref(session, ref), password_hash, now=now, actor=actor)


def _paper(
    given: Sequence[tuple[SlipHolder, str]], *, issued_by: str, address: str, until: str
) -> dict[str, Any]:
    """Return what the document `passwords` is set from."""
    return {
        "title": str(_("slips.title")),
        "body": issued_by,
        "address": address,
        "until": until,
        "slips": [
            {"name": holder.name, "what": holder.what, "login": holder.login, "password": password}
            for holder, password in given
        ],
        "words": {
            "login": str(_("accounts.login")),
            "password": str(_("accounts.once.title")),
            "address": str(_("slips.address")),
            "until": str(_("slips.until")),
            "keep": str(_("slips.keep")),
        },
    }


def _said(outcome: Any) -> list[tuple[str, str]]:
    return [(str(_("slips.done", count=outcome["count"])), "ok")]


SLIPS = JobKind(
    "staff.slips", frozenset(MAKERS), _slips, can_cancel=False, can_retry=False, is_once=True,
    said=_said,
)  # fmt: skip
