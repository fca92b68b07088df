"""The figures of a server that runs: starts, saves, the board, the open loops, hand-ins."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from bench import rows
from bench.besieged import measure_besieged
from bench.figures import CONNECTIONS, MANY_CONNECTIONS, Bench, Figure
from bench.servers.serve import SLOW, Server, serving
from bench.sizes import WARM_UP_STARTS, Size, Tell, told
from bench.traffic import loads
from bench.traffic.paced import Event, run_paced

SAVE_EVERY = 5.0
KILLED_SECONDS = 40.0
BESIEGED_SECONDS = 6.0


def measure_served(bench: Bench, server: Server, size: Size, tell: Tell) -> list[Figure]:
    """Measure starts, then saves into full journals beside those of a slow disk, then a proctor's board."""
    sitters, port = bench.built.sitters, server.port
    tell(f"starts: {size.pairs} × {size.starts}")
    shared = sitters[WARM_UP_STARTS : WARM_UP_STARTS + size.pairs * size.starts]
    start = bench.measure("start", bench.shares(port, shared, loads.starts))
    unopened = [sitter for sitter in sitters if not sitter.lease]
    if unopened:
        rows.open_as(sitters[0], unopened, now=bench.built.now())
    start.lost = rows.lost_starts(sitters)
    tell(f"filling {len(sitters)} journals")
    rows.fill_journals(sitters, now=bench.built.now())
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
    told([*saved, start], tell)
    board = bench.measure("board", [bench.boards(port)] * bench.pairs)
    return [*saved, start, *told([board], tell)]


def measure_paced(bench: Bench, server: Server, size: Size, tell: Tell) -> list[Figure]:
    """Measure the open loops, one of them with its server killed, and saves beside half-sent bodies."""
    few, many = size.paced
    killed_seconds = min(KILLED_SECONDS, size.paced_seconds)
    kills = [(killed_seconds / 4, server.kill_worker), (killed_seconds / 2, server.kill_and_restart)]
    tell("500 candidates beside 2,000 half-sent bodies")
    besieged = measure_besieged(bench, server, seconds=min(BESIEGED_SECONDS, size.paced_seconds))
    return [
        *told([besieged], tell),
        _paced_run("candidates_10000", bench, server, few, size.paced_seconds, (), tell),
        _paced_run("candidates_15000", bench, server, many, size.paced_seconds, (), tell),
        _paced_run("candidates_killed", bench, server, few, killed_seconds, kills, tell),
    ]


def _paced_run(
    name: str, bench: Bench, server: Server, people: int, seconds: float, events: Sequence[Event], tell: Tell
) -> Figure:
    tell(f"{people} candidates for {seconds:.0f} s" + (", the server killed" if events else ""))
    ledger = loads.Ledger()
    ref_per_s = bench.ref()
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
    told([figure], tell)
    return figure


def measure_handed_in(bench: Bench, server: Server, size: Size, tell: Tell) -> list[Figure]:
    """Measure hand-ins of those whose papers were opened."""
    tell("hand-ins")
    sitters = bench.built.sitters[: size.pairs * size.starts]
    runs = bench.shares(server.port, sitters, lambda share: loads.submits(share, bench.ledger))
    submit = bench.measure("submit", runs)
    submit.lost = rows.lost_receipts(bench.ledger.receipts)
    return told([submit], tell)
