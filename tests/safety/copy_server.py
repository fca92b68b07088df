"""The journeys' server with a log that is emptied often, so that a short run sees many of them."""

from __future__ import annotations

import os

import flask
from granian import Granian
from granian.constants import Interfaces

from cbt.db import journal_copy
from tests.journeys import server

EMPTY_AT = 150


def worker_app() -> flask.Flask:
    """Return the app of one server process."""
    journal_copy.EMPTY_AT = EMPTY_AT
    return server.worker_app()


if __name__ == "__main__":
    Granian(
        "tests.safety.copy_server:worker_app",
        address="127.0.0.1",
        port=int(os.environ["CBT_PORT"]),
        interface=Interfaces.WSGI,
        workers=2,
        blocking_threads=16,
        log_enabled=False,
        factory=True,
        websockets=False,
    ).serve()
