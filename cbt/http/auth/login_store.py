"""Login sessions as they are stored: opened, revoked and purged, each with the name of its browser.

The browser's name is for telling one's own logins apart, and for nothing else.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, bindparam, delete, insert, or_, select, update
from sqlalchemy.orm import Session

from cbt.http.auth import login
from cbt.http.auth.machine import Machine, token_hash
from cbt.http.models import LoginSession
from cbt.storage.prepared import Change, PreparedChange
from cbt.storage.types import UtcDateTime
from cbt.storage.unit_of_work import unit_of_work

_BROWSERS = (
    ("Edge", re.compile(r"Edg(?:e|A|iOS)?/(\d+)")),
    ("Firefox", re.compile(r"(?:Firefox|FxiOS)/(\d+)")),
    ("Chrome", re.compile(r"(?:Chrome|CriOS)/(\d+)")),
    ("Safari", re.compile(r"Version/(\d+).*Safari/")),
)
_SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser_name(agent: str) -> str:
    """Return such as `Chrome 109 · Windows` for a User-Agent header; "" for one that says nothing known."""
    browser = next((f"{name} {match[1]}" for name, known in _BROWSERS if (match := known.search(agent))), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return " · ".join(part for part in (browser, system) if part)[:60]


LIFETIME = timedelta(hours=14)
STAFF_LIFETIME = timedelta(hours=12)
"""A day of two sittings from setting up to the signatures; nobody is signed in from one day to the next."""
KEPT_ENDED = timedelta(days=1)
"""A login session that is over is kept for so long, for whoever asks what went on."""
_OPENED = PreparedChange(
    lambda _: insert(LoginSession).inline().values(
        {
            name: bindparam(name, type_=LoginSession.__table__.c[name].type)
            for name in (
                "kind", "subject_ref", "token_hash", "machine", "former_machine", "created_at", "expires_at",
                "address", "browser", "seen_at", "owes_factor",
            )
        }
    )
)  # fmt: skip
_REVOKED = PreparedChange(
    lambda _: (
        update(LoginSession)
        .where(LoginSession.id == bindparam("login"), LoginSession.revoked_at.is_(None))
        .values(revoked_at=bindparam("now", type_=UtcDateTime))
    )
)


@dataclass(frozen=True, slots=True)
class FreshLogin:
    """A login session that is about to be opened; give its `token` to `remember` after the commit."""

    token: str = field(repr=False)
    stored: Change
    """What stores it: here, or with what others write."""

    def store(self, session: Session) -> str:
        """Store it in a unit of work and return its token."""
        self.stored.carry_out(session)
        return self.token


def open_login(
    *,
    kind: str,
    subject_ref: str,
    machine: Machine,
    now: datetime,
    lifetime: timedelta = LIFETIME,
    owes_factor: bool = False,
    former_machine: str | None = None,
) -> FreshLogin:
    """Return a new login session, which is still to be stored.

    `machine` is the one it belongs to, `former_machine` the identity of the one that had its place: the same
    machine before a disk-restoring card wiped its token (R-16).
    """
    token = secrets.token_urlsafe(32)
    stored = _OPENED.of(
        kind=kind,
        subject_ref=subject_ref,
        token_hash=token_hash(token),
        machine=machine.identity,
        former_machine=former_machine,
        created_at=now,
        expires_at=now + lifetime,
        address=machine.address[:45],
        browser=browser_name(machine.agent),
        seen_at=now if kind == login.KIND else None,
        owes_factor=owes_factor,
    )
    return FreshLogin(token, stored)


def revoke_logins(session: Session, *, kind: str, subject_ref: str, now: datetime, keep: int = 0) -> None:
    """End every open login session of one person, but for the one with the id `keep`."""
    session.execute(
        update(LoginSession)
        .where(
            LoginSession.kind == kind,
            LoginSession.subject_ref == subject_ref,
            LoginSession.revoked_at.is_(None),
            LoginSession.id != keep,
        )
        .values(revoked_at=now)
    )


def revoke_login(session: Session, *, login_session_id: int, now: datetime) -> None:
    """End one login session; one that is over keeps the instant it ended at."""
    login_to_revoke(login_session_id, now=now).carry_out(session)


def login_to_revoke(login_session_id: int, *, now: datetime) -> Change:
    return _REVOKED.of(login=login_session_id, now=now)


def purge_logins(*, now: datetime, most: int) -> int:
    """Delete login sessions that are over since a day, at most `most`; return how many."""
    before = now - KEPT_ENDED
    over = (
        select(LoginSession.id)
        .where(or_(LoginSession.expires_at <= before, LoginSession.revoked_at <= before))
        .limit(most)
    )
    with unit_of_work() as session:
        gone = session.execute(delete(LoginSession).where(LoginSession.id.in_(over)))
        return cast(CursorResult[Any], gone).rowcount
