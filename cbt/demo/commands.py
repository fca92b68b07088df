"""`cbt demo`: one command to a running examination day."""

from __future__ import annotations

import os
import random
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from flask_babel import gettext

from cbt.config import FILE_VARIABLE, NO_FILE, Settings, as_environment, read_settings
from cbt.demo.build import Handout, build_demo, is_built
from cbt.exams.table import align
from cbt.ops.hosting import DataDirLock, check_port
from cbt.ops.preparing import in_child, prepare_app
from cbt.ops.serving import announce, run_server

SHEET = "demo-accounts.txt"


@click.command("demo", help="演练：一条命令搭好一场考试并启动 · Build an examination day and serve it.")
@click.option("--dir", "folder", default="demo-data", help="演练数据目录 · data directory")
@click.option("--host", default=None, help="监听地址 · address")
@click.option("--port", type=int, default=None, help="端口 · port")
@click.option(
    "--fresh",
    is_flag=True,
    help="旧数据改名保留，重新搭建 · keep the old data under another name, build anew",
)
@click.option("--build-only", is_flag=True, help="只搭建，不启动 · build, do not serve")
def demo(folder: str, host: str | None, port: int | None, fresh: bool, build_only: bool) -> None:
    """Build the demo in a directory of its own, unless it is there already, and serve it."""
    os.environ.setdefault(FILE_VARIABLE, NO_FILE)  # the settings file of an installation is not the demo's
    os.environ["CBT_DATA_DIR"] = folder
    for name, value in (("HOST", host), ("PORT", port)):
        if value is not None:
            os.environ[f"CBT_{name}"] = str(value)
    settings = read_settings()
    os.environ.update(as_environment(settings))
    if fresh:
        _set_aside(settings)
    lock = DataDirLock(settings.data_dir)
    lock.take(f"pid {os.getpid()}, port {settings.port}")
    if not build_only:
        check_port(settings)
    text = in_child(_prepare, settings)
    click.echo(text)
    if not build_only:
        announce(settings)
        run_server(settings)


def _set_aside(settings: Settings) -> None:
    suffix = f".{int(settings.data_dir.stat().st_mtime)}" if settings.data_dir.exists() else ""
    for path in (settings.data_dir, settings.keys):
        if path.exists():
            path.rename(path.with_name(path.name + suffix))


def _prepare(settings: Settings) -> str:
    app = prepare_app(settings)
    now: datetime = app.extensions["cbt_clock"].now()
    sheet = settings.keys / SHEET
    with app.app_context():
        if is_built():
            return str(gettext("demo.kept", folder=str(settings.data_dir), sheet=str(sheet)))
        begun = time.monotonic()
        access = build_demo(settings, now=now, rng=random.SystemRandom())
        took = time.monotonic() - begun
        text = "\n".join(_lines(access, app.extensions["cbt_zone"]))
        built = gettext("demo.built", seconds=f"{took:.1f}", folder=str(settings.data_dir), sheet=str(sheet))
    _keep(sheet, text)
    return f"{text}\n\n{built}"


def _keep(sheet: Path, text: str) -> None:
    descriptor = os.open(sheet, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text + "\n")


def _lines(access: Handout, zone: ZoneInfo) -> list[str]:
    start = access.planned_start_at.astimezone(zone).strftime("%H:%M") if access.planned_start_at else ""
    staff_head = _titles("demo.login", "demo.name", "demo.roles", "demo.password")
    seat_head = _titles("demo.seat", "demo.name", "demo.paper", "demo.ticket", "demo.last_six", "demo.code")
    staff = [(login, name, gettext(f"role.{role}"), password) for login, name, role, password in access.staff]
    seats = [(f"{seat:02d}", *rest) for seat, *rest in access.candidates]
    return [
        "",
        gettext("demo.starts", start=start),
        "",
        gettext("demo.staff"),
        *align([staff_head, *staff], frozenset()),
        "",
        gettext("demo.candidates", code=access.room_code),
        *align([seat_head, *seats], frozenset()),
    ]


def _titles(*names: str) -> tuple[str, ...]:
    return tuple(gettext(name) for name in names)


commands: list[click.Command] = [demo]
