"""`cbt upgrade`: says what it will do, then backs up, upgrades and verifies."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import flask

from cbt.config import Settings, read_settings
from cbt.console.ends import DONE, REFUSED
from cbt.console.kinds import PATH
from cbt.console.saying import Answer, Progress
from cbt.console.tree import command, option
from cbt.db.engine import database_path
from cbt.errors import Unavailable
from cbt.ops.logs.keeping import init_logs
from cbt.ops.upgrade import showing
from cbt.ops.upgrade.carrying import Upgraded, destination, look, upgrade
from cbt.ops.upgrade.facts import place_of
from cbt.web.cli import with_any_database


@command("upgrade", help="upgrade.cli.upgrade", alone="upgrade.cli.alone")
@option("--check", is_flag=True, help="upgrade.cli.check")
@option("--backup", "folder", type=PATH, metavar="FOLDER", help="upgrade.cli.backup")
@option("--no-backup", is_flag=True, help="upgrade.cli.no_backup")
@option("--anyway", is_flag=True, help="upgrade.cli.anyway")
def upgrade_command(check: bool, folder: Path | None, no_backup: bool, anyway: bool) -> Answer:
    """Bring an installation of an earlier version to this one, or say what that will mean."""
    settings = read_settings()
    if settings.embedded and not database_path(settings).exists():
        # An app made there would begin a new installation.
        raise Unavailable("safety.no_database", path=place_of(settings))
    answer: Answer = _upgrade(check=check, folder=folder, wanted=not no_backup, anyway=anyway)
    return answer


@with_any_database
def _upgrade(*, check: bool, folder: Path | None, wanted: bool, anyway: bool, now: datetime) -> Answer:
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    zone = ZoneInfo(settings.timezone)
    named = folder or settings.backup_dir
    named = None if named is None else named.expanduser().absolute()  # it is told to whoever goes back
    facts, plan = look(settings, backup=named, wanted=wanted, now=now)
    if check or not plan.steps:
        lines = list(showing.plan_lines(settings, facts, plan, zone=zone))
        blocked = bool(plan.steps) and plan.blocked
        return Answer(showing.plan_as_data(facts, plan), lines, code=REFUSED if blocked else DONE)
    target = destination(named, wanted=wanted)
    init_logs(settings)
    with Progress() as progress:

        def told(what: str, done: Upgraded) -> None:
            progress.tell(showing.progress(what, done, plan))

        done = upgrade(settings, backup=target, anyway=anyway, now=now, told=told)
    noted = list(showing.before_lines(plan, zone=zone))
    lines = [*noted, *showing.done_lines(settings, done)]
    return Answer(showing.done_as_data(settings, done), lines, code=DONE if done.ok else REFUSED)


commands: list[click.Command] = [upgrade_command]
