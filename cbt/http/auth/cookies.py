"""Cookies of the product: one way to name, read and write them.

Over https each has the `__Host-` prefix: a browser takes such a cookie from this host over https only, so a
neighbouring host, or somebody on the wire, cannot plant one. Plain http has no such protection, and the bare names.

Candidates and staff each have a session of their own, read at their own addresses alone: on a machine where both
sign in, neither ends the other. The addresses decide and not the cookie's path, for `__Host-` allows none but `/`.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import lru_cache
from typing import Any

import flask
import werkzeug
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.sansio.http import parse_cookie

from cbt.config import Settings

HOST_PREFIX = "__Host-"
CANDIDATES = frozenset({"", "seat", "sign-in", "exam", "attempts", "my", "preferences"})
"""What the addresses of candidates begin with; all others are those of staff."""
REMEMBERED = 4_096
"""So many browsers' sessions are read once only in a process: most requests bring what the last one brought."""


class CookieOfAnyAge(SecureCookieSessionInterface):
    """Takes a signed cookie whatever its age by the wall clock: how long a login lasts is on its row.

    A wall clock that is set back would make every cookie one from the future, and sign everybody out (R-27).
    """

    def __init__(self) -> None:
        self._known = lru_cache(REMEMBERED)(_copies)
        self._signer: tuple[object, URLSafeTimedSerializer | None] = (), None

    def get_cookie_name(self, app: flask.Flask) -> str:
        """Return the name of the session at the address that is asked for; a candidate's outside of requests."""
        staff = flask.has_request_context() and is_of_staff(flask.request.path)
        return session_cookie(app, staff=staff)

    def open_session(self, app: flask.Flask, request: flask.Request) -> SecureCookieSession | None:
        """Return what the cookie holds; an empty session when it is missing or not ours."""
        name = session_cookie(app, staff=is_of_staff(request.path))
        return self.read(app, request.cookies.get(name, ""))

    def save_session(self, app: flask.Flask, session: SessionMixin, response: flask.Response) -> None:
        """Send what changed. A file is the same whatever the cookie: whoever signs in need not fetch it again."""
        if flask.request.blueprint == "assets":
            return
        if "Vary" in response.headers:
            response.vary.add("Cookie")
        else:
            response.headers["Vary"] = "Cookie"
        if session.modified or session.permanent:
            super().save_session(app, session, response)

    def read(self, app: flask.Flask, cookie: str) -> SecureCookieSession | None:
        """Return what a cookie holds; an empty session when it is not ours."""
        signer = self.get_signing_serializer(app)
        if signer is None:
            return None
        if not cookie:
            return self.session_class()
        try:
            return self.session_class(self._known(signer, cookie)())
        except BadSignature:
            return self.session_class()

    def get_signing_serializer(self, app: flask.Flask) -> URLSafeTimedSerializer | None:
        """Return what signs and reads the cookies of sessions; the same as long as the keys are."""
        keys, (kept, signer) = (app.secret_key, app.config["SECRET_KEY_FALLBACKS"]), self._signer
        if kept != keys:
            signer = super().get_signing_serializer(app)
            self._signer = keys, signer
        return signer


def _copies(signer: URLSafeTimedSerializer, cookie: str) -> Callable[[], dict[str, Any]]:
    """Return what hands out what a cookie holds: to each view a copy of its own, for it may change that."""
    held: dict[str, Any] = signer.loads(cookie)
    if all(isinstance(one, str | bool) for one in held.values()):
        return held.copy
    return lambda: deepcopy(held)


def is_of_staff(path: str) -> bool:
    return path.lstrip("/").partition("/")[0] not in CANDIDATES


def session_cookie(app: flask.Flask, *, staff: bool) -> str:
    name: str = app.config["STAFF_COOKIE_NAME" if staff else "SESSION_COOKIE_NAME"]
    return name


def init_cookies(app: flask.Flask, settings: Settings) -> None:
    """Choose the names and attributes of every cookie by how browsers reach this installation."""
    prefix = HOST_PREFIX if settings.https else ""
    app.config.update(
        COOKIE_PREFIX=prefix,
        SESSION_COOKIE_NAME=f"{prefix}cbt",
        STAFF_COOKIE_NAME=f"{prefix}cbt_staff",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.https,
    )


def cookie_signer(app: flask.Flask) -> URLSafeTimedSerializer:
    interface = app.session_interface
    assert isinstance(interface, SecureCookieSessionInterface)
    signer = interface.get_signing_serializer(app)
    assert signer is not None
    return signer


@lru_cache(REMEMBERED)
def cookies_in(header: str) -> ImmutableMultiDict[str, str]:
    """Return the cookies of a header by name; each request of a browser brings those of the last one."""
    return ImmutableMultiDict(parse_cookie(header))


def cookie_name(name: str) -> str:
    return f"{flask.current_app.config.get('COOKIE_PREFIX', '')}{name}"


def read_cookie(name: str) -> str | None:
    return flask.request.cookies.get(cookie_name(name))


def write_cookie(response: werkzeug.Response, name: str, value: str, *, max_age: int) -> None:
    """Have the browser keep `value` for `max_age` seconds, out of reach of scripts and of other sites' requests."""
    response.set_cookie(
        cookie_name(name),
        value,
        max_age=max_age,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=flask.current_app.config["SESSION_COOKIE_SECURE"],
    )
