"""`cbt backup`, `cbt restore` (also from the second copy), `cbt verify`."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

import click
import flask
from flask_babel import gettext

from cbt.application.app import create_app
from cbt.config import Settings, read_settings
from cbt.db.copies import prune
from cbt.db.engine import DATABASE_NAME
from cbt.errors import InvalidInput
from cbt.ops.safety.backup import back_up
from cbt.ops.safety.checking import StoredCheck, verify_everything
from cbt.ops.safety.manifest import Manifest
from cbt.ops.safety.rebuild import rebuild
from cbt.ops.safety.restore import restore
from cbt.web.cli import print_json, with_app
from cbt.web.i18n import catalogues

SHOWN = 20
_NICENESS = 10


@click.command("backup", help="在线备份到一个文件夹，不打断考试 · Back up while the exam goes on.")
@click.argument("destination", required=False, type=click.Path(path_type=Path))
@click.option("--keep", type=click.IntRange(min=1), help="只保留最近几份 · keep the newest N only")
@click.option("--scheduled", is_flag=True, hidden=True)
@click.option("--json", "as_json", is_flag=True, help="输出 JSON · Print JSON.")
@with_app
def backup(
    destination: Path | None, keep: int | None, scheduled: bool, as_json: bool, *, now: datetime
) -> None:
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
    if as_json:
        print_json({"folder": str(folder), "removed": [path.name for path in removed], **asdict(manifest)})
    elif not scheduled:
        _tell_backup(folder, manifest, settings)


def _tell_backup(folder: Path, manifest: Manifest, settings: Settings) -> None:
    click.echo(gettext("safety.made", folder=folder))
    click.echo(gettext("safety.holds", **manifest.counts, size=f"{manifest.bytes / 2**20:.1f}"))
    if not manifest.encrypted:
        click.echo(gettext("safety.in_clear"))
    if manifest.audit_head:
        click.echo(gettext("safety.head", head=manifest.audit_head))
    names = "、".join(f"{name}.key" for name in manifest.keys)
    click.echo(gettext("safety.keys_apart", names=names, folder=settings.keys))


@click.command("restore", help="恢复备份，或从副本重建，只写入空目录 · Restore into an empty folder.")
@click.argument("source", required=False, type=click.Path(path_type=Path))
@click.option(
    "--from-copy",
    type=click.Path(path_type=Path),
    help="从日志副本重建 · rebuild from the second copy (CBT_JOURNAL_COPY_DIR)",
)
@click.option(
    "--up-to-damage", is_flag=True, help="副本损坏时取到损坏处为止 · take what is before the damage"
)
@click.option("--into", type=click.Path(path_type=Path), help="数据目录 · data folder (CBT_DATA_DIR)")
def restore_command(
    source: Path | None, from_copy: Path | None, up_to_damage: bool, into: Path | None
) -> None:
    """Restore SOURCE; no app is made for it, since that would begin a new installation in the empty place."""
    settings = read_settings()
    with catalogues(settings):
        if from_copy is not None and source is None:
            _rebuild(settings, from_copy, into=into, up_to_damage=up_to_damage)
        elif source is not None and from_copy is None:
            _restore(settings, source, into=into)
        else:
            raise InvalidInput("safety.one_source")


def _restore(settings: Settings, source: Path, *, into: Path | None) -> None:
    done = restore(settings, source, into=into)
    click.echo(gettext("safety.restored", place=done.place, made_at=done.manifest.made_at))
    click.echo(gettext("safety.holds", **done.manifest.counts, size=f"{done.manifest.bytes / 2**20:.1f}"))
    if not done.personal_key_fits:
        click.echo(gettext("safety.personal_other"), err=True)
    if not done.log_key_fits:
        click.echo(gettext("safety.log_key_other"), err=True)
    if done.manifest.audit_head:
        click.echo(gettext("safety.head", head=done.manifest.audit_head))
    click.echo(gettext("safety.verify_next"))


def _rebuild(settings: Settings, folder: Path, *, into: Path | None, up_to_damage: bool) -> None:
    """Rebuild, then verify everything in the new place; exit with 2 when something is wrong there."""
    done = rebuild(settings, folder, into=into, up_to_damage=up_to_damage)
    place = Path(done.place)
    size = (place / DATABASE_NAME).stat().st_size
    click.echo(gettext("safety.rebuilt", place=done.place, folder=folder))
    click.echo(gettext("safety.holds", **done.facts.counts, size=f"{size / 2**20:.1f}"))
    if done.torn:
        click.echo(gettext("safety.torn"), err=True)
    if done.damaged:
        click.echo(gettext("safety.up_to_damage", path=done.damaged), err=True)
    if not done.personal_key_fits:
        click.echo(gettext("safety.personal_other"), err=True)
    if not done.log_key_fits:
        click.echo(gettext("safety.log_key_other"), err=True)
    with create_app(replace(settings, data_dir=place, journal_copy_dir=None)).app_context():
        checks = verify_everything()
        for line in _table(checks):
            click.echo(line)
    if done.damaged or not all(check.ok for check in checks):
        sys.exit(2)


@click.command("verify", help="核验全部存档，有误时退出码 2 · Verify everything stored, exit 2 if wrong.")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON · Print JSON.")
@with_app
def verify(as_json: bool, *, now: datetime) -> None:
    """Check integrity, foreign keys, audit chain, forms, journals, scores and personal numbers."""
    checks = verify_everything()
    if as_json:
        shown = [{**asdict(check), "ok": check.ok} for check in checks]
        print_json({"verified_at": now.isoformat(), "ok": all(check.ok for check in checks), "checks": shown})
    else:
        for line in _table(checks):
            click.echo(line)
    if not all(check.ok for check in checks):
        sys.exit(2)


def _table(checks: list[StoredCheck]) -> list[str]:
    """Return a line a check, with the number first, so that Chinese names need no aligning."""
    lines = []
    for check in checks:
        name = gettext(f"safety.check.{check.name}")
        if check.looked_at is None:
            lines.append(f"  -  {'-':>9}  {name}{gettext('safety.not_here')}")
            continue
        lines.append(f"{' ok' if check.ok else ' !!'}  {check.looked_at:>9}  {name}")
        for finding in check.findings[:SHOWN]:
            lines.append(" " * 16 + gettext(f"safety.found.{finding.what}", where=finding.where))
        if len(check.findings) > SHOWN:
            lines.append(" " * 16 + gettext("safety.more", count=len(check.findings) - SHOWN))
    wrong = sum(len(check.findings) for check in checks)
    lines.append(gettext("safety.wrong", count=wrong) if wrong else gettext("safety.intact"))
    return lines


commands: list[click.Command] = [backup, restore_command, verify]
