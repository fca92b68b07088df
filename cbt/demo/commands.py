"""The command `cbt demo`: its folder, what was printed of it, and what of that still opens something."""

from __future__ import annotations

import os
import random
import shlex
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import Enum
from functools import partial
from pathlib import Path

import click
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.accounts.passwords import ONE_TIME_LASTS
from cbt.accounts.staff import staff_lines
from cbt.candidates.models import Registration
from cbt.config import FILE_VARIABLE, NO_FILE, Settings, as_environment, read_settings
from cbt.confined.runner import take_longer
from cbt.console.command import PATH, command, option
from cbt.console.output import Answer, align, say
from cbt.console.texts import text as _
from cbt.demo.build import BATCH, Handout, build_demo
from cbt.errors import Conflict, Unavailable
from cbt.http.i18n import local_zone
from cbt.ops.host_resources import DataDirLock, check_port
from cbt.ops.logs import check_log_file
from cbt.ops.preflight import Database, find
from cbt.ops.preparation import in_child, look, prepare_app
from cbt.ops.serve import announced, run_server
from cbt.rules.states import SittingState
from cbt.sittings.models import Batch, Room, Sitting, SittingRoom
from cbt.storage.private_files import make_folder, open_private
from cbt.storage.unit_of_work import reading

OPEN = frozenset({SittingState.PUBLISHED, SittingState.ADMITTING, SittingState.RUNNING, SittingState.HELD})
"""A room in one of these can still be sat in."""


@dataclass(frozen=True, slots=True)
class PrintedItem:
    """One thing that was printed: `what` names its text, `works` says whether it still opens something.

    `until` is when it ends or ended, for a sitting its planned start; None where it has no end. `name` is the
    room's code or the sitting's name, `count` how many people it is about.
    """

    what: str
    works: bool
    until: datetime | None = None
    name: str = ""
    count: int = 0


def standing(*, now: datetime) -> list[PrintedItem]:
    """Return what was printed, thing by thing, with what became of it."""
    with reading() as session:
        return [
            *_passwords(session, now),
            *_room_codes(session, now),
            *_sign_in_codes(session, now),
            *_sittings(session),
        ]


def _passwords(session: Session, now: datetime) -> Iterator[PrintedItem]:
    lines = [one for one in staff_lines(session) if one.state != "disabled"]
    ends = sorted(one.one_time_until for one in lines if one.one_time_until is not None)
    valid = [end for end in ends if now < end]
    if valid:
        yield PrintedItem("password", True, valid[0], count=len(valid))
    if len(valid) < len(ends):
        yield PrintedItem("password", False, ends[0], count=len(ends) - len(valid))
    if len(ends) < len(lines):
        yield PrintedItem("own_password", True, count=len(lines) - len(ends))


def _room_codes(session: Session, now: datetime) -> Iterator[PrintedItem]:
    for room in session.scalars(select(Room).order_by(Room.id)):
        works = room.code_until is not None and now < room.code_until
        yield PrintedItem("room_code", works, room.code_until, room.room_code if works else "")


def _sign_in_codes(session: Session, now: datetime) -> Iterator[PrintedItem]:
    handed_out = select(func.count(), func.max(Registration.login_code_until)).where(
        Registration.login_code_hash.is_not(None)
    )
    count, until = session.execute(handed_out.where(Registration.login_code_until > now)).one()
    if count:
        yield PrintedItem("sign_in_code", True, until, count=count)
    count, until = session.execute(handed_out.where(Registration.login_code_until <= now)).one()
    if count:
        yield PrintedItem("sign_in_code", False, until, count=count)


def _sittings(session: Session) -> Iterator[PrintedItem]:
    rows = session.execute(
        select(Sitting, SittingRoom.state)
        .join(SittingRoom, SittingRoom.sitting_id == Sitting.id)
        .join(Batch, Batch.id == Sitting.batch_id)
        .where(Batch.name == BATCH)
        .order_by(Sitting.planned_start_at)
    )
    for sitting, state in rows:
        yield PrintedItem(f"sitting.{state}", state in OPEN, sitting.planned_start_at, sitting.name)


STEPS = (1, 2, 3, 4, 5)
_STARTABLE = frozenset(f"sitting.{state}" for state in (SittingState.PUBLISHED, SittingState.ADMITTING))


def way_in(access: Handout, *, now: datetime) -> list[str]:
    """Return the accounts and tickets as lines: what is kept on the sheet, so every end is a date."""
    staff_head = _titles("login", "name", "roles", "password")
    seat_head = _titles("seat", "name", "paper", "ticket", "last_six", "code", "door")
    staff = [(login, name, _(f"role.{role}"), password) for login, name, role, password in access.staff]
    seats = [
        (f"{seat:02d}", *rest, _("demo.door.absent" if seat in access.absent else "demo.door.checked_in"))
        for seat, *rest in access.candidates
    ]
    absent = _("ui.comma").join(f"{seat:02d}" for seat in access.absent)
    return [
        _("demo.staff", until=_minute(now + ONE_TIME_LASTS)),
        *align([staff_head, *staff]),
        "",
        _("demo.candidates", code=access.room_code),
        *align([seat_head, *seats]),
        _("demo.absent", seats=absent, until=_minute(access.late_cutoff_at)),
    ]


def _titles(*names: str) -> tuple[str, ...]:
    return tuple(_(f"demo.{name}") for name in names)


def state_of_things(things: Sequence[PrintedItem]) -> list[str]:
    lines = [_("demo.works"), *_told(one for one in things if one.works)]
    over = _told(one for one in things if not one.works)
    return [*lines, _("demo.over"), *over] if over else lines


def _told(things: Iterable[PrintedItem]) -> list[str]:
    return [
        "  - "
        + _(
            f"demo.standing.{one.what}" + ("" if one.works or one.what.startswith("sitting.") else ".over"),
            until=_minute(one.until),
            name=one.name,
            count=one.count,
        )
        for one in things
    ]


def next_steps(things: Sequence[PrintedItem], *, anew: str) -> list[str]:
    """Return what to do now: the way to a paper that is handed in, and how to begin another day."""
    begins = [one for one in things if one.what in _STARTABLE]
    if not any(one.works and one.what.startswith("sitting.") for one in things):
        return [_("demo.all_over", command=anew)]
    walk = [f"  {step}. {_(f'demo.walk.{step}', name=begins[0].name)}" for step in STEPS] if begins else []
    return [*([_("demo.walk"), *walk, ""] if walk else []), _("demo.anew", command=anew)]


def anew(folder: Path | None) -> str:
    """Return the command that builds another day as it is typed here: `make demo` puts no `cbt` on the path."""
    called = Path(sys.argv[0])
    executable = shutil.which("cbt")
    if called.stem != "cbt" or (executable and called.exists() and Path(executable).samefile(called)):
        called = Path("cbt")
    where = ["--dir", str(folder)] if folder is not None else []
    return shlex.join([str(called), "demo", *where, "--fresh"])


def _minute(instant: datetime | None) -> str:
    return "" if instant is None else instant.astimezone(local_zone()).strftime("%m-%d %H:%M")


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
    folder = in_child(found_in, settings)
    if folder is DemoFolder.OTHER:
        raise Conflict("demo.other", folder=str(settings.data_dir))
    if folder is DemoFolder.UNFINISHED or (fresh and folder is DemoFolder.DEMO):
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


def _prepare(settings: Settings, *, again: str) -> tuple[Answer, list[PrintedItem]]:
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
        take_longer()  # a whole day is built beside whatever this machine does: no file of it is given up early
        begun = time.monotonic()
        access = build_demo(settings, now=now, rng=random.SystemRandom())
        took = time.monotonic() - begun
        lines = way_in(access, now=now)
        things = standing(now=app.extensions["cbt_clock"].now())
        text_lines = [*lines, "", _("demo.built", seconds=f"{took:.1f}", **places), *state_of_things(things)]
    _keep(sheet, "\n".join([*lines, ""]))
    return Answer({**places, "built": True, **_plain(access), **_plain_things(things)}, text_lines), things


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


def _plain_things(things: list[PrintedItem]) -> dict[str, object]:
    return {"standing": [asdict(one) for one in things]}


def _keep(sheet: Path, text: str) -> None:
    descriptor = open_private(sheet, os.O_WRONLY | os.O_TRUNC)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text)


commands: list[click.Command] = [demo]
