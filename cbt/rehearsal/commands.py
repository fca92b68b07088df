"""`cbt rehearse`: does a room of this size hold on this hardware?"""

from __future__ import annotations

import os
import platform
from dataclasses import asdict
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from cbt.clock import wall_time
from cbt.config import read_settings, spoken_language
from cbt.console.ends import DONE, REFUSED
from cbt.console.kinds import FOLDER, NEW_FILE
from cbt.console.saying import Answer, Progress
from cbt.console.texts import text as _
from cbt.console.tree import command, option
from cbt.db.private.files import open_private
from cbt.rehearsal import sheet
from cbt.rehearsal.rehearsing import Play, rehearse

SEATS, MINUTES = 30, 3.0
MOST_SEATS, MOST_MINUTES = 1000, 240.0


@command("rehearse", help="rehearsal.cli.rehearse", ends=(DONE, REFUSED))
@option(
    "--seats",
    type=click.IntRange(1, MOST_SEATS),
    default=SEATS,
    show_default=True,
    help="rehearsal.cli.seats",
)
@option(
    "--minutes",
    type=click.FloatRange(0.05, MOST_MINUTES),
    default=MINUTES,
    show_default=True,
    help="rehearsal.cli.minutes",
)
@option("--blueprint", default="", metavar="REF", help="rehearsal.cli.blueprint")
@option("--paper", default="", metavar="CODE", help="rehearsal.cli.paper")
@option("--kill-worker", is_flag=True, help="rehearsal.cli.kill_worker")
@option("--dir", "folder", type=FOLDER, default=None, metavar="FOLDER", help="rehearsal.cli.dir")
@option("--pdf", "file", type=NEW_FILE, default=None, metavar="FILE", help="rehearsal.cli.pdf")
def rehearse_command(
    seats: int,
    minutes: float,
    blueprint: str,
    paper: str,
    kill_worker: bool,
    folder: Path | None,
    file: Path | None,
) -> Answer:
    """Rehearse a sitting: exit code 0 when everything held, 2 when something did not."""
    settings = read_settings()
    play = Play(seats, minutes * 60, blueprint, paper, kill_worker, folder)
    with Progress() as progress:

        def tell(code: str, **numbers: object) -> None:
            progress.tell(_(f"rehearsal.progress.{code}", **numbers))

        found = rehearse(settings, play, tell)
    notes = []
    if file is not None:
        at = sheet.day(wall_time().astimezone(ZoneInfo(settings.timezone)))
        made = sheet.printed(
            found, at=at, machine=f"{platform.node()} · {os.cpu_count()} CPU", language=spoken_language()
        )
        with os.fdopen(open_private(file, os.O_WRONLY | os.O_EXCL), "wb") as target:
            target.write(made)
        notes.append(_("rehearsal.printed", file=str(file)))
    data = {**asdict(found), "held": found.held}
    return Answer(data, sheet.words(found), notes, code=DONE if found.held else REFUSED)


commands: list[click.Command] = [rehearse_command]
