"""`/metrics`: what a server counts, for this machine and for the addresses that are named."""

from __future__ import annotations

from collections.abc import Iterable

import flask

from cbt.config import Settings
from cbt.errors import NotFound
from cbt.http.auth import access
from cbt.http.metrics import CONTENT_TYPE, Metrics
from cbt.http.partials import Reply
from cbt.http.server.proxies import Network, is_among, read_networks

pages = flask.Blueprint("metrics", __name__)
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")
LOOPBACK = read_networks("127.0.0.0/8, ::1")
READERS = "cbt_metrics_readers"
"""Where an app keeps the networks of CBT_METRICS_FROM."""


def init_metrics(app: flask.Flask, settings: Settings, metrics: Metrics) -> None:
    """Have `app` show `metrics` to whoever may read them."""
    app.extensions["cbt_metrics"] = metrics
    app.extensions[READERS] = read_networks(settings.metrics_from, setting="CBT_METRICS_FROM")


def may_read(request: flask.Request, readers: Iterable[Network]) -> bool:
    """Return whether a request was made on this machine, or comes straight from one of `readers`.

    A proxy on this machine comes from the loopback address too, and one may stand at an address that is named: so
    what a proxy passes on is known by its headers and, here, by the name that was asked for.
    """
    if any(name in request.headers for name in FORWARDED):
        return False
    address = request.remote_addr or ""
    if is_among(address, readers):
        return True
    host = request.host.rsplit(":", 1)[0].strip("[]")
    return (host == "localhost" or is_among(host, LOOPBACK)) and is_among(address, LOOPBACK)


@pages.get("/metrics")
@access.public
def metrics() -> Reply:
    """Show what the server counts; for everybody else there is no such page."""
    if not may_read(flask.request, flask.current_app.extensions[READERS]):
        raise NotFound("web.no_page")
    counted: Metrics = flask.current_app.extensions["cbt_metrics"]
    return flask.Response(counted.render(), content_type=CONTENT_TYPE)
