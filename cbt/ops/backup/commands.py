"""The commands `cbt backup`, `cbt restore` and `cbt verify`, and what is put on record of a backup.

Whether a backup into the folder of the scheduled ones was made is on record, whoever asked for it.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Never
from zoneinfo import ZoneInfo

import click
import flask
from sqlalchemy.orm import Session

from cbt.application.app import create_app
from cbt.application.backups import (
    BackupStanding,
    check_folder,
    note_failed,
    note_made,
    place_name,
    standing_of,
)
from cbt.clock import SystemClock
from cbt.config import Settings, read_settings
from cbt.confined.priority import give_way
from cbt.console.command import PATH, argument, command, option
from cbt.console.exits import DONE, REFUSED
from cbt.console.output import Answer
from cbt.console.texts import text as _
from cbt.errors import CbtError, InvalidInput
from cbt.http.app_context import with_any_database
from cbt.ops.backup.damage import way_back
from cbt.ops.backup.restore import Rebuilt, Restored, apart, leave_note, rebuild, restore
from cbt.ops.backup.snapshot import Manifest, back_up
from cbt.ops.backup.verification import (
    check_lines,
    checks_as_data,
    has_damaged_pages,
    verify_everything,
)
from cbt.ops.host_resources import die_with_parent
from cbt.ops.reinstatement import Reinstatement, put_back
from cbt.ops.salvage import open_rescue, settle
from cbt.releases import newest_revision
from cbt.storage.backup_folder import prune
from cbt.storage.engine import DATABASE_NAME
from cbt.storage.log_times import typed
from cbt.storage.migrate import database_revision
from cbt.storage.unit_of_work import reading, unit_of_work

log = logging.getLogger(__name__)


def on_record(settings: Settings, folder: Path, *, make_folder: bool, now: datetime) -> tuple[Path, Manifest]:
    """Make a backup below `folder`; return and raise as `back_up`, and with what is wrong with the folder.

    Only a folder that somebody named on purpose (`make_folder`) is made, or begun anew: the one of the settings may
    be the place of a disk that is not there. What became of a backup into that one is put on record, unless the
    tables are those of an earlier version, which have no place for it.
    """
    ours = settings.backup_dir is not None and place_name(folder) == place_name(settings.backup_dir)
    ours = ours and database_revision() == newest_revision()
    try:
        if not make_folder:
            check_folder(folder, _standing(settings) if ours else None)
        made, manifest = back_up(settings, folder, now=now)
    except CbtError as error:
        if ours:
            _note(partial(note_failed, folder=folder, error=error, at=now))
        raise
    if ours:
        _note(partial(note_made, folder=folder, name=made.name, size=manifest.bytes, at=now))
    return made, manifest


def _standing(settings: Settings) -> BackupStanding | None:
    with reading() as session:
        return standing_of(session, settings)


def _note(write: Callable[[Session], None]) -> None:
    """Write down what became of it; a database that cannot takes nothing away from a backup that was made."""
    try:
        with unit_of_work() as session:
            write(session)
    except Exception as error:
        log.warning("what became of the backup is not on record: %s", type(error).__name__)


@command("backup", help="safety.cli.backup")
@argument("destination", required=False, type=PATH, help="safety.cli.destination")
@option("--keep", type=click.IntRange(min=1), help="safety.cli.keep")
@option("--scheduled", "tick", hidden=True)
@with_any_database
def backup(destination: Path | None, keep: int | None, tick: str | None, *, now: datetime) -> Answer:
    """Make one backup below DESTINATION (else CBT_BACKUP_DIR)."""
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    target = destination or settings.backup_dir
    if target is None:
        raise InvalidInput("safety.no_destination")
    give_way(holds=True)
    if tick is not None:
        die_with_parent()
        signal.signal(signal.SIGTERM, _give_up)
        now = datetime.fromisoformat(tick)
    try:
        folder, manifest = on_record(settings, target, make_folder=destination is not None, now=now)
    except CbtError:
        if tick is None:
            raise
        return Answer({}, code=REFUSED)  # it is on record, and whoever asked for it logs it in its own way
    removed = [] if keep is None else prune(target, keep=keep, now=now)
    data = {"folder": folder, "removed": [path.name for path in removed], **asdict(manifest)}
    return Answer(data, () if tick is not None else _made(folder, manifest, settings))


def _give_up(*_: object) -> Never:
    """End a backup that nobody wants any more: what it had begun is taken away on the way out."""
    raise SystemExit(REFUSED)


def _made(folder: Path, manifest: Manifest, settings: Settings) -> list[str]:
    lines = [_("safety.made", folder=folder), _holds(manifest.counts, manifest.bytes)]
    if not manifest.encrypted:
        lines.append(_("safety.in_clear"))
    lines += _head(manifest)
    names = _("ui.comma").join(f"{name}.key" for name in manifest.keys)
    return [*lines, _("safety.keys_apart", names=names, folder=settings.keys)]


def _holds(counts: Mapping[str, int], size: int) -> str:
    return _("safety.holds", **counts, size=f"{size / 2**20:.1f}")


def _head(manifest: Manifest) -> list[str]:
    return [_("safety.head", head=manifest.audit_head)] if manifest.audit_head else []


@command("restore", help="safety.cli.restore", alone="safety.cli.alone")
@argument("source", required=False, type=PATH, metavar="[BACKUP]", help="safety.cli.source")
@option("--from-copy", type=PATH, metavar="FOLDER", help="safety.cli.from_copy")
@option("--at", metavar="MOMENT", help="safety.cli.at")
@option("--from-rescue", is_flag=True, help="safety.cli.from_rescue")
@option("--up-to-damage", is_flag=True, help="safety.cli.up_to_damage")
@option("--into", type=PATH, metavar="FOLDER", help="safety.cli.into")
@option("--personal-lost", is_flag=True, help="safety.cli.personal_lost")
def restore_command(
    source: Path | None,
    from_copy: Path | None,
    at: str | None,
    from_rescue: bool,
    up_to_damage: bool,
    into: Path | None,
    *,
    personal_lost: bool,
) -> Answer:
    """Restore SOURCE; no app is made for it, since that would begin a new installation in the empty place."""
    settings, now = read_settings(), SystemClock().now()
    moment = None if at is None else _moment(at, ZoneInfo(settings.timezone))
    if moment is not None:
        from_copy = from_copy or settings.journal_copy_dir
        if from_copy is None or source is not None or from_rescue:
            raise InvalidInput("safety.moment_of_copy")
    if from_rescue and from_copy is None and into is None:
        return _put_back(settings, source, now=now)
    if from_copy is not None and source is None:
        built = rebuild(
            settings,
            from_copy,
            into=into,
            up_to_damage=up_to_damage,
            personal_lost=personal_lost,
            at=moment,
        )
        leave_note(into or settings.data_dir, way="copy", source=from_copy, now=now, until=built.until)
        if into is not None:
            return _rebuilt(apart(settings, into), from_copy, built)
        waiting = open_rescue(settings)
        if waiting is not None:
            settle(
                waiting
            )  # the copy holds everything that was acknowledged, so all of the rescue; also put aside
        return _rebuilt(settings, from_copy, built)
    if source is not None and from_copy is None:
        done = restore(settings, source, into=into, personal_lost=personal_lost)
        leave_note(into or settings.data_dir, way="backup", source=source, now=now)
        return _restored(settings if into is None else apart(settings, into), done)
    raise InvalidInput("safety.one_source")


def _moment(words: str, zone: ZoneInfo) -> datetime:
    """Return the instant of a date and time in the installation's zone, or with a zone of its own."""
    try:
        moment = datetime.fromisoformat(words.strip())
    except ValueError as error:
        raise InvalidInput("safety.moment", value=words, zone=zone.key) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _restored(settings: Settings, done: Restored) -> Answer:
    following, sentence = "cbt verify", _("safety.verify_next")
    if _personal_lost(settings):
        following, sentence = "cbt key lost personal", _("safety.personal_next")
    elif done.manifest.revision != newest_revision():
        following, sentence = "cbt upgrade", _("safety.upgrade_next")
    words = [
        _("safety.restored", place=done.place, made_at=done.manifest.made_at),
        *_place_apart(settings),
        _holds(done.manifest.counts, done.manifest.bytes),
        *_head(done.manifest),
        sentence,
    ]
    return Answer({**asdict(done), "next": following}, words, _keys_that_do_not_fit(settings, done))


def _place_apart(settings: Settings) -> list[str]:
    """Return how a place apart is looked into: its keys are not those of the installation in use."""
    in_use = read_settings()
    named = {"data": settings.data_dir, "keys": settings.keys}
    return [] if settings.data_dir == in_use.data_dir else [_("safety.apart", **named)]


def _put_back(settings: Settings, folder: Path | None, *, now: datetime) -> Answer:
    done = put_back(settings, folder, now=now)
    leave_note(settings.data_dir, way="rescue", source=Path(done.folder), now=now)
    words = [
        _("rescue.put_back", place=done.place, folder=done.folder),
        _holds(done.manifest.counts, done.manifest.bytes),
        *([] if done.aside is None else [_("rescue.aside", folder=done.aside)]),
        _("safety.verify_next"),
    ]
    return Answer(asdict(done), words, _keys_that_do_not_fit(settings, done))


def _personal_lost(settings: Settings) -> bool:
    """Return whether there is no `personal.key`: what was brought back without it needs another one first."""
    return not (settings.keys / "personal.key").is_file()


def _keys_that_do_not_fit(settings: Settings, done: Restored | Rebuilt | Reinstatement) -> list[str]:
    lines = [] if done.personal_key_fits or _personal_lost(settings) else [_("safety.personal_other")]
    return lines if done.log_key_fits else [*lines, _("safety.log_key_other")]


def _rebuilt(settings: Settings, folder: Path, done: Rebuilt) -> Answer:
    """Verify everything in the new place, and say what was rebuilt; exit with 2 when something is wrong there.

    Without `personal.key` nothing is verified yet: `cbt key lost personal` comes first.
    """
    place = Path(done.place)
    settings = replace(settings, data_dir=place, journal_copy_dir=None)
    checks = []
    if not _personal_lost(settings):
        with create_app(settings).app_context():
            checks = verify_everything()
    size = (place / DATABASE_NAME).stat().st_size
    notes = [_("safety.torn")] if done.torn else []
    if done.damaged:
        notes.append(_("safety.up_to_damage", path=done.damaged))
    rebuilt = [_("safety.rebuilt", place=done.place, folder=folder)]
    if done.until is not None:
        rebuilt.append(_("safety.until", at=typed(done.until, ZoneInfo(settings.timezone))))
    if done.aside:
        rebuilt.append(_("safety.copy_aside", folder=done.aside))
    sound = not done.damaged and all(check.ok for check in checks)
    return Answer(
        {**asdict(done), "bytes": size, "checks": checks_as_data(checks)},
        [
            *rebuilt,
            *_place_apart(settings),
            _holds(done.facts.counts, size),
            *(check_lines(checks) if checks else [_("safety.personal_next")]),
        ],
        [*notes, *_keys_that_do_not_fit(settings, done)],
        code=DONE if sound else REFUSED,
    )


@command("verify", help="safety.cli.verify")
@with_any_database
def verify(*, now: datetime) -> Answer:
    """Check integrity, foreign keys, audit chain, forms, journals, scores and personal numbers."""
    checks = verify_everything()
    sound = all(check.ok for check in checks)
    data = {"verified_at": now, "ok": sound, "checks": checks_as_data(checks)}
    lines = check_lines(checks)
    if has_damaged_pages(checks):
        data["next"] = way_back(flask.current_app.extensions["cbt_settings"])
        lines.append(_("safety.way_back", command=data["next"]))
    return Answer(data, lines, code=DONE if sound else REFUSED)


commands: list[click.Command] = [backup, restore_command, verify]
