"""`cbt backup`, `cbt restore` (also from the second copy), `cbt verify`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

import click
import flask

from cbt.application.app import create_app
from cbt.config import Settings, read_settings
from cbt.console.columns import align
from cbt.console.ends import DONE, REFUSED
from cbt.console.kinds import PATH
from cbt.console.saying import Answer, tone
from cbt.console.texts import text as _
from cbt.console.tree import argument, command, option
from cbt.db.copies import prune
from cbt.db.engine import DATABASE_NAME
from cbt.errors import InvalidInput
from cbt.ops.safety.backup import back_up
from cbt.ops.safety.checking import StoredCheck, verify_everything
from cbt.ops.safety.manifest import Manifest
from cbt.ops.safety.rebuild import Rebuilt, rebuild
from cbt.ops.safety.restore import Restored, restore
from cbt.web.cli import with_kept_database

SHOWN = 20
_NICENESS = 10


@command("backup", help="safety.cli.backup")
@argument("destination", required=False, type=PATH, help="safety.cli.destination")
@option("--keep", type=click.IntRange(min=1), help="safety.cli.keep")
@option("--scheduled", is_flag=True, hidden=True)
@with_kept_database
def backup(destination: Path | None, keep: int | None, scheduled: bool, *, now: datetime) -> Answer:
    """Make one backup below DESTINATION (else CBT_BACKUP_DIR)."""
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    target = destination or settings.backup_dir
    if target is None:
        raise InvalidInput("safety.no_destination")
    if scheduled:
        with contextlib.suppress(AttributeError, OSError):  # Windows has no nice
            os.nice(_NICENESS)
    folder, manifest = back_up(settings, target, now=now)
    removed = [] if keep is None else prune(target, keep=keep, now=now)
    data = {"folder": folder, "removed": [path.name for path in removed], **asdict(manifest)}
    return Answer(data, () if scheduled else _made(folder, manifest, settings))


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


@command("restore", help="safety.cli.restore")
@argument("source", required=False, type=PATH, metavar="[BACKUP]", help="safety.cli.source")
@option("--from-copy", type=PATH, metavar="FOLDER", help="safety.cli.from_copy")
@option("--up-to-damage", is_flag=True, help="safety.cli.up_to_damage")
@option("--into", type=PATH, metavar="FOLDER", help="safety.cli.into")
def restore_command(
    source: Path | None, from_copy: Path | None, up_to_damage: bool, into: Path | None
) -> Answer:
    """Restore SOURCE; no app is made for it, since that would begin a new installation in the empty place."""
    settings = read_settings()
    if from_copy is not None and source is None:
        return _rebuild(settings, from_copy, into=into, up_to_damage=up_to_damage)
    if source is not None and from_copy is None:
        return _restore(settings, source, into=into)
    raise InvalidInput("safety.one_source")


def _restore(settings: Settings, source: Path, *, into: Path | None) -> Answer:
    done = restore(settings, source, into=into)
    words = [
        _("safety.restored", place=done.place, made_at=done.manifest.made_at),
        _holds(done.manifest.counts, done.manifest.bytes),
        *_head(done.manifest),
        _("safety.verify_next"),
    ]
    return Answer(asdict(done), words, _keys_that_do_not_fit(done))


def _keys_that_do_not_fit(done: Restored | Rebuilt) -> list[str]:
    lines = [] if done.personal_key_fits else [_("safety.personal_other")]
    return lines if done.log_key_fits else [*lines, _("safety.log_key_other")]


def _rebuild(settings: Settings, folder: Path, *, into: Path | None, up_to_damage: bool) -> Answer:
    """Rebuild, then verify everything in the new place; exit with 2 when something is wrong there."""
    done = rebuild(settings, folder, into=into, up_to_damage=up_to_damage)
    place = Path(done.place)
    with create_app(replace(settings, data_dir=place, journal_copy_dir=None)).app_context():
        checks = verify_everything()
    size = (place / DATABASE_NAME).stat().st_size
    notes = [_("safety.torn")] if done.torn else []
    if done.damaged:
        notes.append(_("safety.up_to_damage", path=done.damaged))
    rebuilt = _("safety.rebuilt", place=done.place, folder=folder)
    sound = not done.damaged and all(check.ok for check in checks)
    return Answer(
        {**asdict(done), "bytes": size, "checks": _plain(checks)},
        [rebuilt, _holds(done.facts.counts, size), *_table(checks)],
        [*notes, *_keys_that_do_not_fit(done)],
        code=DONE if sound else REFUSED,
    )


@command("verify", help="safety.cli.verify")
@with_kept_database
def verify(*, now: datetime) -> Answer:
    """Check integrity, foreign keys, audit chain, forms, journals, scores and personal numbers."""
    checks = verify_everything()
    sound = all(check.ok for check in checks)
    data = {"verified_at": now, "ok": sound, "checks": _plain(checks)}
    return Answer(data, _table(checks), code=DONE if sound else REFUSED)


def _plain(checks: list[StoredCheck]) -> list[dict[str, object]]:
    return [{**asdict(check), "ok": check.ok} for check in checks]


def _table(checks: list[StoredCheck]) -> list[str]:
    """Return a line a check, what it found below it, and the sum."""
    heads = align([_line(check) for check in checks], frozenset({1}))
    lines = []
    for check, line in zip(checks, heads, strict=True):
        lines.append(line if check.ok else tone(line, "red"))
        lines += [
            " " * 6 + _(f"safety.found.{finding.what}", where=finding.where)
            for finding in check.findings[:SHOWN]
        ]
        if len(check.findings) > SHOWN:
            lines.append(" " * 6 + _("safety.more", count=len(check.findings) - SHOWN))
    wrong = sum(len(check.findings) for check in checks)
    return [*lines, tone(_("safety.wrong", count=wrong), "red") if wrong else _("safety.intact")]


def _line(check: StoredCheck) -> tuple[str, str, str]:
    name = _(f"safety.check.{check.name}")
    if check.looked_at is None:
        return "  -", "-", name + _("safety.not_here")
    return " ok" if check.ok else " !!", str(check.looked_at), name


commands: list[click.Command] = [backup, restore_command, verify]
