"""The command `cbt rehearse`: builds, serves, sits and closes a sitting, compares, and reports what came of it.

Nothing may be lost, and scores have to be as expected.
"""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.clock import wall_time
from cbt.config import Settings, as_environment, read_settings, spoken_language
from cbt.console.command import FOLDER, NEW_FILE, command, option
from cbt.console.exits import DONE, REFUSED
from cbt.console.output import Answer, Progress, align
from cbt.console.texts import text as _
from cbt.errors import Unavailable
from cbt.ops.preparation import in_child
from cbt.printing.pdf import pdf
from cbt.rehearsal.http_client import HOST, BrowserLine, percentile_ms
from cbt.rehearsal.installation import Stage, app_for, build_stage, read_source
from cbt.rehearsal.server import LoopbackServer
from cbt.rehearsal.virtual_candidate import Account, VirtualCandidate
from cbt.rules.states import State
from cbt.runner.models import Attempt, JournalEntry
from cbt.runner.protocol import read_entries
from cbt.runner.save.journal import Journal
from cbt.scoring.score_sheets import Scorers
from cbt.scoring.store import latest_scores
from cbt.storage.private_files import open_private
from cbt.storage.unit_of_work import reading

SCORED_WITHIN = 30.0
LOOK_EVERY = 0.25


@dataclass(frozen=True, slots=True)
class Judgement:
    """`lost`: acknowledged answers the journal does not hold as they were; `wrong`: scores not as expected."""

    journal: int
    lost: int
    scored: int
    wrong: int


def judge(settings: Settings, accounts: Sequence[Account]) -> Judgement:
    """Wait until everybody is scored, then compare; runs in a child beside the server."""
    ids = [one.attempt_id for one in accounts]
    with app_for(settings) as app:
        until = time.monotonic() + SCORED_WITHIN
        while _unscored(ids) and time.monotonic() < until:
            time.sleep(LOOK_EVERY)
        with reading() as session:
            return _compared(session, app.extensions["cbt_journal"], accounts)


def _unscored(ids: Sequence[int]) -> int:
    with reading() as session:
        query = select(func.count()).where(Attempt.id.in_(ids), Attempt.state != State.SCORED)
        return session.scalar(query) or 0


def _compared(session: Session, journal: Journal, accounts: Sequence[Account]) -> Judgement:
    ids = [one.attempt_id for one in accounts]
    rows = session.execute(
        select(
            JournalEntry.attempt_id,
            JournalEntry.lease_epoch,
            JournalEntry.seq,
            JournalEntry.position,
            JournalEntry.value,
        ).where(JournalEntry.attempt_id.in_(ids), JournalEntry.kind == "answer")
    ).all()
    held = {(attempt, epoch, seq): (position, value) for attempt, epoch, seq, position, value in rows}
    refs = dict(session.execute(select(Attempt.id, Attempt.ref).where(Attempt.id.in_(ids))).all())
    scorers = Scorers().scorers_of(session, ids)
    scores = latest_scores(session, ids)
    lost = wrong = 0
    for account in accounts:
        info = journal.infos.get(refs[account.attempt_id])
        latest: dict[str, str] = {}
        for (epoch, seq), (position, value) in sorted(account.acknowledged.items()):
            entry = {"seq": seq, "kind": "answer", "position": position, "value": value}
            (parsed,) = read_entries(info, [entry])
            lost += held.get((account.attempt_id, epoch, seq)) != (position, parsed.value)
            latest[str(position)] = parsed.value or ""
        score = scores.get(account.attempt_id)
        expected = scorers[account.attempt_id].score(latest)
        wrong += score is not None and score.sheet != expected.text
    return Judgement(len(held), lost, len(scores), wrong)


SLOW_SAVE_MS = 2_000.0
"""A save that half a room waits longer for is not what a candidate calls saved at once."""
SLOW_START_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class SaveFigures:
    """Saves: how many were acknowledged, how long they took (ms), how many went out again."""

    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    repeated: int


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """The sheet of a rehearsal; `refused` is by code. `faults` are codes of what is not as it must be."""

    title: str
    own: bool
    seats: int
    seconds: float
    workers: int
    killed: bool
    signed_in: int
    started: int
    slowest_start: float
    saves: SaveFigures
    refused: dict[str, int]
    handed_in: int
    by_deadline: int
    journal: int
    lost: int
    scored: int
    wrong: int
    faults: tuple[str, ...]

    @property
    def held(self) -> bool:
        return not self.faults


def summed_up(
    accounts: Sequence[Account],
    judgement: Judgement,
    *,
    title: str,
    own: bool,
    seconds: float,
    workers: int,
    killed: bool,
) -> Rehearsed:
    """Return the sheet of what the candidates saw and what the database holds."""
    latencies = [one for account in accounts for one in account.latencies]
    starts = [account.started for account in accounts if account.started is not None]
    saves = SaveFigures(
        len(latencies),
        round(percentile_ms(latencies, 0.5) or 0, 1),
        round(percentile_ms(latencies, 0.99) or 0, 1),
        round(max(latencies, default=0) * 1000, 1),
        sum(account.repeated for account in accounts),
    )
    refused = Counter(code for account in accounts for code in account.refused)
    handed_in = sum(bool(account.receipt) for account in accounts)
    seats, slowest = len(accounts), max(starts, default=0.0)
    closed = sum(account.closed for account in accounts)
    faults = {
        "sign_in": sum(account.signed_in for account in accounts) < seats,
        "start": len(starts) < seats,
        "slow_start": slowest > SLOW_START_SECONDS and not killed,
        "saves": not saves.count,
        "slow_saves": saves.p50_ms > SLOW_SAVE_MS,
        "refused": bool(refused),
        "lost": judgement.lost > 0,
        "closed": closed < seats,
        "scored": judgement.scored < seats,
        "wrong": judgement.wrong > 0,
    }
    return Rehearsed(
        title=title,
        own=own,
        seats=seats,
        seconds=round(seconds, 1),
        workers=workers,
        killed=killed,
        signed_in=sum(account.signed_in for account in accounts),
        started=len(starts),
        slowest_start=round(slowest, 2),
        saves=saves,
        refused=dict(refused),
        handed_in=handed_in,
        by_deadline=closed - handed_in,
        journal=judgement.journal,
        lost=judgement.lost,
        scored=judgement.scored,
        wrong=judgement.wrong,
        faults=tuple(name for name, wrong in faults.items() if wrong),
    )


def facts(rehearsed: Rehearsed) -> list[tuple[str, str]]:
    """Return what held, in figures with their names."""
    saves = rehearsed.saves
    rows: list[tuple[str, object]] = [
        ("paper", rehearsed.title),
        ("bank", _("rehearsal.own" if rehearsed.own else "rehearsal.demo")),
        ("seats", rehearsed.seats),
        ("time", _("rehearsal.minutes", minutes=f"{rehearsed.seconds / 60:g}")),
        ("workers", rehearsed.workers),
        ("killed", _("rehearsal.yes" if rehearsed.killed else "rehearsal.no")),
        ("signed_in", f"{rehearsed.signed_in} / {rehearsed.seats}"),
        ("started", f"{rehearsed.started} / {rehearsed.seats}"),
        ("slowest_start", _("rehearsal.seconds", seconds=f"{rehearsed.slowest_start:g}")),
        ("saves", saves.count),
        ("took", f"{saves.p50_ms:g} / {saves.p99_ms:g} / {saves.max_ms:g} ms"),
        ("repeated", saves.repeated),
        ("refused", sum(rehearsed.refused.values())),
        ("lost", rehearsed.lost),
        ("handed_in", rehearsed.handed_in),
        ("by_deadline", rehearsed.by_deadline),
        ("scored", f"{rehearsed.scored} / {rehearsed.seats}"),
        ("wrong", rehearsed.wrong),
    ]
    return [(_(f"rehearsal.fact.{name}"), str(value)) for name, value in rows]


def reasons(rehearsed: Rehearsed) -> list[str]:
    codes = _("ui.comma").join(sorted(rehearsed.refused))
    return [_(f"rehearsal.fault.{one}", codes=codes) for one in rehearsed.faults]


def words(rehearsed: Rehearsed) -> list[str]:
    verdict = _("rehearsal.held" if rehearsed.held else "rehearsal.broke")
    rows = align([[name, value] for name, value in facts(rehearsed)], frozenset())
    return [*rows, "", verdict, *(f"  → {one}" for one in reasons(rehearsed))]


def printed(rehearsed: Rehearsed, *, at: str, machine: str, language: str) -> bytes:
    """Return the sheet as a PDF."""
    data = {
        "title": _("rehearsal.title"),
        "foot": _("rehearsal.foot", at=at),
        "sub": _("rehearsal.sub", at=at, machine=machine),
        "good": rehearsed.held,
        "verdict": _("rehearsal.held" if rehearsed.held else "rehearsal.broke"),
        "reasons": reasons(rehearsed),
        "facts": facts(rehearsed),
        "parts": [],
        "note": _("rehearsal.note"),
        "words": {
            "title": _("rehearsal.title"),
            "page": _("candidates.print.page", number="{n}", count="{of}"),
            "signatures": [_("rehearsal.signed_by"), _("rehearsal.signed_on")],
        },
    }
    return pdf("verdict", data, language=language)


def day(now: datetime) -> str:
    return now.strftime("%Y-%m-%d %H:%M")


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
        for candidate in candidates:
            candidate.start()
        _wait_for_all(candidates, tell)
        at = time.monotonic()
        for candidate in candidates:
            candidate.begins(at)
        _start_rooms(stage, server.port)
        begun.set()
        _watch(candidates, server, play, at, tell)
    finally:
        begun.set()
        stop.set()
        for candidate in candidates:
            candidate.join()
    return candidates


def _wait_for_all(candidates: Sequence[VirtualCandidate], tell: Tell) -> None:
    until = time.monotonic() + SIGNED_IN_WITHIN
    for candidate in candidates:
        candidate.ready.wait(max(0.0, until - time.monotonic()))
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
        for candidate in candidates:
            if candidate.is_alive():
                candidate.join(min(TELL_EVERY, 0.2))
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

        rehearsed = rehearse(settings, play, tell)
    notes = []
    if file is not None:
        at = day(wall_time().astimezone(ZoneInfo(settings.timezone)))
        made = printed(
            rehearsed, at=at, machine=f"{platform.node()} · {os.cpu_count()} CPU", language=spoken_language()
        )
        with os.fdopen(open_private(file, os.O_WRONLY | os.O_EXCL), "wb") as target:
            target.write(made)
        notes.append(_("rehearsal.printed", file=str(file)))
    data = {**asdict(rehearsed), "held": rehearsed.held}
    return Answer(data, words(rehearsed), notes, code=DONE if rehearsed.held else REFUSED)


commands: list[click.Command] = [rehearse_command]
