"""What staff did, seen on open pages; and what their waiting requests cost the saves.

Source: R-13, R-25.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from statistics import median

from sqlalchemy import select

from bench import rows
from bench.figures import CONNECTIONS, Bench, Figure
from bench.installation import Sitter
from bench.measured.declaring import NONE_LOST, Bound, Group, Stage, Target, most
from bench.servers.serve import Server
from bench.sizes import Tell
from bench.traffic import loads
from bench.traffic.client import Load, run_load
from bench.traffic.parked import parked
from cbt.rehearsal.http_client import percentile_ms
from cbt.runner.attempt_changes import refresh_clocks
from cbt.runner.models import Attempt
from cbt.sittings.models import SittingRoom
from cbt.sittings.room_clock import adjust_room
from cbt.storage.unit_of_work import unit_of_work

PAGES = 100
MANY_PAGES = 1000

LONGEST = 10.0
"""What is not seen after so long is counted as lost."""
ACTOR = "staff:bench"


def measure_acts(bench: Bench, server: Server, tell: Tell) -> list[Figure]:
    """Measure how soon acts of a room reach its 100 open pages."""
    tell(f"acts seen on {PAGES} open pages")
    return [_acts(bench, server, bench.built.sitters[:PAGES])]


def measure_beside(bench: Bench, server: Server, tell: Tell) -> list[Figure]:
    """Measure saves beside 100 and 1,000 waiting pages and without them, in turn."""
    tell(f"saves beside {PAGES} and {MANY_PAGES} open pages")
    sitters = bench.built.sitters
    return [
        _beside("save_news", bench, server, sitters, PAGES, pairs=2 * bench.pairs),
        _beside("save_news_1000", bench, server, sitters, min(MANY_PAGES, len(sitters)), pairs=bench.pairs),
    ]


def _acts(bench: Bench, server: Server, chosen: Sequence[Sitter]) -> Figure:
    """Give the room of these candidates a second more, again and again; a latency is that of one page."""
    figure = Figure("news")
    with parked(server.port, chosen) as pages:
        for _ in range(2 * bench.pairs):
            pages.heard.clear()
            began = time.monotonic()
            done = _give(bench, chosen[0])
            while len(pages.heard) < len(chosen) and time.monotonic() < done + LONGEST:
                time.sleep(0.02)
            heard = pages.heard[: len(chosen)]
            load = Load(done=len(heard), seconds=max(heard, default=done) - began)
            load.latencies = [max(0.0, at - done) for at in heard]
            figure.add(load, None)
            figure.lost += len(chosen) - len(heard)
        figure.refused += pages.refused
    figure.facts = {
        "pages": len(chosen),
        "p95_ms": round(percentile_ms(figure.latencies, 0.95) or 0, 1),
    }
    return figure


def _give(bench: Bench, sitter: Sitter) -> float:
    """Give the room of a sitter a second; return when it was committed."""
    now = bench.built.now()
    with unit_of_work() as session:
        room_id = session.scalar(select(Attempt.sitting_room_id).where(Attempt.id == sitter.attempt_id))
        assert room_id is not None
        adjust_room(
            session,
            session.get_one(SittingRoom, room_id),
            now=now,
            amount=timedelta(seconds=1),
            kind="general",
            reason_code="other",
            reason="延时",
            actor=ACTOR,
        )
        refresh_clocks(session, now=now, sitting_room_id=room_id)
    return time.monotonic()


def _beside(
    name: str, bench: Bench, server: Server, sitters: Sequence[Sitter], pages: int, *, pairs: int
) -> Figure:
    """Measure saves beside so many pages; `of_alone` is the median of the pairs' ratios."""
    figure, ledger = Figure(name), loads.Ledger()
    ratios = []

    def run() -> Load:
        lines = min(CONNECTIONS, len(sitters))
        sources = [loads.saves(sitters[index::lines], ledger) for index in range(lines)]
        return run_load(server.port, sources, seconds=bench.seconds)

    run()
    for pair in range(pairs):
        ref_per_s = bench.ref()
        alone = run() if pair % 2 else None
        with parked(server.port, sitters[:pages]) as waiting:
            beside = run()
        figure.refused += waiting.refused
        alone = alone or run()
        figure.add(beside, ref_per_s)
        ratios.append(beside.per_s / alone.per_s)
    figure.lost = rows.lost_answers(ledger.saved)
    figure.facts = {"pages": pages, "of_alone": round(median(ratios), 3)}
    return figure


GROUPS = (
    Group(
        (
            Target(
                "news",
                "acts of staff, seen on 100 open pages",
                "监考操作，在 100 个答题页上看到",
                (most("p95_ms", 2000, 1000), NONE_LOST),
                paced=True,
            ),
        ),
        Stage.OPEN,
        lambda stand: measure_acts(stand.bench, stand.server, stand.tell),
        people=lambda size: size.of(100, 40),
    ),
    Group(
        (
            Target(
                "save_news",
                "saves beside 100 pages that wait for news",
                "保存，同时有 100 个页面等候消息",
                (Bound("of_alone", 0.95, 0.98), NONE_LOST),
            ),
            Target(
                "save_news_1000",
                "saves beside 1,000 pages that wait for news",
                "保存，同时有 1000 个页面等候消息",
                (Bound("of_alone", None, 0.95), NONE_LOST),
            ),
        ),
        Stage.OPEN,
        lambda stand: measure_beside(stand.bench, stand.server, stand.tell),
        people=lambda size: size.of(MANY_PAGES, 100),
    ),
)
