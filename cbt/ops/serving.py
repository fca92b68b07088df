"""`cbt serve`: one parent that opens no database, workers that die with it, one leader among them."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Any

import click
import flask
from flask_babel import gettext
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from sqlalchemy import select

from cbt.accounts.models import Staff
from cbt.accounts.people import create_staff
from cbt.application.app import create_app
from cbt.application.jobs import start_scheduler
from cbt.application.leader import AdvisoryLock, Candidacy, FileLock
from cbt.audit.chain import ensure_keyed
from cbt.clock import Agreement, SystemClock, share_anchor
from cbt.config import Settings, read_settings
from cbt.db.base import db
from cbt.db.migrate import migrate
from cbt.db.private.modes import mend_modes
from cbt.db.server_time import TimeWatch, database_time
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.db.writing.line import can_share
from cbt.delivery.close.outage import beat, settle_rooms
from cbt.delivery.save.journal import Journal
from cbt.errors import CbtError
from cbt.exams.files import blueprint_text
from cbt.exams.steps import store_blueprint
from cbt.exams.texts import catalogues
from cbt.ops.hosting import (
    DataDirLock,
    allow_connections,
    calm_collector,
    check_port,
    die_with_parent,
    lan_address,
)
from cbt.ops.writing import OWNER, writer_kept
from cbt.rules.roles import Role
from cbt.web.cli import with_any_database
from cbt.web.i18n import explain, init_i18n
from cbt.web.receiving.bodies import Bodies
from cbt.web.receiving.front import Front
from cbt.web.receiving.proxies import is_among, read_networks
from cbt.web.watching.logs import init_logs

BACKLOG = 16384
RESPAWN_SECONDS = 0.5

# For the life of a worker: the references keep the leader's lock and the watch's connection open.
_candidacies: list[Candidacy] = []
_watches: list[TimeWatch] = []


def worker_app() -> flask.Flask:
    """Return the app of one server process, tied to its parent, and let it stand for leader."""
    die_with_parent()
    init_logs()
    settings = read_settings()
    app = create_app(settings, clock=SystemClock(database_time(settings)))
    if settings.embedded:
        lock: FileLock | AdvisoryLock = FileLock(settings.data_dir / "leader.lock")
    else:
        with app.app_context():
            lock = AdvisoryLock(db.engine)
    journal: Journal = app.extensions["cbt_journal"]
    if settings.embedded and can_share():
        journal.write_by(settings.data_dir)
    agreement: Agreement = app.extensions["cbt_agreement"]
    clock = app.extensions["cbt_clock"]
    # A clock that was handed in (the tests') does not claim to tell the time.
    if not settings.embedded and isinstance(clock, SystemClock):
        _watches.append(TimeWatch(settings, clock, agreement))
        _watches[-1].begin()
    candidacy = Candidacy(lock, lambda: start_scheduler(app), may_lead=lambda: agreement.agrees)
    _candidacies.append(candidacy)
    candidacy.begin()
    calm_collector()
    return app


def front_of(app: flask.Flask) -> Front:
    """Return the front of one server process, which hands `app` the requests that are there as a whole."""
    settings: Settings = app.extensions["cbt_settings"]
    networks = read_networks(settings.trusted_proxies)
    return Front(
        app,
        threads=settings.threads,
        now=app.extensions["cbt_clock"].now,
        limit=app.extensions["cbt_body_limit"],
        bodies=Bodies(trusted=lambda address: is_among(address, networks)),
    )


def worker() -> Front:
    """Return what a server process serves."""
    return front_of(worker_app())


def prepare_app(settings: Settings) -> flask.Flask:
    """Bring the database up to date, give back an outage, load the blueprints; return the app used for it.

    Runs before any worker. On PostgreSQL the time is the database's: a node whose own clock is wrong must not
    take that for an outage.

    Source: R-27.
    """
    app = create_app(settings, clock=SystemClock(database_time(settings)))
    mend_modes(settings)
    now: datetime = app.extensions["cbt_clock"].now()
    with app.app_context():
        migrate()
        beat(now=now)
        settle_rooms(now=now)
        with unit_of_work() as session:
            ensure_keyed(session, at=now)
            for path in sorted(settings.blueprint_dir.glob("*.toml")):
                store_blueprint(session, blueprint_text(path), now=now, actor="cli", name=path.name)
    return app


def _prepare(settings: Settings) -> str:
    app = prepare_app(settings)
    with app.app_context():
        with reading() as session:
            if session.scalar(select(Staff.id).limit(1)) is not None:
                return ""
        now: datetime = app.extensions["cbt_clock"].now()
        name = gettext("role.admin")
        password = create_staff(login="admin", name=name, roles=[Role.ADMIN], now=now, actor="cli")
        return str(gettext("serving.first_password", password=password))


def in_child(work: Callable[[Settings], str], settings: Settings) -> str:
    """Run `work` in a child and return its text, so that this process never opens the database.

    Exits with 2, what happened and what to do, when it refuses.
    """
    context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    reader, writer = context.Pipe(duplex=False)
    child = context.Process(target=_answer, args=(work, settings, writer))
    child.start()
    writer.close()
    try:
        outcome, text = reader.recv()
    except EOFError:
        with catalogues():
            outcome, text = "error", gettext("serving.not_prepared")
    child.join()
    if outcome != "ok":
        click.echo(text, err=True)
        sys.exit(2)
    return str(text)


def _answer(work: Callable[[Settings], str], settings: Settings, writer: Connection) -> None:
    try:
        writer.send(("ok", work(settings)))
    except CbtError as error:
        app = flask.Flask("cbt")
        init_i18n(app, settings)
        with app.app_context():
            writer.send(("error", "\n".join(explain(error))))


class _Parent(Granian):  # type: ignore[misc, valid-type]  # a name chosen by platform, without types
    """A parent that never gives up its workers.

    Granian's own ends the whole server when one worker dies twice within some seconds. In an exam somebody would
    have to notice and start it again; a worker that can come up does so at the next try.
    """

    def _respawn_workers(self, *args: Any, **options: Any) -> None:
        super()._respawn_workers(*args, **options)
        self.respawned_wrks.clear()


def run_server(
    settings: Settings, *, factory: str = "cbt.ops.serving:worker", owner: str | None = OWNER
) -> None:
    """Serve the front that `factory` makes in each worker, until told to stop.

    `owner` names what makes the journal of the process that owns the writing; None keeps no such process.
    """
    allow_connections()
    share_anchor()
    workers = settings.workers if sys.platform != "win32" or not settings.embedded else 1
    server = _Parent(
        factory,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.RSGI,
        workers=workers,
        backlog=BACKLOG,
        backpressure=BACKLOG,
        http1_settings=HTTP1Settings(header_read_timeout=30_000),
        respawn_failed_workers=True,
        respawn_interval=RESPAWN_SECONDS,
        workers_kill_timeout=10,
        log_enabled=False,
        factory=True,
        websockets=False,
        # One protocol, with or without TLS: what is read how, and what is refused when, holds for both.
        http=HTTPModes.http1,
        ssl_cert=settings.tls_cert,
        ssl_key=settings.tls_key,
    )
    with writer_kept(settings, owner=owner):
        server.serve()


@click.command("serve", help="启动考试服务 · Serve the product.")
@click.option("--host", default=None, help="监听地址 · address (CBT_HOST)")
@click.option("--port", type=int, default=None, help="端口 · port (CBT_PORT)")
@click.option("--workers", type=int, default=None, help="进程数 · processes (CBT_WORKERS)")
def serve(host: str | None, port: int | None, workers: int | None) -> None:
    """Prepare the installation, then serve it."""
    for name, value in (("HOST", host), ("PORT", port), ("WORKERS", workers)):
        if value is not None:
            os.environ[f"CBT_{name}"] = str(value)
    settings = read_settings()
    lock = DataDirLock(settings.data_dir)
    lock.take(f"pid {os.getpid()}, port {settings.port}")
    check_port(settings)
    first = in_child(_prepare, settings)
    if first:
        click.echo(first)
    announce(settings)
    run_server(settings)


def announce(settings: Settings) -> None:
    """Print where the product is to be found, and that a copy on the same disk is half a copy."""
    with catalogues():
        copy = settings.journal_copy_dir
        if copy is not None and copy.is_dir() and copy.stat().st_dev == settings.data_dir.stat().st_dev:
            click.echo(gettext("serving.same_device", folder=copy))
        scheme = "https" if settings.tls_cert is not None else "http"
        click.echo(gettext("serving.here", url=f"{scheme}://127.0.0.1:{settings.port}/"))
        if settings.host not in ("127.0.0.1", "localhost"):
            click.echo(gettext("serving.lan", url=f"{scheme}://{lan_address()}:{settings.port}/"))
        click.echo(gettext("serving.doors"))
        if scheme == "https":
            click.echo(gettext("serving.trust", path="/trust"))
    sys.stdout.flush()


@click.command("migrate", help="升级数据库结构 · Upgrade the database.")
@with_any_database
def migrate_command(*, now: datetime) -> None:
    """Bring the tables to this version's, and the log under its key."""
    revision = migrate()
    with unit_of_work() as session:
        ensure_keyed(session, at=now)
    click.echo(gettext("serving.migrated", revision=revision))


commands: list[click.Command] = [serve, migrate_command]
