"""What can be watched from outside: health, counters, slow requests. Brings together what each room knows."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.engine import Engine

from cbt.clock import Agreement
from cbt.config import Settings
from cbt.db.base import db
from cbt.db.gate import Gate
from cbt.db.group_commit import GroupWriter, Perform
from cbt.db.unit_of_work import reading
from cbt.delivery.journal import Journal
from cbt.delivery.models import Attempt
from cbt.rules import attempt_state, sitting_state
from cbt.sittings.models import SittingRoom
from cbt.web.disks import free_bytes
from cbt.web.health import init_health
from cbt.web.metrics import Labels, init_metrics
from cbt.web.requestlog import ObservedApp, init_request_log

SCHEDULER = "cbt_scheduler"
"""Where the leading process keeps its scheduler."""
SHORT_WAY = "attempts.answers"
WATCHED = tuple(state for state in attempt_state.State if state is not attempt_state.State.SCORED)
"""Scored attempts are left out: their number grows with every sitting, and so would the time to count."""
OPEN = (sitting_state.State.ADMITTING, sitting_state.State.RUNNING, sitting_state.State.HELD)


class ObservedWriter(GroupWriter):
    """The group writer, telling after each commit how large the batch was and how long COMMIT took."""

    def __init__(
        self, engine: Engine, gate: Gate, perform: Perform, *, tell: Callable[[int, float], None]
    ) -> None:
        super().__init__(engine, gate, perform, before_commit=self._mark)
        self._tell = tell
        self._begun = time.perf_counter()
        self._took: float | None = None

    @property
    def waiting(self) -> int:
        """Return about how many works wait for the next transaction."""
        return self._queue.qsize()

    def _mark(self) -> None:
        self._begun = time.perf_counter()

    def _transact(self, batch: list[Any], *, gather: bool) -> None:
        super()._transact(batch, gather=gather)
        self._took = time.perf_counter() - self._begun

    def _commit(self, batch: list[Any], *, gather: bool = False) -> None:
        super()._commit(batch, gather=gather)
        # Told once the requests are on their way. A batch that was taken one by one has been told so.
        took, self._took = self._took, None
        if took is not None:
            self._tell(len(batch), took)


def init_observation(app: ObservedApp, settings: Settings) -> None:
    """Count and log the requests of `app`, and answer `/healthz` and `/metrics`; called when all else is set."""
    init_health(app, settings)
    metrics = init_metrics(app)
    journal: Journal = app.extensions["cbt_journal"]
    with app.app_context():
        engine = db.engine
    # Its thread begins with the first save, so it can still be exchanged.
    gate = cast(Gate, app.extensions["cbt_gate"])
    writer = ObservedWriter(engine, gate, journal.perform, tell=metrics.committed)
    journal.writer = writer

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
