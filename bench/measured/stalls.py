"""The saves of a hall during and after ten seconds in which nobody can write: how soon they are as quick as before.

Source: R-27; I1, I14.
"""

from __future__ import annotations

import fcntl
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import func, select

from bench import rows
from bench.figures import Figure
from bench.measured.declaring import NONE_LOST, Group, Stage, Stand, Target, most
from bench.traffic import loads
from bench.traffic.paced import run_paced
from cbt.rehearsal.http_client import percentile_ms
from cbt.rules.violations import OUTAGE
from cbt.runner.models import JournalEntry
from cbt.sittings.models import RoomAdjustment, ServerHeartbeat
from cbt.storage.engine import GATE_NAME
from cbt.storage.unit_of_work import reading

CANDIDATES = 5000
SAVE_EVERY = 5.0
STALL_SECONDS = 10.0
BEFORE_SECONDS, AFTER_SECONDS = 10.0, 30.0
WINDOW_SECONDS = 1.0
AS_USUAL = 2.0
"""So many times the p99 from before the stall is as quick as before."""
IN_A_ROW = 3
"""It counts from the first of so many windows that all are: one lucky second is no recovery."""
PLAIN_URL = "postgresql+psycopg://"
WRITTEN = f"{JournalEntry.__tablename__}, {ServerHeartbeat.__tablename__}"


def measure(stand: Stand) -> list[Figure]:
    """Measure 5,000 candidates before, during and after a stall of everything that writes.

    `back_s`: seconds from the end of the stall until the p99 of the saves that were due since is at most twice that
    from before it. `outages`: how many gaps in the heartbeat were given back; one stall is one.
    """
    before, after = stand.size.of((BEFORE_SECONDS, AFTER_SECONDS), (2.0, 8.0))
    stall = stand.size.of(STALL_SECONDS, 4.0)
    chosen = stand.bench.built.sitters[:CANDIDATES]
    stand.tell(f"{len(chosen)} candidates, nobody writes for {stall:.0f} s")
    ledger, figure, outages = loads.Ledger(), Figure("after_a_stall"), _outages()
    with ExitStack() as stack:
        held = stack.enter_context(ExitStack())
        events = [
            (before, lambda: held.enter_context(nobody_writes(stand.bench.built.environ))),
            (before + stall, held.close),
        ]
        paced = run_paced(
            stand.port,
            chosen,
            ledger,
            every=SAVE_EVERY,
            seconds=before + stall + after,
            events=events,
            as_pages=True,
        )
    saves = [*zip(paced.due_at, paced.latencies, strict=True), *((due, math.inf) for due in paced.never_at)]
    usual = percentile_ms([took for due, took in saves if due < before - WINDOW_SECONDS], 0.99) or 0.0
    figure.add(paced, None)
    figure.lost = rows.lost_answers(ledger.saved)
    figure.facts = {
        "candidates": len(chosen),
        "back_s": seconds_until_usual(
            saves, since=before + stall, until=before + stall + after, usual_ms=usual
        ),
        "usual_p99_ms": round(usual, 1),
        "turned_away": len(paced.turned_away_at),
        "given_up": paced.given_up,
        "unanswered": paced.unanswered,
        "outages": _outages() - outages,
    }
    return [figure]


def seconds_until_usual(
    saves: Sequence[tuple[float, float]], *, since: float, until: float, usual_ms: float
) -> float:
    """Return how long after `since` saves are as quick as usual again; `until` - `since` when they never are.

    `saves` are (when it was due, how long it took), in seconds.
    """
    count = int((until - since) / WINDOW_SECONDS)
    windows: list[list[float]] = [[] for _ in range(count)]
    for due, took in saves:
        if since <= due < since + count * WINDOW_SECONDS:
            windows[int((due - since) / WINDOW_SECONDS)].append(took)
    quick = [(percentile_ms(window, 0.99) or 0.0) <= AS_USUAL * usual_ms for window in windows]
    first = next((n for n in range(count - IN_A_ROW + 1) if all(quick[n : n + IN_A_ROW])), count)
    return first * WINDOW_SECONDS


@contextmanager
def nobody_writes(environ: dict[str, str]) -> Iterator[None]:
    """Keep everybody else from writing for the length of the block: the gate is held, or the journal's table."""
    url = environ["CBT_DATABASE_URL"]
    if url:
        with psycopg.connect(url.replace(PLAIN_URL, "postgresql://")) as connection:
            connection.execute(f"LOCK TABLE {WRITTEN} IN EXCLUSIVE MODE")
            yield
        return
    gate = os.open(Path(environ["CBT_DATA_DIR"]) / GATE_NAME, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(gate, fcntl.LOCK_EX)
        yield
    finally:
        os.close(gate)


def _outages() -> int:
    with reading() as session:
        query = select(func.count(RoomAdjustment.at.distinct())).where(RoomAdjustment.reason == OUTAGE)
        return session.scalar(query) or 0


GROUPS = (
    Group(
        (
            Target(
                "after_a_stall",
                "5,000 candidates after nobody could write for 10 s",
                "5000 名考生，全部写入停顿 10 秒之后",
                (most("back_s", 10, 5), most("outages", 1, None), NONE_LOST),
                paced=True,
                twin=(most("back_s", 10, 5), most("outages", 1, None), NONE_LOST),
            ),
        ),
        Stage.OPEN,
        measure,
        people=lambda size: size.of(CANDIDATES, 100),
        whole_twin=True,
    ),
)
