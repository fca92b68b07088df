"""Server-side login sessions: revocable, the token hashed, Flask-Login in this module only."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

import flask
import flask_login
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from cbt.db.known.selects import KnownSelect
from cbt.db.unit_of_work import reading
from cbt.errors import NotAllowed
from cbt.web.who import attention
from cbt.web.who.cookies import CookieOfAnyAge, is_of_staff, session_cookie
from cbt.web.who.machine import Machine, current_machine, is_elsewhere
from cbt.web.who.models import LoginSession

CANDIDATE = "candidate"


@dataclass(frozen=True, slots=True)
class Principal(flask_login.UserMixin):  # type: ignore[misc]  # flask_login ships no types
    """Who a request comes from: staff or candidate, with the login session that says so."""

    kind: str
    subject_id: int
    subject_ref: str
    name: str
    roles: frozenset[str] = frozenset()
    must_change_password: bool = False
    owes_factor: bool = False
    seen_at: datetime | None = None
    board_at: datetime | None = None
    login_session_id: int = 0
    token: str = field(default="", repr=False)

    def get_id(self) -> str:
        """Return the login session's token, which is all the cookie carries."""
        return self.token

    @property
    def logged_as(self) -> str:
        """Who acts, as the audit log names them."""
        return f"{self.kind}:{self.subject_ref}"

    def has(self, *roles: str) -> bool:
        """Return whether this person holds one of `roles`."""
        return bool(self.roles.intersection(roles))


KNOWN = "cbt.known_principal"
"""Whom a short way has found to be signed in for this request, by the rule that holds before a view."""
Resolver = Callable[[Session, str], Principal | None]
_OF_TOKEN = KnownSelect(
    select(
        LoginSession.id, LoginSession.kind, LoginSession.subject_ref, LoginSession.machine,
        LoginSession.expires_at, LoginSession.revoked_at, LoginSession.seen_at, LoginSession.board_at,
        LoginSession.owes_factor,
    ).where(LoginSession.token_hash == bindparam("hash"))
)  # fmt: skip
"""Every request of somebody who is signed in asks this."""


def token_hash(token: str) -> str:
    """Return the hash a token of a login or of a lease is stored under."""
    return hashlib.sha256(token.encode()).hexdigest()


def init_login(app: flask.Flask) -> None:
    """Bind Flask-Login to the login-session table."""
    app.session_interface = CookieOfAnyAge()
    manager = flask_login.LoginManager()
    manager.session_protection = None
    manager.init_app(app)
    app.extensions["cbt_resolvers"] = {}

    @manager.user_loader  # type: ignore[untyped-decorator]  # flask_login ships no types
    def load(token: str) -> Principal | None:
        known = flask.request.environ.get(KNOWN)
        if isinstance(known, Principal) and known.token == token:
            return known
        if flask.g.get("login_unread"):
            return None  # the page that says what happened is nobody's: it asks the database for nothing
        flask.g.login_unread = True
        found = _load(
            token, machine=current_machine(), now=flask.g.now, staff=is_of_staff(flask.request.path)
        )
        flask.g.login_unread = False
        return found


def at_the_others() -> Principal | None:
    """Return who is signed in at the other kind of addresses, where one address is for candidates and staff."""
    app, staff = flask.current_app, not is_of_staff(flask.request.path)
    interface = cast(CookieOfAnyAge, app.session_interface)
    kept = interface.read(app, flask.request.cookies.get(session_cookie(app, staff=staff), ""))
    token = None if kept is None else kept.get("_user_id")
    if not isinstance(token, str):
        return None
    return _load(token, machine=current_machine(), now=flask.g.now, staff=staff)


def register_resolver(app: flask.Flask, kind: str, resolver: Resolver) -> None:
    """Tell how a subject of `kind` becomes a Principal; each room with people registers its own."""
    app.extensions["cbt_resolvers"][kind] = resolver


def staff_of(token: str, *, now: datetime) -> Principal | None:
    """Return whom of staff a token signs in, asked before there is a request; None when its login is over."""
    return _load(token, machine=Machine(None, ""), now=now, staff=True)


def _load(token: str, *, machine: Machine, now: datetime, staff: bool) -> Principal | None:
    """Return whose login a token is; a login of `staff` holds at the addresses of staff only, and so on."""
    with reading() as session:
        row = _holding(_OF_TOKEN.rows(session, hash=token_hash(token)), machine=machine, now=now, staff=staff)
        if row is None:
            return None
        resolver = cast(Resolver, flask.current_app.extensions["cbt_resolvers"][row.kind])
        found = resolver(session, row.subject_ref)
        if found is None:
            return None
        return replace(
            found,
            owes_factor=row.owes_factor,
            seen_at=row.seen_at,
            board_at=row.board_at,
            login_session_id=row.id,
            token=token,
        )


def _holding(rows: Sequence[Any], *, machine: Machine, now: datetime, staff: bool) -> Any:
    """Return the login session in `rows` if it holds here and now; else None, and note why for the page."""
    row = next(iter(rows), None)
    if row is not None and staff == (row.kind == CANDIDATE):
        return None
    why = "" if row is None else attention.over(row, now=now)
    if row is None or why:
        flask.g.login_over = why
        flask.g.login_was = row.subject_ref if row is not None else ""
        return None
    if row.kind == CANDIDATE and is_elsewhere(row.machine, machine.identity):
        flask.g.login_elsewhere = row.subject_ref  # nobody's here; access.py says so where it matters
        return None
    return row


def held_login() -> int | None:
    """Return the login session of a candidate that this browser holds, without asking who they are."""
    token = flask.session.get("_user_id")
    if not isinstance(token, str) or is_of_staff(flask.request.path):
        return None
    row = _holding(
        _OF_TOKEN.read(hash=token_hash(token)), machine=current_machine(), now=flask.g.now, staff=False
    )
    return None if row is None else int(row.id)


def why_signed_out() -> str:
    """Return why this browser's login no longer holds: `idle`, `expired`, `revoked`, or "" when there was none."""
    return str(flask.g.get("login_over", ""))


def remember(token: str) -> None:
    """Put the token of a fresh login session into this browser's cookie of its kind, which is emptied first."""
    flask.session.clear()
    flask.session["_user_id"] = token
    flask.session["_fresh"] = True


def forget() -> None:
    """Empty this browser's cookie of the kind whose address this is."""
    flask.session.clear()


def current_principal() -> Principal | None:
    """Return who this request comes from, or None for an anonymous one."""
    user = flask_login.current_user._get_current_object()
    return user if user.is_authenticated else None


def signed_in() -> Principal:
    """Return who this request comes from, staff or candidate, in a view that only they can call.

    Raise NotAllowed("web.signed_out") for an anonymous one.
    """
    principal = current_principal()
    if principal is None:
        raise NotAllowed("web.signed_out")
    return principal


def acting() -> str:
    """Return whoever is signed in as the audit log names who acts."""
    return signed_in().logged_as


def machine_id() -> str:
    """Return the identity of the requesting machine: its token's hash, else its address (R-16)."""
    return current_machine().identity
