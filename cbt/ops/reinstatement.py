"""The reinstatement of a rescue: compared with the database in its place, asked for, put back; `cbt rescue`.

What lies in the place of the database is kept beside it.

Source: I1.
"""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import click

from cbt.audit.chain import DIGITS
from cbt.clock import SystemClock
from cbt.config import Settings, read_settings
from cbt.console.command import PATH, command, option
from cbt.console.output import Answer
from cbt.console.texts import text as _
from cbt.errors import Conflict, InvalidInput, Unavailable
from cbt.ops.backup.restore import check_keys, copy_file, log_key_fits
from cbt.ops.backup.snapshot import Manifest, check_file, database_key, facts_of, read_manifest
from cbt.ops.host_resources import DataDirLock
from cbt.ops.preflight import instead_of_rescue
from cbt.ops.salvage import (
    WHOLE,
    Rescue,
    RescueNote,
    Sources,
    belong_like,
    make_whole,
    open_rescue,
    pass_gate,
    read_note,
    rescue_places,
    secure,
    settle,
)
from cbt.storage.backup_folder import EMBEDDED_COPY, copy_name, sync_folder
from cbt.storage.engine import DATABASE_NAME, GATE_NAME, database_path
from cbt.storage.file_guard import OVERWRITTEN, PROC, SUFFIXES, FileId, GuardedFiles, Hold, find_hold, id_of
from cbt.storage.raw_connection import DATABASE_ERRORS, open_to_read


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a database got: its journal's rows, its log's last entry, and the digests of entries asked for."""

    journal: int
    entry: int
    digest: str
    digests: dict[int, str]
    """By number, of the entries of another log's last number that it has."""


class DatabaseRelation(StrEnum):
    """What a database is to a rescue."""

    LESS = "less"
    SAME = "same"
    MORE = "more"


def compare(present: Reach | None, rescued: Reach) -> DatabaseRelation:
    """Return whether `present`, the database that lies there, holds all of `rescued`, and whether it goes on.

    One that is not there, or cannot be read, holds less; so does one whose log lacks the rescue's last entry.
    """
    if present is None or present.journal < rescued.journal:
        return DatabaseRelation.LESS
    if rescued.entry and present.digests.get(rescued.entry) != rescued.digest:
        return DatabaseRelation.LESS
    further = present.journal > rescued.journal or present.entry > rescued.entry
    return DatabaseRelation.MORE if further else DatabaseRelation.SAME


def reach_of(path: Path, key: bytes | None, *, number: int = 0) -> Reach | None:
    """Return how far the database at `path` got, with the digest of entry `number`; None when it cannot be read.

    What lies there is looked at in place, and stays as it is.
    """
    if not path.is_file() or not path.stat().st_size:
        return None
    try:
        with closing(open_to_read(path, key)) as connection:
            facts = facts_of(connection)
            entry, digest = _last(connection)
            row = connection.execute("SELECT hash FROM audit_entry WHERE id = ?", (number,)).fetchone()
    except DATABASE_ERRORS:
        return None
    digests = {} if row is None else {number: str(row[0])[:DIGITS]}
    return Reach(facts.journal, entry, digest, digests)


def _last(connection: Any) -> tuple[int, str]:
    row = connection.execute("SELECT id, hash FROM audit_entry ORDER BY id DESC LIMIT 1").fetchone()
    return (0, "") if row is None else (int(row[0]), str(row[1])[:DIGITS])


# A start beside a rescue that was not put back: on an older database nothing may go on unseen.
#
# Source: I1.


def check_files(settings: Settings, *, settles: bool = True) -> None:
    """Let a command go on when the server that runs here has its database in its place, or none waits for rescue.

    Raise Unavailable as `GuardedFiles.check_closely` beside a server, else as `check_rescue`.
    """
    path = database_path(settings).resolve()
    hold = find_hold(path) if settings.embedded else None
    if hold is None:
        check_rescue(settings, settles=settles)
    else:
        GuardedFiles(path, hold, gate=path.with_name(GATE_NAME)).check_closely()


def check_rescue(settings: Settings, *, settles: bool = True) -> None:
    """Let a start go on when there is no rescue to put back, or the very files lie there that were held.

    What lies there has to hold all of the rescue besides: a number of a file may be given again. Who only looks
    `settles` nothing.

    Raise Unavailable("rescue.waiting") with the `path` of the rescue otherwise, ("rescue.overwritten") for one
    that cannot be put back.
    """
    rescue = open_rescue(settings) if settings.embedded else None
    if rescue is None:
        return
    if rescue.note.trouble == OVERWRITTEN:
        raise Unavailable("rescue.overwritten", path=str(rescue.folder), command=instead_of_rescue(settings))
    same = rescue.note.state == WHOLE and _lie_there(settings, rescue.note)
    if same and meant_by(settings, rescue) is not DatabaseRelation.LESS:
        if settles:
            settle(rescue)
        return
    raise Unavailable("rescue.waiting", path=str(rescue.folder))


def _lie_there(settings: Settings, note: RescueNote) -> bool:
    """Return whether database and log are the files that were held; the index is made anew by a start."""
    for suffix, (device, inode) in zip(SUFFIXES[:2], note.files, strict=False):
        path = database_path(settings).with_name(f"{EMBEDDED_COPY}{suffix}")
        if not path.is_file() or id_of(path.stat()) != FileId(device, inode):
            return False
    return True


def meant_by(settings: Settings, rescue: Rescue) -> DatabaseRelation:
    """Return what the database that lies in its place is to a whole rescue.

    Raise what `database_key` raises without the key, Unavailable("safety.damaged") when the rescue cannot be read.
    """
    key = database_key(settings)
    path: Path = rescue.folder / EMBEDDED_COPY
    rescued = reach_of(path, key)
    if rescued is None:
        raise Unavailable("safety.damaged", path=str(path))
    return compare(reach_of(database_path(settings), key, number=rescued.entry), rescued)


@dataclass(frozen=True, slots=True)
class Reinstatement:
    """What was put back, where, and the folder that now holds what lay there; None when nothing did."""

    manifest: Manifest
    folder: Path
    place: str
    aside: Path | None
    personal_key_fits: bool
    log_key_fits: bool


def put_back(settings: Settings, folder: Path | None, *, now: datetime) -> Reinstatement:
    """Put the rescue in `folder`, else the newest that waits, in the place of the database.

    Everything is checked before anything is moved: that no server holds the database, keys, manifest, hash, and
    that what lies there does not go on where the rescue ends. Raise InvalidInput, Conflict or Unavailable with
    the way out.
    """
    if not settings.embedded:
        raise InvalidInput("rescue.embedded_only")
    rescue = open_rescue(settings) if folder is None else Rescue(folder, read_note(folder))
    if rescue is None:
        raise InvalidInput("rescue.none", path=str(rescue_places(settings)[0]))
    _check_unserved(settings)
    if rescue.note.state != WHOLE and not (rescue.folder / "manifest.json").is_file():
        rescue, _ = make_whole(settings, rescue, now=now)
    manifest = read_manifest(rescue.folder)
    copy = check_file(rescue.folder, manifest)
    fits = check_keys(settings, manifest.keys)
    if meant_by(settings, rescue) is DatabaseRelation.MORE:
        raise Conflict("rescue.older", path=str(rescue.folder), database=str(database_path(settings)))
    arriving = settings.data_dir / f"{DATABASE_NAME}.arriving"
    try:
        if copy_file(copy, arriving) != manifest.sha256:
            raise Unavailable("safety.damaged", path=str(copy))
        aside = _set_aside(settings, now=now)
        arriving.rename(database_path(settings))
        sync_folder(settings.data_dir)
        belong_like([database_path(settings)], settings.data_dir.stat())
    except OSError as error:
        raise Unavailable("safety.no_room", path=str(settings.data_dir), detail=error.strerror) from error
    finally:
        arriving.unlink(missing_ok=True)
    settle(rescue)
    place = str(settings.data_dir)
    return Reinstatement(manifest, rescue.folder, place, aside, fits, log_key_fits(settings, manifest.keys))


def _check_unserved(settings: Settings) -> None:
    """Raise Unavailable("serve.running") while a server runs there, or still holds what lay there."""
    DataDirLock(settings.data_dir).take(f"pid {os.getpid()}, rescue")
    hold = find_hold(database_path(settings))
    if hold is not None:
        raise Unavailable("serve.running", holder=f"pid {hold.pid}", path=str(settings.data_dir))


def _set_aside(settings: Settings, *, now: datetime) -> Path | None:
    """Move what lies in the place of the database into a folder of its own; return that."""
    there = [
        path for path in settings.data_dir.glob(f"{DATABASE_NAME}*") if not path.name.endswith(".arriving")
    ]
    if not there:
        return None
    aside = settings.data_dir / copy_name(now).replace("cbt-", "aside-", 1)
    aside.mkdir(mode=0o700)
    belong_like([aside], settings.data_dir.stat())
    for path in there:
        path.rename(aside / path.name)
    return aside


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
    trouble = GuardedFiles(database, hold, gate=gate).trouble()
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
        for handle in opened:
            os.close(handle)


commands: list[click.Command] = [rescue_command]
