"""Browsers that are signed in: a login session and the cookies that the product would have set."""

from __future__ import annotations

from datetime import datetime

import flask
from flask_wtf.csrf import generate_csrf
from sqlalchemy.orm import Session

from cbt.web.who.cookies import cookie_signer, session_cookie
from cbt.web.who.login import CANDIDATE, token_hash
from cbt.web.who.machine import MACHINE_COOKIE, Machine, tokens_of
from cbt.web.who.opening import open_login


class Signer:
    """Signs people in by the keys of an installation; all its browsers share one `csrf_token`."""

    def __init__(self, app: flask.Flask) -> None:
        self._app = app
        with app.test_request_context():
            self.csrf_token = generate_csrf()
            self._fields = dict(flask.session)
            self._signer = cookie_signer(app)

    def sign_in(self, session: Session, *, kind: str, subject_ref: str, machine: str, now: datetime) -> str:
        """Open a login session at the machine of that name; return the header Cookie of its browser."""
        at = Machine(token_hash(machine), "")
        token = open_login(kind=kind, subject_ref=subject_ref, machine=at, now=now).store(session)
        cookie = self._signer.dumps({**self._fields, "_user_id": token, "_fresh": True})
        name = session_cookie(self._app, staff=kind != CANDIDATE)
        return f"{name}={cookie}; {MACHINE_COOKIE}={tokens_of(self._app).issue(machine)}"
