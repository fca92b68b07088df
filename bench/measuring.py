"""All figures of one run, in the order of an exam: the page, starts, saves, hand-ins, closing, scoring."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Error as BrowserError

from bench import rows
from bench.besieged import measure_besieged
from bench.figures import CONNECTIONS, MANY_CONNECTIONS, Bench, Figure
from bench.installation import Installation, choose_answers, installation
from bench.published.report import machine
from bench.runner_page import LOADS, measure_runner_page
from bench.servers.serve import PRODUCT, REF, REPLY_VARIABLE, SLOW, Server, running, serving
from bench.traffic import loads
from bench.traffic.client import Exchange, request_bytes, run_load
from bench.traffic.paced import Event, allow_files, run_paced
from cbt.config import read_settings
from cbt.delivery.close.sweeps import expire_overdue
from cbt.ops.safety.backup import back_up
from cbt.rules.states.attempt import State
from cbt.scoring.service import score_closed, verify_sitting
from tests.databases import start_postgres

WARM_UP_STARTS = 20
SAVE_EVERY = 5.0
KILLED_SECONDS = 40.0
BESIEGED_SECONDS = 6.0


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    `pairs` of REF and figure, `seconds` of each run that has no natural end; `starts` papers opened in each
    pair; `paced` candidates of the two open loops and their `paced_seconds`; `due` attempts closed at one
    instant, `rescored` attempts, `others` candidates of the installation on PostgreSQL (0: not measured).
    """

    pairs: int
    seconds: float
    starts: int
    paced: tuple[int, int]
    paced_seconds: float
    due: tuple[int, int]
    rescored: int
    others: int
    page: bool = True

    def attempts(self, *, only_steady: bool) -> int:
        """Return how many candidates the installation needs."""
        steady = max(self.pairs * self.starts + WARM_UP_STARTS, self.due[0], self.rescored)
        return steady if only_steady else max(steady, *self.paced, *self.due)


FULL = Size(
    pairs=5, seconds=2.0, starts=1000, paced=(10_000, 15_000), paced_seconds=60.0,
    due=(5000, 10_000), rescored=3000, others=1000,
)  # fmt: skip
QUICK = Size(
    pairs=2, seconds=0.5, starts=100, paced=(300, 450), paced_seconds=5.0, due=(100, 200), rescored=100, others=200
)  # fmt: skip
Tell = Callable[[str], None]


def run_bench(size: Size, *, tell: Tell = print, only_steady: bool = False) -> dict[str, Any]:
    """Measure on fresh installations and return what bench/results.json holds.

    `only_steady`: leave out what takes minutes and depends on the machine's load, as `make bench-check` does.
    """
    with tempfile.TemporaryDirectory(prefix="cbt-bench-") as name, ExitStack() as ref:
        folder = Path(name)
        allow_files(max(size.paced))
        people = size.attempts(only_steady=only_steady)
        with installation(folder / "embedded", attempts=people) as built:
            choose_answers(built)
            with running(PRODUCT, built.environ) as server:
                page = _page(built, server, tell) if size.page and not only_steady else []
                request, reply, sizes = _sample(built, server.port)
                ref_port = ref.enter_context(serving(REF, {REPLY_VARIABLE: reply}))
                bench = Bench(built, ref_port, request, size.pairs, size.seconds)
                figures = _served(bench, server, size, tell)
                figures += [] if only_steady else _paced(bench, server, size, tell)
                figures += _handed_in(bench, server, size, tell)
            figures += _swept(bench, size, tell, only_steady=only_steady) + page
            facts = sizes | _stored(built, folder)
        figures += _postgres(folder / "postgres", bench, size, tell)
    return {
        "machine": machine(),
        "ref_per_s": round(median(bench.ref_rates), 1),
        "figures": {figure.name: figure.as_json() for figure in figures},
        "facts": facts,
    }


def _told(figures: list[Figure], tell: Tell) -> list[Figure]:
    """Say what was measured as soon as it is known; return the figures."""
    for figure in figures:
        shown = {name: value for name, value in figure.as_json().items() if value is not None}
        tell(f"  {figure.name}: " + ", ".join(f"{name} {value}" for name, value in shown.items()))
    return figures


def _sample(built: Installation, port: int) -> tuple[bytes, str, dict[str, int]]:
    """Start the first few papers and save one answer; return its request and reply, which REF repeats."""
    first = built.sitters[:WARM_UP_STARTS]
    run_load(port, [loads.starts([sitter]) for sitter in first])
    sitter = first[0]
    seen: list[tuple[int, bytes]] = []
    sources = loads.starts([sitter])
    start = next(sources)

    def watched(status: int, reply: bytes) -> None:
        start.on_reply(status, reply)
        seen.append((status, reply))

    run_load(port, [iter([Exchange(start.request, watched)])])
    body = loads.save_body(sitter)
    path = f"/attempts/{sitter.attempt_ref}/answers"
    request = request_bytes(path, body, loads.under_lease(sitter))
    run_load(port, [iter([Exchange(request, lambda status, reply: seen.append((status, reply)))])])
    if [status for status, _ in seen] != [200, 200]:
        raise RuntimeError(f"a start or a save was refused: {seen}")
    facts = {"start_reply_bytes": len(seen[0][1]), "save_bytes": len(request) + len(seen[1][1])}
    return body, seen[1][1].decode(), facts


def _page(built: Installation, server: Server, tell: Tell) -> list[Figure]:
    tell("the answer page in a browser")
    try:
        # In a thread of its own: whoever else holds a browser in this process has the loop of this thread.
        with ThreadPoolExecutor(1) as pool:
            figure = pool.submit(measure_runner_page, server.port, built.sitters[:LOADS]).result()
    except BrowserError as error:  # the other figures do not depend on a browser
        tell(f"not measured: {error.message.splitlines()[0]}")
        return []
    if figure is None:
        tell("no Chromium here: not measured")
        return []
    return _told([figure], tell)


def _served(bench: Bench, server: Server, size: Size, tell: Tell) -> list[Figure]:
    sitters, port = bench.built.sitters, server.port
    tell(f"starts: {size.pairs} × {size.starts}")
    shared = sitters[WARM_UP_STARTS : WARM_UP_STARTS + size.pairs * size.starts]
    start = bench.measure("start", bench.shares(port, shared, loads.starts))
    unopened = [sitter for sitter in sitters if not sitter.lease]
    if unopened:
        rows.open_as(sitters[0], unopened, now=now_of(bench.built))
    start.lost = rows.lost_starts(sitters)
    tell(f"filling {len(sitters)} journals")
    rows.fill_journals(sitters, now=now_of(bench.built))
    tell("saves")
    with serving(SLOW, bench.built.environ) as slow_port:
        saved = bench.together(
            {
                "save": bench.saves(port, CONNECTIONS),
                "save_5ms": bench.saves(slow_port, CONNECTIONS),
                "save_5ms_400": bench.saves(slow_port, MANY_CONNECTIONS),
            }
        )
    for slow in saved[1:]:
        pairs = zip(slow.rates, saved[0].rates, strict=True)
        slow.facts["of_save"] = round(median(one / save for one, save in pairs), 3)
    saved[0].lost = rows.lost_answers(bench.ledger.saved)
    _told([*saved, start], tell)
    board = bench.measure("board", [bench.boards(port)] * bench.pairs)
    return [*saved, start, *_told([board], tell)]


def _paced(bench: Bench, server: Server, size: Size, tell: Tell) -> list[Figure]:
    few, many = size.paced
    killed_seconds = min(KILLED_SECONDS, size.paced_seconds)
    kills = [(killed_seconds / 4, server.kill_worker), (killed_seconds / 2, server.kill_and_restart)]
    tell("500 candidates beside 2,000 half-sent bodies")
    besieged = measure_besieged(bench, server, seconds=min(BESIEGED_SECONDS, size.paced_seconds))
    return [
        *_told([besieged], tell),
        _paced_run("candidates_10000", bench, server, few, size.paced_seconds, (), tell),
        _paced_run("candidates_15000", bench, server, many, size.paced_seconds, (), tell),
        _paced_run("candidates_killed", bench, server, few, killed_seconds, kills, tell),
    ]


def _paced_run(
    name: str, bench: Bench, server: Server, people: int, seconds: float, events: Sequence[Event], tell: Tell
) -> Figure:
    tell(f"{people} candidates for {seconds:.0f} s" + (", the server killed" if events else ""))
    ledger = loads.Ledger()
    ref_per_s = bench.servers.ref()
    chosen = bench.built.sitters[:people]
    paced = run_paced(server.port, chosen, ledger, every=SAVE_EVERY, seconds=seconds, events=events)
    figure = Figure(name)
    figure.add(paced, ref_per_s)
    figure.lost = rows.lost_answers(ledger.saved)
    figure.facts = {
        "candidates": people,
        "acknowledged": paced.done,
        "unanswered": paced.unanswered,
        "worst_ms": round(max(paced.latencies, default=0) * 1000, 1),
    }
    if events:
        figure.facts |= {"broken": paced.broken, "ready_s": round(max(paced.ready_seconds, default=0), 2)}
    _told([figure], tell)
    return figure


def _handed_in(bench: Bench, server: Server, size: Size, tell: Tell) -> list[Figure]:
    tell("hand-ins")
    sitters = bench.built.sitters[: size.pairs * size.starts]
    runs = bench.shares(server.port, sitters, lambda share: loads.submits(share, bench.ledger))
    submit = bench.measure("submit", runs)
    submit.lost = rows.lost_receipts(bench.ledger.receipts)
    return _told([submit], tell)


def _swept(bench: Bench, size: Size, tell: Tell, *, only_steady: bool) -> list[Figure]:
    """Everybody's time is up at one instant; then the whole sitting is scored again from the journal."""

    def close_and_score() -> int:
        now = now_of(bench.built)
        return min(expire_overdue(now=now), score_closed(now=now))

    def rescore() -> int:
        return sum(1 for one in verify_sitting(bench.built.sitting_ref) if one.ok)

    def closing(name: str, people: int) -> Figure:
        tell(f"{people} deadlines at once")
        rows.set_aside(now=now_of(bench.built))
        figure = bench.in_process(
            name, close_and_score, before=lambda: rows.make_due(now=now_of(bench.built), most=people)
        )
        figure.lost = people - rows.count_in(State.SCORED)
        _told([figure], tell)
        return figure

    figures = [closing("close_5000", size.due[0])]
    figures += [] if only_steady else [closing("close_10000", size.due[1])]
    rows.set_aside(now=now_of(bench.built))
    rows.make_due(now=now_of(bench.built), most=size.rescored)
    close_and_score()
    tell(f"rescoring {size.rescored}")
    rescoring = bench.in_process("rescore", rescore, before=lambda: None)
    rescoring.lost = size.rescored - rescore()
    return [*figures, *_told([rescoring], tell)]


def _stored(built: Installation, folder: Path) -> dict[str, float]:
    """What is on disk for each candidate, and how fast a backup of it is made.

    The bench shares a few forms among all; in an exam everybody has one of their own, so it is added.
    """
    settings = read_settings(built.environ)
    began = time.perf_counter()
    _, manifest = back_up(settings, folder / "backups", now=now_of(built))
    seconds = time.perf_counter() - began
    form_bytes = rows.form_bytes()
    return {
        "attempts": len(built.sitters),
        "database_bytes": manifest.bytes,
        "form_bytes": form_bytes,
        "bytes_per_attempt": round(manifest.bytes / len(built.sitters)) + form_bytes,
        "backup_mb_per_s": round(manifest.bytes / 1e6 / seconds, 1),
    }


def _postgres(folder: Path, bench: Bench, size: Size, tell: Tell) -> list[Figure]:
    """Saves into PostgreSQL whose COMMIT waits for the disk, as the embedded database's does."""
    if not size.others:
        return []
    tell("saves into PostgreSQL")
    server = start_postgres(durable=True)
    if server is None:
        tell("no PostgreSQL here: not measured")
        return []
    try:
        url = server.create("bench")
        with installation(folder, attempts=size.others, database_url=url) as built:
            choose_answers(built)
            other = Bench(built, bench.ref_port, bench.ref_body, size.pairs, size.seconds)
            with serving(PRODUCT, built.environ) as port:
                run_load(
                    port, [loads.starts(built.sitters[index::CONNECTIONS]) for index in range(CONNECTIONS)]
                )
                figure = other.measure("postgres_save", [other.saves(port, CONNECTIONS)] * size.pairs)
            figure.lost = rows.lost_answers(other.ledger.saved)
        return _told([figure], tell)
    finally:
        server.stop()


def now_of(built: Installation) -> datetime:
    """Return the present instant of an installation's clock."""
    now: datetime = built.app.extensions["cbt_clock"].now()
    return now
