"""All figures of one run, in the order of an exam: the page, starts, saves, hand-ins, closing, scoring."""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Error as BrowserError

from bench import rows
from bench.answer_page.news import measure_news
from bench.answer_page.opening import LOADS, measure_runner_page
from bench.figures import CONNECTIONS, Bench, Figure
from bench.installation import Installation, choose_answers, installation
from bench.published.report import machine
from bench.served import measure_handed_in, measure_paced, measure_served
from bench.servers.serve import PRODUCT, REF, REPLY_VARIABLE, Server, running, serving
from bench.sizes import WARM_UP_STARTS, Size, Tell, told
from bench.traffic import loads
from bench.traffic.client import Exchange, request_bytes, run_load
from bench.traffic.paced import allow_files
from cbt.config import read_settings
from cbt.delivery.close.sweeps import expire_overdue
from cbt.ops.safety.backup import back_up
from cbt.rules.states.attempt import State
from cbt.scoring.service import score_closed, verify_sitting
from tests.databases import start_postgres


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
                figures = measure_served(bench, server, size, tell)
                figures += [] if only_steady else measure_paced(bench, server, size, tell)
                figures += [] if only_steady else measure_news(bench, server, tell)
                figures += measure_handed_in(bench, server, size, tell)
            figures += _swept(bench, size, tell, only_steady=only_steady) + page
            facts = sizes | _stored(built, folder)
        figures += _postgres(folder / "postgres", bench, size, tell)
    return {
        "machine": machine(),
        "ref_per_s": round(median(bench.ref_rates), 1),
        "figures": {figure.name: figure.as_json() for figure in figures},
        "facts": facts,
    }


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
    return told([figure], tell)


def _swept(bench: Bench, size: Size, tell: Tell, *, only_steady: bool) -> list[Figure]:
    """Everybody's time is up at one instant; then the whole sitting is scored again from the journal."""

    def close_and_score() -> int:
        now = bench.built.now()
        return min(expire_overdue(now=now), score_closed(now=now))

    def rescore() -> int:
        return sum(1 for one in verify_sitting(bench.built.sitting_ref) if one.ok)

    def closing(name: str, people: int) -> Figure:
        tell(f"{people} deadlines at once")
        rows.set_aside(now=bench.built.now())
        figure = bench.in_process(
            name, close_and_score, before=lambda: rows.make_due(now=bench.built.now(), most=people)
        )
        figure.lost = people - rows.count_in(State.SCORED)
        told([figure], tell)
        return figure

    figures = [closing("close_5000", size.due[0])]
    figures += [] if only_steady else [closing("close_10000", size.due[1])]
    rows.set_aside(now=bench.built.now())
    rows.make_due(now=bench.built.now(), most=size.rescored)
    close_and_score()
    tell(f"rescoring {size.rescored}")
    rescoring = bench.in_process("rescore", rescore, before=lambda: None)
    rescoring.lost = size.rescored - rescore()
    return [*figures, *told([rescoring], tell)]


def _stored(built: Installation, folder: Path) -> dict[str, float]:
    """What is on disk for each candidate, and how fast a backup of it is made.

    The bench shares a few forms among all; in an exam everybody has one of their own, so it is added.
    """
    settings = read_settings(built.environ)
    began = time.perf_counter()
    _, manifest = back_up(settings, folder / "backups", now=built.now())
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
        return told([figure], tell)
    finally:
        server.stop()
