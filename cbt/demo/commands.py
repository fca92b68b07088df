"""`cbt demo`: one command to a running examination day."""

from __future__ import annotations

import os
import random
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from cbt.config import FILE_VARIABLE, NO_FILE, Settings, as_environment, read_settings
from cbt.console.columns import align
from cbt.console.kinds import PATH
from cbt.console.saying import Answer, say
from cbt.console.texts import text as _
from cbt.console.tree import command, option
from cbt.db.private.files import open_private
from cbt.demo.build import Handout, build_demo, is_built
from cbt.errors import Unavailable
from cbt.ops.hosting import DataDirLock, check_port
from cbt.ops.preparing import in_child, look, prepare_app
from cbt.ops.serving import announced, run_server

SHEET = "demo-accounts.txt"


@command("demo", help="demo.cli.demo", alone="serving.cli.alone")
@option("--dir", "folder", type=PATH, default="demo-data", metavar="FOLDER", help="demo.cli.dir")
@option("--host", default=None, metavar="ADDRESS", help="serving.cli.host")
@option("--port", type=click.IntRange(min=1), default=None, help="serving.cli.port")
@option("--fresh", is_flag=True, help="demo.cli.fresh")
@option("--build-only", is_flag=True, help="demo.cli.build_only")
def demo(folder: Path, host: str | None, port: int | None, fresh: bool, build_only: bool) -> Answer | None:
    """Build the demo in a directory of its own, unless it is there already, and serve it."""
    os.environ.setdefault(FILE_VARIABLE, NO_FILE)  # the settings file of an installation is not the demo's
    os.environ["CBT_DATA_DIR"] = str(folder)
    for name, value in (("HOST", host), ("PORT", port)):
        if value is not None:
            os.environ[f"CBT_{name}"] = str(value)
    settings = read_settings()
    if fresh:
        _set_aside(settings)
    in_child(look, settings)
    os.environ.update(as_environment(settings))
    lock = DataDirLock(settings.data_dir)
    lock.take(f"pid {os.getpid()}, port {settings.port}")
    if not build_only:
        check_port(settings)
    built = in_child(_prepare, settings)
    if build_only:
        return built
    served = announced(settings)
    words = [*built.words, *served.words, *_walk()]
    say(Answer({"demo": built.data, "served": served.data}, words))
    run_server(settings)
    return None


def _walk() -> list[str]:
    """Return the way from here to a paper that is handed in."""
    return ["", _("demo.walk"), *(f"  {step}. {_(f'demo.walk.{step}')}" for step in (1, 2, 3))]


def _set_aside(settings: Settings) -> None:
    suffix = f".{int(settings.data_dir.stat().st_mtime)}" if settings.data_dir.exists() else ""
    for path in (settings.data_dir, settings.keys):
        if path.exists():
            path.rename(path.with_name(path.name + suffix))


def _prepare(settings: Settings) -> Answer:
    try:
        app = prepare_app(settings)
    except Unavailable as error:
        if error.code == "db.older":
            raise Unavailable("demo.older", folder=str(settings.data_dir), **error.params) from error
        raise
    now: datetime = app.extensions["cbt_clock"].now()
    sheet = settings.keys / SHEET
    places = {"folder": settings.data_dir, "sheet": sheet}
    with app.app_context():
        if is_built():
            return Answer({**places, "built": False}, [_("demo.kept", **places)])
        begun = time.monotonic()
        access = build_demo(settings, now=now, rng=random.SystemRandom())
        took = time.monotonic() - begun
        lines = _lines(access, app.extensions["cbt_zone"])
    _keep(sheet, "\n".join(lines))
    return Answer(
        {**places, "built": True, **_plain(access)},
        [*lines, "", _("demo.built", seconds=f"{took:.1f}", **places)],
    )


def _plain(access: Handout) -> dict[str, object]:
    staff = ("login", "name", "role", "password")
    seat = ("seat", "name", "paper", "ticket", "last_six", "code")
    return {
        "staff": [dict(zip(staff, one, strict=True)) for one in access.staff],
        "candidates": [dict(zip(seat, one, strict=True)) for one in access.candidates],
        "room_code": access.room_code,
        "planned_start_at": access.planned_start_at,
    }


def _keep(sheet: Path, text: str) -> None:
    descriptor = open_private(sheet, os.O_WRONLY | os.O_TRUNC)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text + "\n")


def _lines(access: Handout, zone: ZoneInfo) -> list[str]:
    start = access.planned_start_at.astimezone(zone).strftime("%H:%M") if access.planned_start_at else ""
    staff_head = _titles("demo.login", "demo.name", "demo.roles", "demo.password")
    seat_head = _titles("demo.seat", "demo.name", "demo.paper", "demo.ticket", "demo.last_six", "demo.code")
    staff = [(login, name, _(f"role.{role}"), password) for login, name, role, password in access.staff]
    seats = [(f"{seat:02d}", *rest) for seat, *rest in access.candidates]
    return [
        "",
        _("demo.starts", start=start),
        "",
        _("demo.staff"),
        *align([staff_head, *staff], frozenset()),
        "",
        _("demo.candidates", code=access.room_code),
        *align([seat_head, *seats], frozenset()),
    ]


def _titles(*names: str) -> tuple[str, ...]:
    return tuple(_(name) for name in names)


commands: list[click.Command] = [demo]
