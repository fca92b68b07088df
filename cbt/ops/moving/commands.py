"""`cbt move`: the database from the embedded one to PostgreSQL, and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime

import click
import flask

from cbt.config import Settings
from cbt.console.saying import Answer, Progress
from cbt.console.texts import text as _
from cbt.console.tree import command, option
from cbt.db.migrate import check_migrated
from cbt.ops.moving.carrying import MoveDone, move
from cbt.ops.moving.destination import read_destination
from cbt.ops.moving.progress import line
from cbt.web.cli import with_any_database


@command("move", help="move.cli.move", alone="console.alone")
@option("--to", "destination", required=True, metavar="PLACE", help="move.cli.to")
@with_any_database
def move_command(destination: str, *, now: datetime) -> Answer:
    """Copy, compare, keep at once; the old database is kept and marked as moved."""
    check_migrated()
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    place = read_destination(destination, settings)
    with Progress() as progress:
        moved = move(settings, place, now=now, tell=lambda *told: progress.tell(line(*told)))
    return Answer(_as_data(moved), list(_words(moved)))


def _as_data(moved: MoveDone) -> dict[str, object]:
    compared = moved.compared
    return {
        "moved": moved.ref,
        "from": moved.source,
        "to": moved.destination.place,
        "settings": moved.destination.changes,
        **({} if compared is None else asdict(compared)),
    }


def _words(moved: MoveDone) -> Iterator[str]:
    there, compared = moved.destination, moved.compared
    if compared is None:
        yield _("move.finished", place=there.place)
    else:
        rows = sum(compared.rows.values())
        yield _("move.done", place=there.place, tables=len(compared.rows), rows=rows)
        yield _("move.compared", attempts=compared.attempts, head=compared.audit_head)
        for check in compared.checks:
            if not check.ok:
                name = _(f"safety.check.{check.name}")
                yield _("move.as_before", check=name, count=len(check.findings))
    yield _("move.settings")
    for name, value in there.changes.items():
        yield "  " + (_("move.take_out", name=name) if value is None else f"{name}={value}")
    if not there.settings.embedded:
        yield _("move.in_clear")
    yield _("move.kept", place=moved.source)
    yield _("move.next")


commands: list[click.Command] = [move_command]
