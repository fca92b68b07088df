"""REF: an otherwise empty Flask app that parses the same JSON as a save and answers the same JSON."""

from __future__ import annotations

import json
import os

import flask

from bench.servers.serve import REPLY_VARIABLE
from cbt.clock import SystemClock
from cbt.config import read_settings
from cbt.web.receiving.front import Front


def worker() -> Front:
    """Return the front of the app: the server's part is the product's.

    What it answers comes from the environment, as the product answered it once.
    """
    app = flask.Flask("ref")
    answer = json.loads(os.environ[REPLY_VARIABLE])

    @app.post("/ref")
    def ref() -> flask.typing.ResponseReturnValue:
        flask.request.get_json()
        return dict(answer)

    return Front(app, threads=read_settings().threads, now=SystemClock().now)
