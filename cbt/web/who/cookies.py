"""Cookies of the product: one way to name, read and write them.

Over https each has the `__Host-` prefix: a browser takes such a cookie from this host over https only, so a
neighbouring host, or somebody on the wire, cannot plant one. Plain http has no such protection, and the bare names.
"""

from __future__ import annotations

import flask
import werkzeug
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer

from cbt.config import Settings

HOST_PREFIX = "__Host-"


def init_cookies(app: flask.Flask, settings: Settings) -> None:
    """Choose the names and attributes of every cookie by how browsers reach this installation."""
    prefix = HOST_PREFIX if settings.https else ""
    app.config.update(
        COOKIE_PREFIX=prefix,
        SESSION_COOKIE_NAME=f"{prefix}cbt",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.https,
    )


def cookie_signer(app: flask.Flask) -> URLSafeTimedSerializer:
    """Return what signs and reads the cookie of a browser's session."""
    interface = app.session_interface
    assert isinstance(interface, SecureCookieSessionInterface)
    signer = interface.get_signing_serializer(app)
    assert signer is not None
    return signer


def cookie_name(name: str) -> str:
    """Return the name a cookie has in browsers."""
    return f"{flask.current_app.config.get('COOKIE_PREFIX', '')}{name}"


def read_cookie(name: str) -> str | None:
    """Return what this request's browser keeps under `name`."""
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
