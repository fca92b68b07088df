"""Who sends a request, read at the WSGI door: for the few that must not cost what a page costs.

The same cookie, form token and login session that Flask, Flask-WTF and Flask-Login check before a view, with
the same keys. Whatever is not plainly in order is nobody's here, and goes to the view, which says why.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import flask
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.http import parse_cookie

from cbt.config import Settings
from cbt.db.types import read_instant
from cbt.web.i18n import chosen_locale, chosen_theme
from cbt.web.who.cookies import CookieOfAnyAge, cookie_signer, session_cookie
from cbt.web.who.login import CANDIDATE, token_hash
from cbt.web.who.machine import is_elsewhere, tokens_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

REMEMBERED = 20_000
"""So many browsers' cookies are read once only in a process: whoever waits sends the same again and again."""
CSRF_SALT = "wtf-csrf-token"
"""Flask-WTF signs its form tokens under this name."""


LOGIN_SESSIONS = (
    "SELECT token_hash, id, kind, subject_ref, revoked_at, expires_at, machine, former_machine "
    "FROM login_session WHERE token_hash"
)
"""What decides on login sessions, by the hashes of their tokens."""


@dataclass(frozen=True, slots=True)
class Knock:
    """A request with a cookie of ours and a form token that belongs to it; whether its login session holds is
    for whoever opens to ask (LOGIN_SESSIONS)."""

    token_hash: str
    machine: str
    locale: str


class LoginCookies:
    """Reads which login session a candidate's browser names, for requests that change nothing."""

    def __init__(self, app: flask.Flask) -> None:
        self._app = app
        self._cookie = session_cookie(app, staff=False)
        self._read = lru_cache(REMEMBERED)(self._read_header)

    def login(self, environ: WSGIEnvironment) -> str | None:
        """Return the hash of the session's token; None for a browser without a cookie of ours."""
        return self._read(environ.get("HTTP_COOKIE", ""))

    def _read_header(self, cookies: str) -> str | None:
        kept = CookieOfAnyAge().read(self._app, parse_cookie(cookies).get(self._cookie, ""))
        token = None if kept is None else kept.get("_user_id")
        return token_hash(token) if isinstance(token, str) else None


@dataclass(frozen=True, slots=True)
class Visit:
    """A request for a page with a cookie of ours, from a browser that has its machine's token and was given a form
    before; whether its login session holds is for whoever answers to ask (LOGIN_SESSIONS)."""

    token_hash: str
    machine: str
    locale: str
    theme: str
    form_token: str
    """What a form of this page brings back: signed, as Flask-WTF signs it."""


def login_holds(
    kind: str, revoked_at: Any, expires_at: Any, kept_machine: str | None, *, machine: str, now: datetime
) -> bool:
    """Return whether a candidate's login session, as its row says, may ask from this machine now (R-42)."""
    if kind != CANDIDATE or revoked_at is not None or now >= read_instant(expires_at):
        return False
    return not is_elsewhere(kept_machine, machine)


class RequestDoor:
    """Recognises the requests of one app's signed-in people."""

    def __init__(self, app: flask.Flask) -> None:
        self._signer = cookie_signer(app)
        self._form_tokens = URLSafeTimedSerializer(app.config["SECRET_KEY"], salt=CSRF_SALT)
        self._max_age = int(app.permanent_session_lifetime.total_seconds())
        self._config = app.config
        self._prefix: str = app.config["COOKIE_PREFIX"]
        self._settings: Settings = app.extensions["cbt_settings"]
        self._machines = tokens_of(app)

    def visit(self, environ: WSGIEnvironment) -> Visit | None:
        """Return who asks for a page; None when that is not plain."""
        cookies = parse_cookie(environ.get("HTTP_COOKIE", ""))
        kept = self._session(cookies.get(self._config["SESSION_COOKIE_NAME"]))
        token, field = kept.get("_user_id"), kept.get(self._config["WTF_CSRF_FIELD_NAME"])
        machine = self._machines.known(environ)
        if not isinstance(token, str) or not isinstance(field, str) or machine is None:
            return None
        return Visit(
            token_hash=token_hash(token),
            machine=machine,
            locale=chosen_locale(cookies.get(f"{self._prefix}locale"), self._settings),
            theme=chosen_theme(cookies.get(f"{self._prefix}theme")),
            form_token=str(self._form_tokens.dumps(field)),
        )

    def knock(self, environ: WSGIEnvironment) -> Knock | None:
        """Return who sends a JSON request that changes something; None when that is not plain."""
        cookies = parse_cookie(environ.get("HTTP_COOKIE", ""))
        kept = self._session(cookies.get(self._config["SESSION_COOKIE_NAME"]))
        token = kept.get("_user_id")
        if not isinstance(token, str) or not self._own_form(kept, environ.get("HTTP_X_CSRFTOKEN")):
            return None
        return Knock(
            token_hash=token_hash(token),
            machine=self._machines.asking(environ),
            locale=chosen_locale(cookies.get(f"{self._prefix}locale"), self._settings),
        )

    def _session(self, cookie: str | None) -> dict[str, Any]:
        try:
            return dict(self._signer.loads(cookie, max_age=self._max_age)) if cookie else {}
        except BadSignature:
            return {}

    def _own_form(self, kept: dict[str, Any], sent: str | None) -> bool:
        """Return whether a form token was made for this session, as Flask-WTF decides it."""
        if not self._config["WTF_CSRF_ENABLED"]:
            return True
        field = kept.get(self._config["WTF_CSRF_FIELD_NAME"])
        if not sent or not isinstance(field, str):
            return False
        try:
            token = self._form_tokens.loads(sent, max_age=self._config["WTF_CSRF_TIME_LIMIT"])
        except BadSignature:
            return False
        return isinstance(token, str) and hmac.compare_digest(field, token)
