"""`cbt serve`: one parent that opens no database, and workers that die with it (worker.py)."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from typing import Any

import click
from flask_babel import gettext
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings

from cbt.audit.chain import ensure_keyed
from cbt.clock import share_anchor
from cbt.config import Settings, as_environment, read_sources
from cbt.db.migrate import migrate
from cbt.db.unit_of_work import unit_of_work
from cbt.ops.hosting import DataDirLock, allow_connections, check_port, lan_address
from cbt.ops.preparing import in_child, prepare
from cbt.ops.writing import OWNER, writer_kept
from cbt.web.cli import with_any_database
from cbt.web.https import trust
from cbt.web.i18n import catalogues

BACKLOG = 16384
RESPAWN_SECONDS = 0.5


class _Parent(Granian):  # type: ignore[misc, valid-type]  # a name chosen by platform, without types
    """A parent that never gives up its workers.

    Granian's own ends the whole server when one worker dies twice within some seconds. In an exam somebody would
    have to notice and start it again; a worker that can come up does so at the next try.
    """

    def _respawn_workers(self, *args: Any, **options: Any) -> None:
        super()._respawn_workers(*args, **options)
        self.respawned_wrks.clear()


def run_server(
    settings: Settings, *, factory: str = "cbt.ops.worker:worker", owner: str | None = OWNER
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
    read = read_sources()
    settings = read.settings
    os.environ.update(
        as_environment(settings)
    )  # a file that changes does so for the next start, not for a worker
    lock = DataDirLock(settings.data_dir)
    lock.take(f"pid {os.getpid()}, port {settings.port}")
    check_port(settings)
    first = in_child(prepare, settings)
    if first:
        click.echo(first)
    if read.adrift:
        with catalogues(settings):
            click.echo(gettext("settings.adrift", folder=settings.data_dir))
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
            click.echo(gettext("serving.trust", path=trust.PATH))
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
