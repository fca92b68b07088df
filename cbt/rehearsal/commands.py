"""The command `cbt rehearse`: builds, serves, sits and closes a sitting, compares, and throws it all away."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from cbt.clock import wall_time
from cbt.config import Settings, as_environment, read_settings, spoken_language
from cbt.console.command import FOLDER, NEW_FILE, command, option
from cbt.console.exits import DONE, REFUSED
from cbt.console.output import Answer, Progress
from cbt.console.texts import text as _
from cbt.errors import Unavailable
from cbt.ops.preparation import in_child
from cbt.rehearsal import report
from cbt.rehearsal.http_client import HOST, BrowserLine
from cbt.rehearsal.installation import Stage, build_stage, read_source
from cbt.rehearsal.report import Rehearsed, judge, summed_up
from cbt.rehearsal.server import LoopbackServer
from cbt.rehearsal.virtual_candidate import VirtualCandidate
from cbt.storage.private_files import open_private

TO_THE_DEADLINE = 5
"""Every so manieth candidate leaves the paper to the deadline."""
SLOWEST, FASTEST = 0.85, 0.55
"""Shares of the time that candidates answer in."""
KILLED_AT = 0.3
SIGNED_IN_WITHIN = 120.0
TELL_EVERY = 1.0
Tell = Callable[..., None]
"""Is told the code of what goes on, with numbers."""


@dataclass(frozen=True, slots=True)
class Play:
    """What is to be rehearsed: how many candidates, in how many seconds, which paper, where."""

    seats: int
    seconds: float
    blueprint: str = ""
    paper: str = ""
    kill_worker: bool = False
    folder: Path | None = None


def rehearse(settings: Settings, play: Play, tell: Tell) -> Rehearsed:
    """Rehearse beside an installation, which is read before and not touched.

    Raise what cannot be rehearsed: NotFound("blueprint.unknown"), Unavailable("rehearsal.no_folder"),
    ("rehearsal.no_server"), ("rehearsal.not_started").
    """
    tell("reading")
    source = in_child(partial(read_source, blueprint=play.blueprint, paper=play.paper), settings)
    with _folder(settings, play.folder) as folder:
        own = _throwaway(settings, folder)
        tell("building", seats=play.seats)
        stage = in_child(partial(build_stage, source=source, seats=play.seats, seconds=play.seconds), own)
        server = LoopbackServer(["cbt.rehearsal.server"], _environment(own))
        try:
            server.wait_ready()
            candidates = _play(stage, server, play, tell)
            tell("judging")
            accounts = [one.account for one in candidates]
            judgement = in_child(partial(judge, accounts=accounts), own)
        finally:
            server.stop()
    return summed_up(
        accounts,
        judgement,
        title=source.title,
        own=source.own,
        seconds=play.seconds,
        workers=own.workers,
        killed=play.kill_worker,
    )


@contextmanager
def _folder(settings: Settings, wanted: Path | None) -> Iterator[Path]:
    """Make a folder on the disk of the data, whose speed is the question, and take it away at the end."""
    parent = wanted or settings.data_dir.absolute().parent
    while wanted is None and not parent.is_dir() and parent != parent.parent:
        parent = parent.parent
    try:
        made = Path(tempfile.mkdtemp(prefix="cbt-rehearsal-", dir=parent))
    except OSError as error:
        raise Unavailable("rehearsal.no_folder", folder=str(parent)) from error
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _throwaway(settings: Settings, folder: Path) -> Settings:
    """Return settings as the installation's as to what decides about speed, and as new in all else."""
    return replace(
        Settings(),
        data_dir=folder / "data",
        key_dir=folder / "keys",
        blueprint_dir=settings.blueprint_dir,
        bank_dir=settings.bank_dir,
        timezone=settings.timezone,
        locale=settings.locale,
        workers=settings.workers,
        threads=settings.threads,
        db_encryption=settings.db_encryption,
        host=HOST,
        log_file=folder / "server.log",
    )


def _environment(settings: Settings) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CBT_")}
    return {**kept, **as_environment(settings)}


def _play(stage: Stage, server: LoopbackServer, play: Play, tell: Tell) -> Sequence[VirtualCandidate]:
    begun, stop = threading.Event(), threading.Event()
    people = len(stage.players)
    candidates = [
        VirtualCandidate(
            one,
            server.port,
            begun=begun,
            stop=stop,
            seconds=stage.seconds,
            share=FASTEST + (SLOWEST - FASTEST) * one.number / people,
            hands_in=one.number % TO_THE_DEADLINE != TO_THE_DEADLINE - 1,
        )
        for one in stage.players
    ]
    try:
        for one in candidates:
            one.start()
        _wait_for_all(candidates, tell)
        at = time.monotonic()
        for one in candidates:
            one.begins(at)
        _start_rooms(stage, server.port)
        begun.set()
        _watch(candidates, server, play, at, tell)
    finally:
        begun.set()
        stop.set()
        for one in candidates:
            one.join()
    return candidates


def _wait_for_all(candidates: Sequence[VirtualCandidate], tell: Tell) -> None:
    until = time.monotonic() + SIGNED_IN_WITHIN
    for one in candidates:
        one.ready.wait(max(0.0, until - time.monotonic()))
        tell("signing_in", done=sum(other.ready.is_set() for other in candidates), of=len(candidates))


def _start_rooms(stage: Stage, port: int) -> None:
    desk = BrowserLine(lambda: port)
    desk.cookies = dict(part.split("=", 1) for part in stage.proctor.split("; "))
    for path in stage.starts:
        reply = desk.post_form(path, {"csrf_token": stage.csrf_token})
        if reply.status != 303:
            raise Unavailable("rehearsal.not_started", status=reply.status)
    desk.hang_up()


def _watch(
    candidates: Sequence[VirtualCandidate], server: LoopbackServer, play: Play, at: float, tell: Tell
) -> None:
    """Tell how far everybody is until all are done; kill a worker on the way where that was asked."""
    to_kill = play.kill_worker
    while any(one.is_alive() for one in candidates):
        passed = time.monotonic() - at
        if to_kill and passed >= play.seconds * KILLED_AT:
            server.kill_worker()
            to_kill = False
        saved = sum(len(one.account.acknowledged) for one in candidates)
        done = sum(one.account.closed for one in candidates)
        tell("running", seconds=round(passed), saved=saved, done=done, of=len(candidates))
        for one in candidates:
            if one.is_alive():
                one.join(min(TELL_EVERY, 0.2))
                break


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
        at = report.day(wall_time().astimezone(ZoneInfo(settings.timezone)))
        made = report.printed(
            found, at=at, machine=f"{platform.node()} · {os.cpu_count()} CPU", language=spoken_language()
        )
        with os.fdopen(open_private(file, os.O_WRONLY | os.O_EXCL), "wb") as target:
            target.write(made)
        notes.append(_("rehearsal.printed", file=str(file)))
    data = {**asdict(found), "held": found.held}
    return Answer(data, report.words(found), notes, code=DONE if found.held else REFUSED)


commands: list[click.Command] = [rehearse_command]
