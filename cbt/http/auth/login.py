"""Logins: whose request it is, by the cookie of its browser, and when a login of staff ends by itself.

That somebody is there goes with what their request writes: an act is one transaction, and waits once for its
turn. A page that only shows something waits for none: one thread answers all boards of a process. A
candidate's login lasts as long as its exam and knows no idling.

Source: R-62; OWASP ASVS 5.0, 7.3.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar, cast

import flask
import flask_login
from sqlalchemy import ClauseElement, bindparam, func, select, update
from sqlalchemy.orm import Session

from cbt.errors import NotAllowed
from cbt.http.auth.cookies import CookieOfAnyAge, is_of_staff, session_cookie
from cbt.http.auth.machine import Machine, current_machine, is_elsewhere, token_hash
from cbt.http.models import LoginSession
from cbt.storage.engine import cannot_persist
from cbt.storage.prepared import Change, PreparedChange, PreparedSelect
from cbt.storage.types import db
from cbt.storage.unit_of_work import after_commit, ending_with, raw_reading, unit_of_work
from cbt.storage.write_queue.change_set import one_writes, put_down_later

log = logging.getLogger(__name__)


View = TypeVar("View", bound=Callable[..., Any])

KIND = "staff"
_TOKEN = "_user_id"
"""Where Flask-Login has the session keep the token of a login."""
HALF = "staff-code"
"""The kind of a login whose password was right and whose second factor is still to be shown: it opens nothing."""
IDLE = timedelta(minutes=30)
BOARD_IDLE = timedelta(hours=3)
"""In a quiet room a proctor watches the board and touches nothing: longer than any paper with its lateness and
extensions, shorter than the way home. It holds only while that board is open and its room runs."""
EVERY = timedelta(minutes=1)
"""Being there is written down at most this often."""
_NOTE = "cbt_attention"
INPUT_HEADER = "X-CBT-Input"
"""What a page asks for by itself carries this after somebody used its mouse, keys or screen."""


class Login(Protocol):
    """What decides whether a login still holds."""

    @property
    def kind(self) -> str: ...
    @property
    def revoked_at(self) -> datetime | None: ...
    @property
    def expires_at(self) -> datetime: ...
    @property
    def seen_at(self) -> datetime | None: ...
    @property
    def board_at(self) -> datetime | None: ...


def over(row: Login, *, now: datetime) -> str:
    """Return why a login no longer holds: `revoked`, `expired`, `idle`; "" while it does."""
    if row.revoked_at is not None:
        return "revoked"
    if now >= row.expires_at:
        return "expired"
    if row.kind != KIND or row.seen_at is None or now < row.seen_at + IDLE:
        return ""
    at_the_board = row.board_at is not None and now < row.board_at + IDLE
    return "" if at_the_board and now < row.seen_at + BOARD_IDLE else "idle"


def unattended(view: View) -> View:
    """Mark a view that a page asks by itself every so often: that alone keeps nobody signed in."""
    view.cbt_unattended = True  # type: ignore[attr-defined]  # read back by asked_by_itself
    return view


def asked_by_itself(view: object) -> bool:
    return bool(getattr(view, "cbt_unattended", False))


def somebody_is_there(view: object, request: flask.Request) -> bool:
    """Return whether a request shows that a person sits at the browser.

    A page without scripts that reloads itself says so in its address (`poll`).
    """
    by_itself = asked_by_itself(view) or "poll" in request.args
    return not by_itself or INPUT_HEADER in request.headers


def is_due(noted_at: datetime | None, *, now: datetime) -> bool:
    return noted_at is None or now >= noted_at + EVERY


def _noting(_dialect: str) -> ClauseElement:
    return (
        update(LoginSession)
        .where(LoginSession.id == bindparam("login"), LoginSession.revoked_at.is_(None))
        .values(
            seen_at=func.coalesce(bindparam("seen", type_=LoginSession.seen_at.type), LoginSession.seen_at),
            board_at=func.coalesce(
                bindparam("board", type_=LoginSession.board_at.type), LoginSession.board_at
            ),
        )
    )


_NOTING = PreparedChange(_noting)


class _Note:
    """What is to be kept of this request's login: with the first thing that the request writes, else by itself."""

    def __init__(self, login_session_id: int) -> None:
        self._login_session_id = login_session_id
        self.values: dict[str, datetime] = {}

    def write(self, session: Session) -> None:
        """Write it at the end of a unit of work; it is kept once that one is."""
        if not self.values:
            return
        self._change.carry_out(session)
        after_commit(session, self.values.clear)

    @property
    def _change(self) -> Change:
        return _NOTING.of(
            login=self._login_session_id,
            seen=self.values.get("seen_at"),
            board=self.values.get("board_at"),
        )

    def write_alone(self) -> None:
        """Write what nothing else took along; where one writes at a time, nobody waits for it."""
        if not self.values:
            return
        if one_writes():
            put_down_later(self._change.rows(), what="that somebody is there")
            return
        # A page of a disk that is full is shown all the same: what was noted is not worth a board.
        try:
            with unit_of_work():
                pass
        except Exception as error:
            if not cannot_persist(error):
                raise
            log.warning("that somebody is there was not noted: %s", type(error).__name__)


def init_attention(app: flask.Flask) -> None:
    """Have what is noted in a request written by its end."""

    @app.after_request
    def write(response: flask.Response) -> flask.Response:
        note: _Note | None = flask.g.get(_NOTE)
        if note is not None:
            note.write_alone()
        return response

    @app.teardown_request
    def let_go(_error: BaseException | None) -> None:
        if flask.g.pop(_NOTE, None) is not None:
            ending_with(None)


def note_act(principal: Principal, *, now: datetime) -> None:
    """Keep that this person did something; writes at most once a minute."""
    if principal.kind == KIND and is_due(principal.seen_at, now=now):
        _keep(principal, seen_at=now)


def note_board(principal: Principal, *, now: datetime) -> None:
    """Keep that the board of a running room is open here; writes at most once a minute."""
    if is_due(principal.board_at, now=now):
        _keep(principal, board_at=now)


def _keep(principal: Principal, **values: datetime) -> None:
    note: _Note | None = flask.g.get(_NOTE)
    if note is None:
        note = _Note(principal.login_session_id)
        setattr(flask.g, _NOTE, note)
        ending_with(note.write)
    note.values |= values


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
        return f"{self.kind}:{self.subject_ref}"

    def has(self, *roles: str) -> bool:
        return bool(self.roles.intersection(roles))


KNOWN = "cbt.known_principal"
"""Whom the door has found to be signed in for this request, by the rule that holds before a view."""
Resolver = Callable[[Any, str], Principal | None]
"""Finds whom a ref names, with a cursor of the driver."""
_OF_TOKEN = PreparedSelect(
    select(
        LoginSession.id, LoginSession.kind, LoginSession.subject_ref, LoginSession.machine,
        LoginSession.expires_at, LoginSession.revoked_at, LoginSession.seen_at, LoginSession.board_at,
        LoginSession.owes_factor,
    ).where(LoginSession.token_hash == bindparam("hash"))
)  # fmt: skip
"""Every request of somebody who is signed in asks this."""


def init_login(app: flask.Flask) -> None:
    """Bind Flask-Login to the login-session table."""
    app.session_interface = CookieOfAnyAge()
    manager = flask_login.LoginManager()
    manager.session_protection = None
    # Not by its init_app: nobody is remembered by another cookie, and a page that asks for nobody loads nobody.
    app.login_manager = manager  # type: ignore[attr-defined]  # where flask_login looks for it
    app.extensions["cbt_resolvers"] = {}

    @manager.user_loader  # type: ignore[untyped-decorator]  # flask_login ships no types
    def load(token: str) -> Principal | None:
        kept_principal = flask.request.environ.get(KNOWN)
        if isinstance(kept_principal, Principal) and kept_principal.token == token:
            return kept_principal
        if flask.g.get("login_unread"):
            return None  # the page that says what happened is nobody's: it asks the database for nothing
        flask.g.login_unread = True
        principal = _load(
            token, machine=current_machine(), now=flask.g.now, staff=is_of_staff(flask.request.path)
        )
        flask.g.login_unread = False
        return principal


def at_the_others() -> Principal | None:
    """Return who is signed in at the other kind of addresses, where one address is for candidates and staff."""
    app, staff = flask.current_app, not is_of_staff(flask.request.path)
    interface = cast(CookieOfAnyAge, app.session_interface)
    kept = interface.read(app, flask.request.cookies.get(session_cookie(app, staff=staff), ""))
    token = None if kept is None else kept.get(_TOKEN)
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
    with raw_reading(db.engine) as cursor:
        row = _holding(_OF_TOKEN.at(cursor, hash=token_hash(token)), machine=machine, now=now, staff=staff)
        if row is None:
            return None
        resolver = cast(Resolver, flask.current_app.extensions["cbt_resolvers"][row.kind])
        found = resolver(cursor, row.subject_ref)
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
    why = "" if row is None else over(row, now=now)
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
    token = flask.session.get(_TOKEN)
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
    flask.session[_TOKEN] = token
    flask.session["_fresh"] = True  # as browsers have it whose login is older than this line


def forget() -> None:
    """Empty this browser's cookie of the kind whose address this is."""
    flask.session.clear()


def current_principal() -> Principal | None:
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
    return signed_in().logged_as


def machine_id() -> str:
    """Return the identity of the requesting machine: its token's hash, else its address (R-16)."""
    return current_machine().identity
