"""Jobs of brought files: carried out here, or by a worker beside the servers of a world, which may be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import flask
import pytest
from sqlalchemy import select, update

from cbt.accounts.models import Staff, StaffRole
from cbt.bank.imports.models import ImportCheck
from cbt.batches.roster.models import RosterCheck
from cbt.config import Settings, as_environment
from cbt.errors import CbtError
from cbt.imports.machine import ImportStanding
from cbt.jobs import queue
from cbt.jobs.models import Job, JobState
from cbt.jobs.registry import job_kinds
from cbt.jobs.worker import JobRun, carry_out, new_holder
from cbt.ops import job_worker
from cbt.personnel.models import StaffCheck
from cbt.rules.roles import Role
from cbt.spreadsheets.file_checks import FileCheck
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.fork_server import CAN_FORK, Child
from tests.product_processes import Forked

PATIENCE = 60.0
WORKER = "tests.file_jobs:work_on_jobs"
Worker = subprocess.Popen[bytes] | Child


def check_of(ref: str) -> FileCheck:
    """Return the check of a brought file."""
    with reading() as session:
        for table in (ImportCheck, RosterCheck, StaffCheck):
            check: FileCheck | None = session.scalar(select(table).where(table.ref == ref))
            if check is not None:
                return check
    raise LookupError(ref)


def work_on(ref: str, *, clock: Callable[[], datetime]) -> bool:
    """Carry out the job of a brought file; return whether it came to its end well."""
    job = queue.claim(new_holder(), now=clock(), kinds=job_kinds().codes, ref=check_of(ref).job_ref)
    return job is not None and carry_out(JobRun(job, now=clock())).done is not None


def add_author(ref: str, *, now: datetime) -> None:
    """Have there be an author, whose files a job may store."""
    with unit_of_work() as session:
        author = Staff(
            ref=ref, login=ref, name=ref, password_hash="", must_change_password=False, created_at=now,
            roles=[StaffRole(role=Role.AUTHOR)],
        )  # fmt: skip
        session.add(author)


def begin_worker(settings: Settings, log: Path, *, forked: bool) -> Worker:
    """Begin a worker of jobs: forked with the product loaded, or a new program."""
    environment = os.environ | as_environment(settings)
    if not forked:
        command = [sys.executable, "-m", "cbt.ops.job_worker", str(os.getpid())]
        with log.open("ab") as file:
            return subprocess.Popen(command, env=environment, stdout=file, stderr=file)
    return Forked(WORKER, [], environment=environment, folder=Path.cwd(), out=log, err=log)


def work_on_jobs() -> None:
    """Be that worker, which ends with the process that it was forked of."""
    sys.argv[1:] = [str(os.getppid())]
    job_worker.main()


@contextmanager
def working(app: flask.Flask, log: Path = Path(os.devnull), *, forked: bool = CAN_FORK) -> Iterator[Worker]:
    """Have a worker beside the servers of an app; what it says goes to `log`.

    `forked`: not to be where a test looks at the processes that it begins.
    """
    settings: Settings = app.extensions["cbt_settings"]
    worker = begin_worker(settings, log, forked=forked)
    try:
        yield worker
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(60)


def kill(worker: Worker, app: flask.Flask, *, tries: int = 1) -> None:
    """Kill a worker, and have what it held be taken over at once; it was begun so often by now."""
    worker.kill()
    worker.wait(60)
    with app.app_context(), unit_of_work() as session:
        held = update(Job).where(Job.state == JobState.WORKING)
        session.execute(held.values(held_until=datetime(2000, 1, 1, tzinfo=UTC), tries=tries))


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.02)):
        if condition():
            return
        pause.wait(0.02)
    pytest.fail("it did not come to that")


def end_of(standing: ImportStanding) -> tuple[str, str]:
    """Return how far an import is, and the code of what kept it out."""
    error: CbtError | None = standing.error
    return standing.state, error.code if error is not None else ""
