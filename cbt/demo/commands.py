"""`cbt demo`: one command to a running examination day."""

from __future__ import annotations

import os
import random
import time
from dataclasses import asdict, replace
from datetime import datetime
from enum import Enum
from functools import partial
from pathlib import Path

import click

from cbt.config import FILE_VARIABLE, NO_FILE, Settings, as_environment, read_settings
from cbt.console.kinds import PATH
from cbt.console.saying import Answer, say
from cbt.console.texts import text as _
from cbt.console.tree import command, option
from cbt.db.private.files import make_folder, open_private
from cbt.demo.build import Handout, build_demo
from cbt.demo.printed import anew, next_steps, state_of_things, way_in
from cbt.demo.standing import PrintedThing, standing
from cbt.errors import Conflict, Unavailable
from cbt.ops.belonging.finding import find
from cbt.ops.belonging.ruling import Database
from cbt.ops.hosting import DataDirLock, check_port
from cbt.ops.logs.keeping import check_log_file
from cbt.ops.preparing import in_child, look, prepare_app
from cbt.ops.serving import announced, run_server

FOLDER = Path("demo-data")
SHEET = "demo-accounts.txt"
"""How one gets in, beside the keys; empty while the demo is being built, so it tells a demo from anything else."""


class DemoFolder(Enum):
    """What lies in the folder that a demo is asked for in."""

    NOTHING = "nothing"
    UNFINISHED = "unfinished"
    DEMO = "demo"
    OTHER = "other"
    """An installation that is none: it is neither served as a demo nor put aside for one."""


@command("demo", help="demo.cli.demo", alone="serving.cli.alone")
@option("--dir", "folder", type=PATH, default=None, metavar="FOLDER", help="demo.cli.dir")
@option("--host", default=None, metavar="ADDRESS", help="serving.cli.host")
@option("--port", type=click.IntRange(min=1), default=None, help="serving.cli.port")
@option("--fresh", is_flag=True, help="demo.cli.fresh")
@option("--build-only", is_flag=True, help="demo.cli.build_only")
def demo(
    folder: Path | None, host: str | None, port: int | None, fresh: bool, build_only: bool
) -> Answer | None:
    """Build the demo in a directory of its own, unless it is there already, and serve it."""
    os.environ.setdefault(FILE_VARIABLE, NO_FILE)  # the settings file of an installation is not the demo's
    chosen = folder or os.environ.get("CBT_DATA_DIR") or FOLDER
    for name, value in (("DATA_DIR", chosen), ("HOST", host), ("PORT", port)):
        if value is not None:
            os.environ[f"CBT_{name}"] = str(value)
    settings = read_settings()
    settings = replace(settings, log_file=settings.log_file or _log_beside(settings))
    again = anew(folder)
    if not build_only:
        check_port(settings)
        check_log_file(settings)
    _make_room(settings, fresh=fresh, again=again)
    in_child(look, settings)
    os.environ.update(as_environment(settings))
    lock = DataDirLock(settings.data_dir)
    lock.take(f"pid {os.getpid()}, port {settings.port}")
    built, things = in_child(partial(_prepare, again=again), settings)
    if build_only:
        return built
    served = announced(settings)
    data = {"demo": built.data, "served": served.data, "log": settings.log_file, "anew": again}
    after = [_("demo.log", path=settings.log_file), "", *next_steps(things, anew=again)]
    say(Answer(data, [*built.words, *served.words, *after]))
    run_server(settings)
    return None


def _log_beside(settings: Settings) -> Path:
    """Return where the server's lines go: below what is printed nobody would find what to do next."""
    return settings.data_dir.with_name(settings.data_dir.name + ".log")


def _make_room(settings: Settings, *, fresh: bool, again: str) -> None:
    """Put aside what has to make room for a new demo; raise for what is served, or is no demo."""
    holder = DataDirLock(settings.data_dir).holder()
    if holder:
        raise Unavailable("serve.running", holder=holder, path=str(settings.data_dir))
    found = in_child(found_in, settings)
    if found is DemoFolder.OTHER:
        raise Conflict("demo.other", folder=str(settings.data_dir))
    if found is DemoFolder.UNFINISHED or (fresh and found is DemoFolder.DEMO):
        if not settings.embedded:
            raise Conflict("demo.on_server")
        _set_aside(settings)


def found_in(settings: Settings) -> DemoFolder:
    """Return what lies where a demo is asked for; nothing is opened for writing."""
    sheet = settings.keys / SHEET
    filled = find(settings).database in {Database.FILLED, Database.SEALED}
    if not sheet.is_file():
        return DemoFolder.OTHER if filled else DemoFolder.NOTHING
    return DemoFolder.DEMO if filled and sheet.stat().st_size else DemoFolder.UNFINISHED


def _set_aside(settings: Settings) -> None:
    there = [path for path in (settings.data_dir, settings.keys, _log_beside(settings)) if path.exists()]
    suffix = f".{int(there[0].stat().st_mtime)}"
    for path in there:
        path.rename(path.with_name(path.name + suffix))


def _prepare(settings: Settings, *, again: str) -> tuple[Answer, list[PrintedThing]]:
    sheet = settings.keys / SHEET
    built = sheet.is_file()
    if not built:
        make_folder(settings.keys)
        _keep(sheet, "")
    try:
        app = prepare_app(settings)
    except Unavailable as error:
        if error.code == "db.older":
            params = {**error.params, "folder": str(settings.data_dir), "command": again}
            raise Unavailable("demo.older", **params) from error
        raise
    places = {"folder": settings.data_dir, "sheet": sheet}
    now: datetime = app.extensions["cbt_clock"].now()
    with app.app_context():
        if built:
            things = standing(now=now)
            lines = [
                *sheet.read_text("utf-8").splitlines(),
                "",
                _("demo.kept", **places),
                *state_of_things(things),
            ]
            return Answer({**places, "built": False, **_plain_things(things)}, lines), things
        begun = time.monotonic()
        access = build_demo(settings, now=now, rng=random.SystemRandom())
        took = time.monotonic() - begun
        lines = way_in(access, now=now)
        things = standing(now=app.extensions["cbt_clock"].now())
        told = [*lines, "", _("demo.built", seconds=f"{took:.1f}", **places), *state_of_things(things)]
    _keep(sheet, "\n".join([*lines, ""]))
    return Answer({**places, "built": True, **_plain(access), **_plain_things(things)}, told), things


def _plain(access: Handout) -> dict[str, object]:
    staff = ("login", "name", "role", "password")
    seat = ("seat", "name", "paper", "ticket", "last_six", "code")
    return {
        "staff": [dict(zip(staff, one, strict=True)) for one in access.staff],
        "candidates": [dict(zip(seat, one, strict=True)) for one in access.candidates],
        "absent": access.absent,
        "room_code": access.room_code,
        "planned_start_at": access.planned_start_at,
    }


def _plain_things(things: list[PrintedThing]) -> dict[str, object]:
    return {"standing": [asdict(one) for one in things]}


def _keep(sheet: Path, text: str) -> None:
    descriptor = open_private(sheet, os.O_WRONLY | os.O_TRUNC)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text)


commands: list[click.Command] = [demo]
