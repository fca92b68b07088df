"""What one process counts, as Prometheus reads it, for this machine only.

Own counters: those of prometheus-client take a lock at every step, and the save path has none to give away.
A step here is one addition, so under threads a count may miss one now and then. Every server process counts
for itself and a scrape reaches one of them: `pid` tells them apart.
"""

from __future__ import annotations

import ipaddress
import logging
import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping

import flask

from cbt.errors import NotFound
from cbt.web.partials import Reply
from cbt.web.who import access

log = logging.getLogger(__name__)
pages = flask.Blueprint("metrics", __name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")

Labels = tuple[tuple[str, str], ...]
Gauge = Callable[[], Mapping[Labels, float]]


class Histogram:
    """Counts values into buckets; one thread adds."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Metrics:
    """The counters of one process and the gauges that are read when somebody asks."""

    def __init__(self) -> None:
        self.requests: dict[tuple[str, int], int] = {}
        self.short_way = 0
        """Saves that were answered 200 before Flask saw them; shown under `short_way_endpoint`."""
        self.short_way_endpoint = ""
        self.batch_sizes = Histogram(BATCH_SIZES)
        self.commit_seconds = Histogram(COMMIT_SECONDS)
        self._gauges: list[tuple[str, str, Gauge]] = []

    def count(self, endpoint: str, status: int) -> None:
        """Count one answered request under the class of its HTTP status."""
        key = (endpoint, status // 100)
        self.requests[key] = self.requests.get(key, 0) + 1

    def committed(self, size: int, seconds: float) -> None:
        """Count one committed batch of saves."""
        self.batch_sizes.add(size)
        self.commit_seconds.add(seconds)

    def add_gauge(self, name: str, text: str, read: Gauge) -> None:
        """Have `read` called at each scrape; later rooms bring what only they know."""
        self._gauges.append((name, text, read))

    def render(self) -> str:
        """Return the text exposition."""
        pid = (("pid", str(os.getpid())),)
        lines = ["# HELP cbt_requests_total Answered requests.", "# TYPE cbt_requests_total counter"]
        counted = self.requests.copy()
        if self.short_way:
            taken = (self.short_way_endpoint, 2)
            counted[taken] = counted.get(taken, 0) + self.short_way
        for (endpoint, status), number in sorted(counted.items()):
            labels = (("endpoint", endpoint), ("status", f"{status}xx"), *pid)
            lines.append(_line("cbt_requests_total", labels, number))
        lines += _histogram("cbt_save_batch_size", "Saves in one commit.", self.batch_sizes, pid)
        lines += _histogram("cbt_save_commit_seconds", "Length of COMMIT.", self.commit_seconds, pid)
        for name, text, read in self._gauges:
            lines += [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
            lines += [_line(name, labels, value) for labels, value in _read(name, read)]
        return "\n".join(lines) + "\n"


def _read(name: str, read: Gauge) -> Iterable[tuple[Labels, float]]:
    try:
        return list(read().items())
    except Exception as error:
        # The other figures are what one looks at while the database is away.
        log.warning("the gauge %s cannot be read: %s", name, type(error).__name__)
        return []


def _histogram(name: str, text: str, histogram: Histogram, labels: Labels) -> list[str]:
    lines = [f"# HELP {name} {text}", f"# TYPE {name} histogram"]
    counts, reached = list(histogram.counts), 0
    for bound, number in zip((*map(str, histogram.bounds), "+Inf"), counts, strict=True):
        reached += number
        lines.append(_line(f"{name}_bucket", (*labels, ("le", bound)), reached))
    lines.append(_line(f"{name}_sum", labels, histogram.total))
    lines.append(_line(f"{name}_count", labels, reached))
    return lines


def _line(name: str, labels: Labels, value: float) -> str:
    shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
    return f"{name}{{{shown}}} {value}" if shown else f"{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def init_metrics(app: flask.Flask) -> Metrics:
    """Give `app` its counters and return them."""
    metrics = Metrics()
    app.extensions["cbt_metrics"] = metrics
    return metrics


def is_local(request: flask.Request) -> bool:
    """Return whether a request was made on this machine, by nobody else's doing.

    A proxy on this machine comes from the loopback address too, so what it passes on is known by its headers
    and by the name that was asked for.
    """
    if any(name in request.headers for name in FORWARDED):
        return False
    host = request.host.rsplit(":", 1)[0].strip("[]")
    return (host == "localhost" or _loopback(host)) and _loopback(request.remote_addr or "")


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


@pages.get("/metrics")
@access.public
def metrics() -> Reply:
    """Show the counters of the process that answers; from another machine there is no such page."""
    if not is_local(flask.request):
        raise NotFound("web.no_page")
    counted: Metrics = flask.current_app.extensions["cbt_metrics"]
    return flask.Response(counted.render(), content_type=CONTENT_TYPE)
