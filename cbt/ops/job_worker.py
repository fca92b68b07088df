"""The process that carries out jobs, which `cbt serve` keeps beside its workers, one on each machine.

It loads the product behind whoever is answered, and what it computes stays there; its units of work are done in
front (cbt.jobs.worker). It is no part of an exam: while it is away jobs wait, and what it had begun goes on where
it stood as soon as it is back.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import flask

from cbt.clock import Agreement, SystemClock
from cbt.config import Settings, read_settings
from cbt.confined.priority import done_behind
from cbt.console.loader import load
from cbt.ops.host_resources import FORKS, calm_collector, die_with_parent, give_memory_back, told_by
from cbt.ops.logs import ignore_hang_up, init_logs, tell_start, tell_stop
from cbt.ops.writer_process import ProcessKeeper
from cbt.storage.server_time import TimeWatch, database_time

END = signal.SIGTERM
END_SECONDS = 3.0
"""So long what is written last may take; what computes is not waited for."""
BEGUN_AFTER_SECONDS = 5.0
"""What a server begins with does not wait for the processor beside it."""
_kept = False


def worker_is_kept() -> bool:
    """Return whether this process, or the one it was forked from, keeps a worker for its jobs."""
    return _kept


@contextmanager
def jobs_kept(settings: Settings) -> Iterator[None]:
    """Keep a worker of jobs for the length of the block, where what is forked knows that there is one (Unix)."""
    global _kept
    if not FORKS:
        yield
        return
    keeper = ProcessKeeper(settings, "cbt.ops.job_worker", end=END, after=BEGUN_AFTER_SECONDS)
    _kept = True
    keeper.begin()
    try:
        yield
    finally:
        keeper.end()
        _kept = False


def _app_of(settings: Settings) -> flask.Flask:
    [application, engine] = load("cbt.application.app", "cbt.storage.engine")
    app: flask.Flask = application.create_app(settings, clock=SystemClock(database_time(settings)))
    files = engine.files_of(app)
    if files is not None:
        files.join_server()
    return app


def main() -> None:
    """Carry out jobs until the parent sends END, or ends."""
    (parent,) = sys.argv[1:]
    die_with_parent(int(parent))
    over = told_by(END, signal.SIGINT)
    ignore_hang_up()
    settings = read_settings()
    init_logs(settings)
    app = done_behind(partial(_app_of, settings))
    [jobs, change_set] = load("cbt.jobs.worker", "cbt.storage.write_queue.change_set")
    agreement: Agreement = app.extensions["cbt_agreement"]
    if not settings.embedded:
        watch = TimeWatch(settings, app.extensions["cbt_clock"], agreement)
        watch.begin()
    calm_collector()
    give_memory_back()
    with app.app_context():
        change_set.join_writing()
        change_set.writing().begin()
    worker = jobs.Worker(app)
    thread = threading.Thread(target=worker.run, name="jobs", daemon=True)
    thread.start()
    tell_start("jobs", settings)
    os.read(over, 1)
    worker.end()
    thread.join(END_SECONDS)
    tell_stop("jobs")
    os._exit(0)  # what still computes is for nobody: its job waits again


if __name__ == "__main__":
    main()
