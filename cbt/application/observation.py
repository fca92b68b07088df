"""What can be watched from outside: health, counters, slow requests. Brings together what each room knows."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import cast

import flask

from cbt.application.gauges import add_server_gauges, add_stored_gauges
from cbt.application.kinds import ANSWERS, BEATS, kinds_of
from cbt.clock import Agreement
from cbt.config import Settings
from cbt.db.writing.gate import Gate
from cbt.delivery.save.journal import Journal
from cbt.web.receiving.parking import Parking
from cbt.web.receiving.sharing import Beside, FairShare
from cbt.web.watching.counted import OTHER_ACT
from cbt.web.watching.health import init_health
from cbt.web.watching.metrics import Metrics
from cbt.web.watching.requestlog import ObservedApp, init_request_log
from cbt.web.watching.scraping import init_metrics

SCHEDULER = "cbt_scheduler"
"""Where the leading process keeps its scheduler."""
JOB = "cbt_job"
"""Where the app context of a job keeps its name."""
SAVES = "saves"
"""What the transactions of the group commit are counted under: saves, ends, starts and parcels."""


def init_observation(app: ObservedApp, settings: Settings, *, jobs: Iterable[str]) -> None:
    """Count and log the requests of `app`, and answer `/healthz` and `/metrics`; called when all else is set."""
    init_health(app, settings)
    metrics = Metrics(kinds_of(app), acts=(SAVES, *jobs))
    _add_process_gauges(metrics, app, settings)
    add_server_gauges(metrics, app, settings)
    add_stored_gauges(metrics, settings)
    metrics.begin()
    journal: Journal = app.extensions["cbt_journal"]
    journal.tell = metrics.committed
    gate = cast(Gate, app.extensions["cbt_gate"])
    gate.held = lambda seconds: metrics.held(_act(), seconds)
    init_metrics(app, settings, metrics)
    init_request_log(app, slow_ms=settings.slow_ms, short_way=ANSWERS, beats=BEATS)


def _act() -> str:
    """Return what this thread does: the endpoint of its request, the job it runs, or the saves of a batch."""
    if flask.has_request_context():
        return flask.request.endpoint or OTHER_ACT
    if flask.has_app_context():
        return str(flask.g.get(JOB, OTHER_ACT))
    return SAVES


def _add_process_gauges(metrics: Metrics, app: ObservedApp, settings: Settings) -> None:
    app.extensions["cbt_fair_share"] = FairShare()
    journal: Journal = app.extensions["cbt_journal"]
    gate = cast(Gate, app.extensions["cbt_gate"])
    agreement: Agreement = app.extensions["cbt_agreement"]

    def leads() -> bool:
        scheduler = app.extensions.get(SCHEDULER)
        return scheduler is not None and scheduler.running

    metrics.add_process_gauge(
        "cbt_save_queue", "Saves, ends and starts that wait for a commit.", lambda: journal.unanswered
    )
    parking: Parking = app.extensions["cbt_parking"]
    metrics.add_process_gauge(
        "cbt_waiting_pages", "Pages of candidates that wait for news.", lambda: len(parking)
    )
    metrics.add_process_gauge(
        "cbt_leader",
        "1 while a process of this server runs the jobs.",
        leads,
        fold=max,
        labels=(("node", f"{socket.gethostname()}:{settings.port}"),),
    )
    _share_with_others(metrics, app.extensions["cbt_fair_share"])
    if gate.copy is not None:
        copy = gate.copy
        metrics.add_process_gauge(
            "cbt_journal_copy_behind",
            "1 while the second copy lacks something.",
            lambda: copy.behind,
            fold=max,
        )
    if not settings.embedded:
        metrics.add_process_gauge(
            "cbt_clock_off_seconds",
            "How far the server's clock is ahead of the database's.",
            lambda: agreement.off_by.total_seconds(),
            fold=_farthest,
        )


def _share_with_others(metrics: Metrics, share: FairShare) -> None:
    """Have each process hear of the others how much they answer, and since when."""
    told = (
        metrics.add_process_gauge(
            "cbt_busiest_requests_per_second",
            "Requests a second of the process that answers most.",
            share.per_second,
            fold=max,
        ),
        metrics.add_process_gauge(
            "cbt_youngest_process_seconds", "Since the last process began.", lambda: share.age, fold=min
        ),
    )
    share.others = lambda: [Beside(*cells) for cells in metrics.of_other_servers(told)]


def _farthest(values: Iterable[float]) -> float:
    return max(values, key=abs)
