"""REF: an otherwise empty Flask app that parses the same JSON as a save and answers the same JSON.

It stands on plain granian. Behind the product's own front, where it stood for the results until 2026-11-30, it is
measured once in a run: what that costs it is told beside the figures.
"""

from __future__ import annotations

import json
import os

import flask
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from cbt.clock import SystemClock
from cbt.config import read_settings
from cbt.http.server.front import Front

REPLY_VARIABLE = "BENCH_REPLY"
"""What it answers, as the product answered it once."""


def app() -> flask.Flask:
    """Return the app."""
    app = flask.Flask("ref")
    answer = json.loads(os.environ[REPLY_VARIABLE])

    @app.post("/ref")
    def ref() -> flask.typing.ResponseReturnValue:
        flask.request.get_json()
        return dict(answer)

    return app


def behind_front() -> Front:
    """Return the app as a worker of the product's own server."""
    return Front(app(), threads=read_settings().threads, now=SystemClock().now)


def serve_plainly() -> None:
    """Serve the app as granian does by itself, with as many workers as the product has."""
    settings = read_settings()
    Granian(
        f"{__name__}:app",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        log_level=LogLevels.error,
        factory=True,
    ).serve()
