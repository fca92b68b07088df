"""`cbt rescue`: secures by hand what a running server still holds of a database that was moved away under it."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from cbt.clock import SystemClock
from cbt.config import Settings, read_settings
from cbt.console.command import PATH, command, option
from cbt.console.output import Answer
from cbt.console.texts import text as _
from cbt.errors import InvalidInput, Unavailable
from cbt.ops.backup.snapshot import Manifest, read_manifest
from cbt.ops.rescue.salvage import (
    WHOLE,
    Rescue,
    Sources,
    make_whole,
    open_rescue,
    pass_gate,
    read_note,
    rescue_places,
    secure,
    settle,
)
from cbt.storage.engine import GATE_NAME, database_path
from cbt.storage.file_guard import HeldFiles
from cbt.storage.file_hold import PROC, Hold, find_hold


@command("rescue", help="rescue.cli.rescue")
@option("--into", type=PATH, metavar="FOLDER", help="rescue.cli.into")
@option("--leave", is_flag=True, help="rescue.cli.leave")
@option("--finish", type=PATH, hidden=True)
def rescue_command(into: Path | None, leave: bool, finish: Path | None) -> Answer:
    """Secure what the server holds; no app is made for it, since there is no database to open."""
    settings = read_settings()
    now = SystemClock().now()
    if not settings.embedded:
        raise InvalidInput("rescue.embedded_only")
    if finish is not None:
        rescue, manifest = make_whole(settings, Rescue(finish, read_note(finish)), now=now)
        return Answer(_data(rescue, manifest))
    if leave:
        folder = _left(settings)
        return Answer({"folder": folder}, [_("rescue.left", folder=folder)])
    rescue, manifest = rescue_by_hand(settings, into, now=now)
    size = f"{manifest.bytes / 2**20:.1f}"
    holds = _("safety.holds", **manifest.counts, size=size)
    return Answer(
        _data(rescue, manifest), [_("rescue.secured", folder=rescue.folder), holds, _("rescue.next")]
    )


def _data(rescue: Rescue, manifest: Manifest) -> dict[str, object]:
    return {"folder": rescue.folder, **asdict(rescue.note), **asdict(manifest)}


def _left(settings: Settings) -> Path:
    rescue = open_rescue(settings)
    if rescue is None:
        raise InvalidInput("rescue.none", path=str(rescue_places(settings)[0]))
    settle(rescue)
    return rescue.folder


def rescue_by_hand(settings: Settings, into: Path | None, *, now: datetime) -> tuple[Rescue, Manifest]:
    """Secure what the server of `settings` holds, from outside of it, verified.

    Raise Unavailable("rescue.not_here") on a system that does not show what processes hold, ("rescue.no_server")
    when none is seen, InvalidInput("rescue.not_needed") when the files are in their places, and what `secure` and
    `make_whole` raise.
    """
    if not PROC.is_dir():
        raise Unavailable("rescue.not_here")
    database = database_path(settings).resolve()
    hold = find_hold(database)
    if hold is None:
        raise Unavailable("rescue.no_server", path=str(database))
    gate = database.with_name(GATE_NAME)
    trouble = HeldFiles(database, hold, gate=gate).trouble()
    if trouble is None:
        raise InvalidInput("rescue.not_needed", path=str(database))
    waiting = open_rescue(settings)
    if into is None and waiting is not None and waiting.note.token == hold.token:  # the server was quicker
        if waiting.note.state == WHOLE:
            return waiting, read_manifest(waiting.folder)
        return make_whole(settings, waiting, now=now)
    rescue = _secure(settings, hold, gate, trouble.code, into, now=now)
    return make_whole(settings, rescue, now=now)


def _secure(
    settings: Settings, hold: Hold, gate: Path, trouble: str, into: Path | None, *, now: datetime
) -> Rescue:
    place = PROC / str(hold.pid) / "fd"
    opened: list[int] = []
    try:
        for descriptor in hold.descriptors:
            opened.append(os.open(place / str(descriptor), os.O_RDONLY))
        database, journal, _index, lock = opened
        pass_gate(lock, gate)
        return secure(settings, hold, Sources(database, journal), trouble=trouble, now=now, into=into)
    except OSError as error:
        raise Unavailable("rescue.no_server", path=hold.database) from error
    finally:
        for one in opened:
            os.close(one)


commands: list[click.Command] = [rescue_command]
