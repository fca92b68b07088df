"""Responses: the security headers of every answer, packed bodies, and refusals that cost next to nothing."""

from __future__ import annotations

import html
import json
import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import flask

from cbt.config import Settings
from cbt.console.texts import language, text
from cbt.errors import CbtError, Unavailable
from cbt.http.i18n import LOCALE_HEADER, chosen_locale, sentences
from cbt.http.request_log import ENDPOINT, STATUS
from cbt.http.server.deferred import Headers

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

SECURITY_HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), usb=(), display-capture=()",
}


FILE_HEADERS = {
    name: SECURITY_HEADERS[name] for name in ("X-Content-Type-Options", "Cross-Origin-Resource-Policy")
}
"""What counts for a script or a style sheet, which is never a page: forty of them come with the first paper."""
FILES = frozenset({"text/javascript", "text/css"})


STRICT_TRANSPORT = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
"""A browser that came over https once never comes back without it, for a year."""


def bare_problem(code: str = "web.unexpected") -> tuple[list[tuple[str, str]], bytes]:
    """Return headers and page of an error that the page of errors itself met: no template and no request needed.

    In the installation's language, for what was asked for may be what failed.
    """
    what, fix = (html.escape(text(f"error.{code}.{part}")) for part in ("what", "fix"))
    page = (
        f'<!doctype html><html lang="{language()}"><meta charset="utf-8"><title>{what}</title>'
        f"<h1>{what}</h1><p>{fix}</p></html>"
    )
    return [*SECURITY_HEADERS.items(), ("Content-Type", "text/html; charset=utf-8")], page.encode()


def init_headers(app: flask.Flask, settings: Settings) -> None:
    """Set the security headers, and keep every page but static files out of caches."""
    transport = STRICT_TRANSPORT if settings.https else {}
    of_files, of_pages = FILE_HEADERS | transport, SECURITY_HEADERS | transport

    @app.after_request
    def add(response: flask.Response) -> flask.Response:
        served = flask.request.blueprint == "assets" and response.mimetype in FILES
        there = {name.casefold() for name, _ in response.headers}
        for name, value in (of_files if served else of_pages).items():
            if name.casefold() not in there:
                response.headers.add(name, value)
        return response


# Bodies sent packed to browsers that unpack.
#
# Not every page: what a stranger can have repeated beside a secret must not be packed with it (BREACH), so a
# view says of itself that it may be.

GZIP = 31
"""What zlib calls the format of gzip."""
FASTEST = 1
"""A third of the bytes for a fifth of a millisecond: for what everybody asks for in the same second."""
GOOD = 6
"""For a page, which costs more to write than to pack."""


def unpacks(accept_encoding: str | None) -> bool:
    """Return whether a browser that accepts these encodings unpacks gzip."""
    return accept_encoding is not None and "gzip" in accept_encoding


def packed(body: bytes, *, effort: int = FASTEST) -> bytes:
    """Return a body as gzip."""
    return zlib.compress(body, effort, wbits=GZIP)


def packed_page(text: str) -> flask.Response:
    """Return a page, packed where the browser unpacks; for pages that repeat nothing a stranger chose."""
    body, headers = text.encode(), {"Vary": "Accept-Encoding"}
    if unpacks(flask.request.headers.get("Accept-Encoding")):
        body, headers["Content-Encoding"] = packed(body, effort=GOOD), "gzip"
    return flask.Response(body, headers=headers, mimetype="text/html")


# Refusals of requests that plainly came too early: said without a page, a thread or a question to the
# database.
#
# When a server is behind, whoever it refuses must cost less than whoever it serves. What is said is what the
# view would say (problems.py), with the time to come again in the header that browsers keep to.
#
# Source: I12, I14.

PLAIN = frozenset({"db.busy", "db.write", "request.stale"})
"""What is the same for everybody: nothing but the time to come again goes with it."""
UNAVAILABLE = 503
_LOCALE = f"HTTP_{LOCALE_HEADER.upper().replace('-', '_')}"


class PlainRefusals:
    """Says `Unavailable` to requests of the answer page; `come_again` tells in how many seconds."""

    def __init__(self, app: flask.Flask, come_again: Callable[[], int]) -> None:
        self._settings: Settings = app.extensions["cbt_settings"]
        self._come_again = come_again

    def said(
        self, environ: WSGIEnvironment, error: CbtError, *, endpoint: str
    ) -> tuple[int, Headers, bytes] | None:
        """Return status, headers and content of a refusal; None for one that only the view can explain."""
        if not isinstance(error, Unavailable) or error.code not in PLAIN:
            return None
        seconds = error.params.get("seconds")
        if not isinstance(seconds, int):
            seconds = self._come_again()
        environ[ENDPOINT], environ[STATUS] = endpoint, UNAVAILABLE
        body = _body(error.code, seconds, chosen_locale(environ.get(_LOCALE), self._settings))
        headers = [
            *SECURITY_HEADERS.items(),
            ("Content-Type", "application/json"),
            ("Retry-After", str(seconds)),
            ("Content-Length", str(len(body))),
        ]
        return UNAVAILABLE, headers, body


@lru_cache(256)
def _body(code: str, seconds: int, language: str) -> bytes:
    what, fix = sentences(language, code)
    return json.dumps({"code": code, "seconds": seconds, "message": what, "fix": fix}).encode()
