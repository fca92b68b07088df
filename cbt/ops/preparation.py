"""The preparation of a start: PostgreSQL is awaited, a new installation begun, and the app made.

PostgreSQL may come up beside the start after a power cut.
"""

from __future__ import annotations

import logging
import multiprocessing
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any, TypeVar, cast

import flask
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.exc import DatabaseError

from cbt.accounts.models import Staff
from cbt.accounts.staff import create_staff
from cbt.application.app import create_app
from cbt.application.backups import fault_at_start
from cbt.audit import chain
from cbt.audit.chain import ensure_keyed
from cbt.blueprints.versions import faults, load_folder
from cbt.blueprints.versions import look as look_into
from cbt.clock import SystemClock
from cbt.config import Settings, masked
from cbt.console.exits import REFUSED, end_of
from cbt.console.output import Progress
from cbt.console.texts import text as _
from cbt.errors import CbtError, Unavailable
from cbt.ops.backup.restore import forget_note, record_note
from cbt.ops.file_permissions import mend_modes
from cbt.ops.host_resources import FORKS
from cbt.ops.preflight import Intent, opened
from cbt.ops.start_gates import pass_gates, refuse_damaged
from cbt.releases import newest_revision, product_version
from cbt.rules.roles import Role
from cbt.runner.close.outage import beat, settle_rooms
from cbt.storage.departure import check_not_moved
from cbt.storage.engine import is_damaged
from cbt.storage.migrate import INSTALLED, begin_or_check
from cbt.storage.server_time import database_time
from cbt.storage.unit_of_work import reading, unit_of_work

log = logging.getLogger(__name__)


PATIENCE = timedelta(minutes=2)
"""So long a start waits for PostgreSQL; then it ends, and a service manager tries again."""
ASK_EVERY = timedelta(seconds=1)
LOG_EVERY = timedelta(seconds=30)


def await_database(
    settings: Settings,
    *,
    ask: Callable[[Settings], object] = database_time,
    pause: Callable[[float], None] = time.sleep,
    passed: Callable[[], float] = time.monotonic,
) -> None:
    """Wait until PostgreSQL answers, and say so in the terminal, else in the log now and then.

    Raise what `ask` raises when it has been too long.
    """
    begun, logged = passed(), float("-inf")
    with Progress(passed) as progress:
        while True:
            try:
                ask(settings)
                return
            except Unavailable as error:
                waited = passed() - begun
                if error.code != "db.unreachable" or waited >= PATIENCE.total_seconds():
                    raise
                url = masked(settings.database_url)
                sentence = _("serving.awaiting", url=url, seconds=f"{waited:.0f}")
            if sys.stderr.isatty():
                progress.tell(sentence)
            elif waited - logged >= LOG_EVERY.total_seconds():
                log.warning("waiting for PostgreSQL at %s, %.0f seconds so far", url, waited)
                logged = waited
            pause(ASK_EVERY.total_seconds())


R = TypeVar("R")


def prepare_app(settings: Settings, intent: Intent = Intent.SERVE) -> flask.Flask:
    """Begin an installation where there is none, give back an outage, load blueprints and reasons; return the app.

    Runs before any worker. On PostgreSQL the time is the database's: a node whose own clock is wrong must not
    take that for an outage.

    Source: R-27.
    """
    with opened(settings, intent):
        app = create_app(settings, clock=SystemClock(database_time(settings)))
        mend_modes(settings)
        now: datetime = app.extensions["cbt_clock"].now()
        with app.app_context():
            begin(settings, now=now)
    with app.app_context():
        check_not_moved()
        beat(now=now)
        settle_rooms(now=now)
        files = look_into(settings.blueprint_dir)
        with unit_of_work() as session:
            load_folder(session, settings.blueprint_dir, files, now=now, actor="cli")
    return app


def begin(settings: Settings, *, now: datetime) -> None:
    """Make the tables of an empty database and put that on record, or make sure that they are this version's.

    A restore before this start goes on record too.

    Raise as `cbt.storage.migrate.begin_or_check` and `cbt.audit.chain.ensure_keyed`.
    """
    fresh = begin_or_check()
    with unit_of_work() as session:
        ensure_keyed(session, at=now)
        if fresh:
            after = {"version": product_version(), "revision": newest_revision()}
            chain.record(session, at=now, actor="cli", act=INSTALLED, subject="system:", after=after)
        record_note(session, settings.data_dir, now=now)
    forget_note(settings.data_dir)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a start has to tell once it is prepared."""

    first_password: str = ""
    """The one-time password of an administrator who has just come to be, "" when somebody can sign in."""
    backup_fault: CbtError | None = None
    """What keeps scheduled backups from being made."""
    blueprint_faults: tuple[CbtError, ...] = ()
    """What keeps files of the folder of blueprints from being used."""


def look(settings: Settings, intent: Intent = Intent.SERVE) -> None:
    """Ask what is there, once the database answers and before so much as a lock is made."""
    await_database(settings)
    pass_gates(settings, intent)


def prepare(settings: Settings, intent: Intent = Intent.SERVE) -> Prepared:
    await_database(settings)
    try:
        app = prepare_app(settings, intent)
    except DatabaseError as error:
        if settings.embedded and is_damaged(error):
            refuse_damaged(settings)
        raise
    with app.app_context():
        bad = tuple(one.error for one in faults(settings.blueprint_dir) if one.error is not None)
        return Prepared(_first_password(app), fault_at_start(settings), bad)


def _first_password(app: flask.Flask) -> str:
    with reading() as session:
        if session.scalar(select(Staff.id).limit(1)) is not None:
            return ""
    now: datetime = app.extensions["cbt_clock"].now()
    name = gettext("role.admin")
    return create_staff(login="admin", name=name, roles=[Role.ADMIN], now=now, actor="cli")


def in_child(work: Callable[[Settings], R], settings: Settings) -> R:
    """Run `work` in a child and return what it returns, so that this process never opens the database.

    Raise what it refuses, as the error that the person is told.
    """
    context: Any = multiprocessing.get_context("fork" if FORKS else "spawn")
    reader, writer = context.Pipe(duplex=False)
    child = context.Process(target=_answer, args=(work, settings, writer))
    child.start()
    writer.close()
    try:
        done, outcome = reader.recv()
    except EOFError:
        raise Unavailable("serve.not_prepared") from None
    finally:
        child.join()
    if not done:
        raise outcome
    return cast(R, outcome)


def _answer(work: Callable[[Settings], R], settings: Settings, writer: Connection) -> None:
    try:
        writer.send((True, work(settings)))
    except Exception as stopped:
        end = end_of(stopped)
        if end.code != REFUSED:
            log.critical("preparing a start failed", exc_info=stopped)
        writer.send((False, end.error))
    except KeyboardInterrupt:
        pass  # the parent was interrupted as well, and ends
