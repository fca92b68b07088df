"""The program of the centre's own that takes each backup elsewhere, S3-compatible storage among others.

It is run with the folder of a backup after it was made, as a job of its own: neither a save nor the next backup
waits for it. What it could not take is tried again with the next backup.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import flask
from sqlalchemy import delete, select

from cbt.config import Settings
from cbt.confined.runner import ended_with_group, others_turn
from cbt.errors import Conflict, Unavailable
from cbt.http.app_context import path_of
from cbt.jobs import queue
from cbt.jobs.models import Job
from cbt.jobs.registry import JobKind, JobResult, Work
from cbt.jobs.worker import SYSTEM, NoLongerHeld
from cbt.rules.roles import Role
from cbt.storage.backup_folder import OUTPUT, SentBackups, newest_name, read_sent, unsent, write_sent
from cbt.storage.private_files import open_private
from cbt.storage.unit_of_work import reading, unit_of_work

log = logging.getLogger(__name__)

LIMIT_SECONDS = 3600.0
"""So long may it take for one backup."""
LOOK_SECONDS = 0.1
PATIENCE_SECONDS = 10.0
"""So long may it take to end when it is told to."""


def send_when_due(*, now: datetime) -> bool:
    """Have the program wait for this machine's worker when a backup was not sent; return whether it was asked for.

    After a failure that is not before there is another backup.
    """
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    folder = settings.backup_dir
    if settings.backup_hook is None or folder is None:
        return False
    state = read_sent(folder)
    if not unsent(folder, state) or newest_name(folder) == state.failed:
        return False
    with reading() as session:
        rows = session.scalars(select(Job).where(Job.kind == SEND.code).order_by(Job.id.desc())).all()
    if any(row.is_open for row in rows):
        return False
    with unit_of_work() as session:
        past = [row.id for row in rows[settings.backup_keep - 1 :]]
        session.execute(delete(Job).where(Job.id.in_(past)))
        page = path_of(flask.current_app, "backups.page")
        queue.put(session, SEND, subject=queue.this_machine(), asked={}, page=page, now=now, actor=SYSTEM)
    return True


def _send(work: Work) -> JobResult:
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    hook, folder = settings.backup_hook, settings.backup_dir
    if hook is None or folder is None:
        raise Conflict("backup.no_hook")
    state = read_sent(folder)
    waiting = unsent(folder, state)
    for number, backup in enumerate(waiting):
        if not backup.is_dir():
            continue  # its turn to be removed came meanwhile
        try:
            run_hook(hook, backup, folder / OUTPUT, partial(work.tell, number, len(waiting)))
        except Unavailable as error:
            _note_failed(folder, state, error)
            log.error("the program that takes backups elsewhere failed: %s", error)
            raise
        except NoLongerHeld:
            _note_failed(folder, state, Unavailable("backup.hook_stopped", hook=hook, name=backup.name))
            raise
        state = replace(state, sent=(*state.sent, backup.name), failed="", failure="", named={})
        write_sent(folder, state)
    return JobResult()


def _note_failed(folder: Path, state: SentBackups, error: Unavailable) -> None:
    named = {name: str(value) for name, value in error.params.items()}
    write_sent(folder, replace(state, failed=newest_name(folder), failure=error.code, named=named))


def run_hook(hook: Path, backup: Path, output: Path, tell: Callable[[], None]) -> None:
    """Run the program with a backup's folder, in a group of its own, until it ends or its time is over.

    It gets no setting of the product: one may hold a password. What it prints goes into `output`; `tell` is called
    again and again meanwhile, and ends it by raising. Raise Unavailable("backup.hook_failed"), ("…late"),
    ("…missing").
    """
    named = {"hook": hook, "name": backup.name, "log": output}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CBT_")}
    try:
        printed = open_private(output, os.O_WRONLY | os.O_TRUNC)
        try:
            child = subprocess.Popen(
                [str(hook), str(backup)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                start_new_session=True,
            )
        finally:
            os.close(printed)
    except OSError as error:
        raise Unavailable("backup.hook_missing", **named, detail=error.strerror or error) from error
    until = time.monotonic() + LIMIT_SECONDS
    try:
        with ended_with_group(lambda: _signal(child, signal.SIGTERM)):
            while child.poll() is None:
                if time.monotonic() >= until:
                    raise Unavailable("backup.hook_late", **named, minutes=round(LIMIT_SECONDS / 60))
                tell()
                with others_turn():
                    time.sleep(LOOK_SECONDS)
    finally:
        _end(child)
    if child.returncode != 0:
        raise Unavailable("backup.hook_failed", **named, exit=child.returncode)


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is not None:
        return
    _signal(child, signal.SIGTERM)
    try:
        child.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        _signal(child, getattr(signal, "SIGKILL", signal.SIGTERM))
        child.wait()


def _signal(child: subprocess.Popen[bytes], number: int) -> None:
    """Signal the program and what it began; on Windows the program alone."""
    if not hasattr(os, "killpg"):
        child.terminate()
    elif child.poll() is None:
        os.killpg(child.pid, number)


SEND = JobKind(
    "server.backup_hook",
    frozenset({Role.ADMIN}),
    _send,
    is_shared=True,
    is_local=True,
    is_act=False,
)
