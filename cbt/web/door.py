"""Who sends a request, read at the WSGI door: for the few that must not cost what a page costs.

The same cookie, form token and login session that Flask, Flask-WTF and Flask-Login check before a view, with
the same keys. Whatever is not plainly in order is nobody's here, and goes to the view, which says why.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import flask
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.http import parse_cookie

from cbt.config import Settings
from cbt.db.base import db
from cbt.db.types import read_instant
from cbt.web.i18n import chosen_locale
from cbt.web.login import MACHINE_COOKIE, token_hash

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

CSRF_SALT = "wtf-csrf-token"
"""Flask-WTF signs its form tokens under this name."""


@dataclass(frozen=True, slots=True)
class Knock:
    """A request of somebody who is signed in, with a form token of theirs."""

    login_session_id: int
    kind: str
    subject_ref: str
    machine: str
    locale: str


class Door:
    """Recognises the requests of one app's signed-in people."""

    def __init__(self, app: flask.Flask) -> None:
        interface = app.session_interface
        assert isinstance(interface, flask.sessions.SecureCookieSessionInterface)
        signer = interface.get_signing_serializer(app)
        assert signer is not None
        self._signer = signer
        self._form_tokens = URLSafeTimedSerializer(app.config["SECRET_KEY"], salt=CSRF_SALT)
        self._max_age = int(app.permanent_session_lifetime.total_seconds())
        self._config = app.config
        self._settings: Settings = app.extensions["cbt_settings"]
        with app.app_context():
            mark = "%s" if db.engine.dialect.name == "postgresql" else "?"
        self._select = (
            "SELECT id, kind, subject_ref, revoked_at, expires_at FROM login_session "
            f"WHERE token_hash = {mark}"
        )

    def knock(self, environ: WSGIEnvironment, cursor: Any, *, now: datetime) -> Knock | None:
        """Return who sends a JSON request that changes something; None when that is not plain.

        `cursor` is one of the driver, for one query.
        """
        cookies = parse_cookie(environ.get("HTTP_COOKIE", ""))
        kept = self._session(cookies.get(self._config["SESSION_COOKIE_NAME"]))
        token = kept.get("_user_id")
        if not isinstance(token, str) or not self._own_form(kept, environ.get("HTTP_X_CSRFTOKEN")):
            return None
        cursor.execute(self._select, (token_hash(token),))
        row = cursor.fetchone()
        if row is None or row[3] is not None or now >= read_instant(row[4]):
            return None
        return Knock(
            login_session_id=row[0],
            kind=row[1],
            subject_ref=row[2],
            machine=cookies.get(MACHINE_COOKIE) or f"addr:{environ.get('REMOTE_ADDR')}",
            locale=chosen_locale(cookies.get("locale"), self._settings),
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
