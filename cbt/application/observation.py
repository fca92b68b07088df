"""What can be watched from outside: health, counters, slow requests. Brings together what each room knows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import cast

from sqlalchemy import func, select

from cbt.clock import Agreement
from cbt.config import Settings
from cbt.db.unit_of_work import reading
from cbt.db.writing.gate import Gate
from cbt.delivery.models import Attempt
from cbt.delivery.save.journal import Journal
from cbt.rules.states import attempt, sitting
from cbt.sittings.models import SittingRoom
from cbt.web.watching.disks import free_bytes
from cbt.web.watching.health import init_health
from cbt.web.watching.metrics import Labels, init_metrics
from cbt.web.watching.requestlog import ObservedApp, init_request_log

SCHEDULER = "cbt_scheduler"
"""Where the leading process keeps its scheduler."""
SHORT_WAY = "attempts.answers"
WATCHED = tuple(state for state in attempt.State if state is not attempt.State.SCORED)
"""Scored attempts are left out: their number grows with every sitting, and so would the time to count."""
OPEN = (sitting.SittingState.ADMITTING, sitting.SittingState.RUNNING, sitting.SittingState.HELD)


def init_observation(app: ObservedApp, settings: Settings) -> None:
    """Count and log the requests of `app`, and answer `/healthz` and `/metrics`; called when all else is set."""
    init_health(app, settings)
    metrics = init_metrics(app)
    journal: Journal = app.extensions["cbt_journal"]
    gate = cast(Gate, app.extensions["cbt_gate"])
    writer = journal.writer
    writer.tell = metrics.committed

    def queue() -> Mapping[Labels, float]:
        return {_process(): writer.waiting}

    def leader() -> Mapping[Labels, float]:
        scheduler = app.extensions.get(SCHEDULER)
        return {_process(): int(scheduler is not None and scheduler.running)}

    def disks() -> Mapping[Labels, float]:
        return {(("folder", name), *_process()): free for name, free in free_bytes(settings).items()}

    def clock_off() -> Mapping[Labels, float]:
        agreement: Agreement = app.extensions["cbt_agreement"]
        return {} if settings.embedded else {_process(): agreement.off_by.total_seconds()}

    def second_copy() -> Mapping[Labels, float]:
        copy = gate.copy
        return {} if copy is None else {_process(): int(copy.behind)}

    metrics.add_gauge("cbt_save_queue", "Saves waiting for the next commit.", queue)
    metrics.add_gauge("cbt_scheduler_leader", "1 in the process that runs the jobs.", leader)
    metrics.add_gauge("cbt_journal_copy_behind", "1 while the second copy lacks something.", second_copy)
    metrics.add_gauge("cbt_clock_off_seconds", "How far the clock is ahead of the database's.", clock_off)
    metrics.add_gauge("cbt_disk_free_bytes", "Room left on the disk of each folder.", disks)
    metrics.add_gauge("cbt_attempts", "Attempts by state, without scored ones.", _attempts)
    metrics.add_gauge("cbt_open_rooms", "Sitting-rooms that admit, run or are held.", _rooms)
    init_request_log(app, slow_ms=settings.slow_ms, short_way=SHORT_WAY)


def _process() -> Labels:
    return (("pid", str(os.getpid())),)


def _attempts() -> Mapping[Labels, float]:
    with reading() as session:
        query = select(Attempt.state, func.count()).where(Attempt.state.in_(WATCHED)).group_by(Attempt.state)
        found = {row[0]: row[1] for row in session.execute(query)}
    return {(("state", str(state)),): found.get(state, 0) for state in WATCHED}


def _rooms() -> Mapping[Labels, float]:
    with reading() as session:
        query = select(SittingRoom.state, func.count()).where(SittingRoom.state.in_(OPEN))
        found = {row[0]: row[1] for row in session.execute(query.group_by(SittingRoom.state))}
    return {(("state", str(state)),): found.get(state, 0) for state in OPEN}
