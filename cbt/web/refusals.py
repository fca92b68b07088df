"""Refusals of requests that plainly came too early: said without a page, a thread or a question to the database.

When a server is behind, whoever it refuses must cost less than whoever it serves. What is said is what the view
would say (problems.py), with the time to come again in the header that browsers keep to.

Source: I12, I14.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import flask

from cbt.config import Settings
from cbt.errors import CbtError, Unavailable
from cbt.web.headers import SECURITY_HEADERS
from cbt.web.i18n import LOCALE_HEADER, chosen_locale, sentences
from cbt.web.receiving.promises import Headers
from cbt.web.watching.requestlog import ENDPOINT, STATUS

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

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
