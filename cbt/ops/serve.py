"""`cbt serve`: one parent that opens no database, and workers that die with it (worker.py)."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime
from functools import partial
from typing import Any

import click
import flask
from granian import Granian
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels

from cbt.clock import share_anchor
from cbt.config import Settings, as_environment, read_settings, read_sources
from cbt.console.command import command, option
from cbt.console.output import Answer, say, told
from cbt.console.texts import explain
from cbt.console.texts import text as _
from cbt.http import views
from cbt.http.app_context import with_any_database
from cbt.http.metrics import counted_together
from cbt.ops.host_resources import (
    DataDirLock,
    allow_connections,
    begin_as_parent,
    calm_collector,
    check_port,
    lan_address,
    tell_forks_that_others_serve,
)
from cbt.ops.job_worker import jobs_kept
from cbt.ops.logs import (
    LIFE,
    SERVER,
    check_log_file,
    init_logs,
    refusals_told,
    server_logging,
    tell_start,
    tell_stop,
)
from cbt.ops.preflight import Intent, ask
from cbt.ops.preparation import Prepared, begin, in_child, look, prepare, prepare_app
from cbt.ops.prewarm import code_given
from cbt.ops.salvage import files_held
from cbt.ops.writer_process import OWNER, writer_kept
from cbt.releases import newest_revision

BACKLOG = 16384
RESPAWN_SECONDS = 0.5
END_SECONDS = 10.0
"""So long a worker that is told to end may take for what it has begun; then it is killed."""
_LOOKED_AGAIN_SECONDS = 0.01


class _Parent(Granian):  # type: ignore[misc, valid-type]  # a name chosen by platform, without types
    """A parent that never gives up its workers, and ends those that do not serve yet without waiting for them.

    Granian's own ends the whole server when one worker dies twice within some seconds. In an exam somebody would
    have to notice and start it again; a worker that can come up does so at the next try.
    """

    def _respawn_workers(self, workers: Sequence[int], *args: Any, **options: Any) -> None:
        tell_forks_that_others_serve(2 * len(workers) <= len(self.wrks))
        super()._respawn_workers(workers, *args, **options)
        self.respawned_wrks.clear()

    def _stop_workers(self) -> None:
        """End the workers; granian kills those that have not ended by then.

        A thread of its own waits for each of them as well. Asked while that one takes a worker's end, granian finds
        it neither ended nor there, and says in the log that it refused to end: so it is asked afterwards.
        """
        until = time.monotonic() + END_SECONDS
        for worker in self.wrks:
            worker.terminate()
        while any(worker.is_alive() for worker in self.wrks) and time.monotonic() < until:
            time.sleep(_LOOKED_AGAIN_SECONDS)
        super()._stop_workers()

    def signal_handler_interrupt(self, *args: Any, **options: Any) -> None:
        """End the server; a worker, which has this handler until it serves, ends at once: it has nothing to finish.

        Else it would be waited for as long as for a request, and then be killed.
        """
        if os.getpid() != self.pid:
            os._exit(0)
        super().signal_handler_interrupt(*args, **options)

    def signal_handler_reload(self, *_: Any, **__: Any) -> None:
        """Say that a hang-up came: whoever rotated the log sees the line in its new file. Nobody is served anew."""
        LIFE.info("hang-up")


def run_server(
    settings: Settings,
    *,
    factory: str = "cbt.ops.worker:worker",
    owner: str | None = OWNER,
    held: bool = True,
) -> None:
    """Serve the front that `factory` makes in each worker, until told to stop.

    `held`: the database is served, so its files are held and looked after.
    `owner` names what makes the journal of the process that owns the writing; None keeps no such process.
    """
    init_logs(settings)
    begin_as_parent()
    calm_collector()  # else each worker would go through all that was loaded here, in what is then its own copy
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
        workers_kill_timeout=1,  # after END_SECONDS
        log_dictconfig=server_logging(),
        log_level=LogLevels(logging.getLevelName(SERVER.level).lower()),
        factory=True,
        websockets=False,
        # One protocol, with or without TLS: what is read how, and what is refused when, holds for both.
        http=HTTPModes.http1,
        ssl_cert=settings.tls_cert,
        ssl_key=settings.tls_key,
        # Exam machines that are restored from an old image may know no 1.3; there is nothing below 1.2 (rustls).
        ssl_protocol_min=SSLProtocols.tls12,
    )
    counted = counted_together(settings.data_dir)
    looked_after = files_held(settings) if held else nullcontext(lambda: None)
    handed_on = code_given(settings) if held else nullcontext()
    jobs = jobs_kept(settings) if held else nullcontext()
    with counted, looked_after as let_go, writer_kept(settings, owner=owner), jobs, handed_on:
        tell_start("server", settings)
        try:
            server.serve()
        finally:
            let_go()  # the writing process ends last: closing the files it puts the log into the database
            tell_stop("server")


@command("serve", help="serving.cli.serve", alone="serving.cli.alone")
@option("--host", default=None, metavar="ADDRESS", help="serving.cli.host")
@option("--port", type=click.IntRange(min=1), default=None, help="serving.cli.port")
@option("--workers", type=click.IntRange(min=1), default=None, help="serving.cli.workers")
@option("--new", is_flag=True, help="serving.cli.new")
def serve(host: str | None, port: int | None, workers: int | None, *, new: bool) -> None:
    """Prepare the installation, then serve it."""
    for name, value in (("HOST", host), ("PORT", port), ("WORKERS", workers)):
        if value is not None:
            os.environ[f"CBT_{name}"] = str(value)
    read = read_sources()
    settings = read.settings
    intent = Intent.NEW if new else Intent.SERVE
    check_log_file(settings)
    init_logs(settings)
    lock = DataDirLock(settings.data_dir)
    with refusals_told(settings):
        in_child(partial(look, intent=intent), settings)
        # A file that changes does so for the next start, not for a worker.
        os.environ.update(as_environment(settings))
        lock.take(f"pid {os.getpid()}, port {settings.port}")
        check_port(settings)
        prepared = in_child(partial(prepare, intent=intent), settings)
    say(announced(settings, prepared, adrift=read.adrift))
    run_server(settings)


def announced(settings: Settings, prepared: Prepared | None = None, *, adrift: bool = False) -> Answer:
    """Return where the product is to be found, and what is not as it should be with its copies.

    `adrift` is as in `Sourced`.
    """
    prepared = prepared or Prepared()
    password, fault = prepared.first_password, prepared.backup_fault
    lines = [_("serving.first_password", password=password)] if password else []
    if fault is not None:
        lines += explain(fault)
    lines += [line for one in prepared.blueprint_faults for line in explain(one)]
    if adrift:
        lines.append(_("settings.adrift", folder=settings.data_dir))
    copy = settings.journal_copy_dir
    if copy is not None and copy.is_dir() and copy.stat().st_dev == settings.data_dir.stat().st_dev:
        lines.append(_("serving.same_device", folder=copy))
    scheme = "https" if settings.tls_cert is not None else "http"
    urls = [f"{scheme}://127.0.0.1:{settings.port}/"]
    lines.append(_("serving.here", url=urls[0]))
    if settings.host not in ("127.0.0.1", "localhost"):
        urls.append(f"{scheme}://{lan_address()}:{settings.port}/")
        lines.append(_("serving.lan", url=urls[1]))
    lines.append(_("serving.doors"))
    if scheme == "https":
        lines.append(_("serving.trust", path=views.PATH))
    data = {"data_dir": settings.data_dir, "urls": urls, "first_password": password or None}
    data["backup_fault"] = None if fault is None else told(fault)
    data["blueprint_faults"] = [told(one) for one in prepared.blueprint_faults]
    return Answer(data, lines)


@command("migrate", help="serving.cli.migrate", alone="console.alone")
@option("--new", is_flag=True, help="serving.cli.migrate_new")
def migrate_command(*, new: bool) -> Answer:
    """Begin a new installation with --new; `cbt upgrade` brings one of an earlier version forward."""
    if new:
        settings = read_settings()
        ask(settings, Intent.NEW)
        DataDirLock(settings.data_dir).take(f"pid {os.getpid()}, migrate --new")
        prepare_app(settings, Intent.NEW)
    else:
        _begin()
    revision = newest_revision()
    return Answer({"revision": revision}, [_("serving.migrated", revision=revision)])


@with_any_database
def _begin(*, now: datetime) -> None:
    begin(flask.current_app.extensions["cbt_settings"], now=now)


commands: list[click.Command] = [serve, migrate_command]
