"""Proctors' boards."""

from __future__ import annotations

from collections import defaultdict
from statistics import median

from bench import rows
from bench.figures import Figure, percentile_ms
from bench.measured.declaring import NONE_LOST, Bound, Group, Stage, Stand, Target, most
from bench.traffic import loads
from bench.traffic.boards import with_boards
from bench.traffic.open_loop import Paced
from bench.traffic.paced import run_paced

SAVE_EVERY = 5.0
PAIRS = 5
"""In ten seconds a p99 is a matter of a hundred saves: one stall of the machine decides it, and a pair with it."""
SECONDS = 10.0
OPENING = 6.0
"""All boards are opened within two seconds, as after a restart; what that costs is told apart from open ones."""
REST = 6.0
"""Connecting everybody again takes a moment; the boards stay open until the last save."""


def board(stand: Stand) -> list[Figure]:
    """Measure the whole board of a room."""
    stand.tell("the board of a room")
    bench = stand.bench
    return [bench.measure("board", [bench.boards(stand.port)] * bench.pairs)]


def open_boards(stand: Stand) -> list[Figure]:
    """Measure candidates without boards, while the board of each of their rooms is opened, and with all open.

    In turn, PAIRS times: `of_alone` is the median of the pairs' ratios, what is due of all pairs counts together.
    """
    people, seconds = stand.size.of(5000, 400), min(SECONDS, stand.size.paced_seconds)
    built, pairs = stand.bench.built, stand.size.of(PAIRS, 1)
    opening, rest = stand.size.of(OPENING, 1.0), stand.size.of(REST, 1.0)
    chosen = built.sitters[:people]
    rooms = [built.rooms[index] for index in sorted({sitter.room for sitter in chosen})]
    stand.tell(f"{people} candidates, {pairs} x {seconds:.0f} s without and with {len(rooms)} boards open")
    ledger, figure = loads.Ledger(), Figure("boards_125")
    latencies: dict[str, list[float]] = defaultdict(list)
    ratios, unanswered = [], 0

    def save(seconds: float) -> Paced:
        return run_paced(stand.port, chosen, ledger, every=SAVE_EVERY, seconds=seconds)

    def opening_and_open() -> tuple[Paced, Paced]:
        return save(opening), save(seconds)

    for _ in range(pairs):
        alone = save(seconds)
        boards, (opened, saved) = with_boards(
            stand.port,
            rooms,
            built.proctor,
            opening=opening,
            seconds=opening + seconds + rest,
            meanwhile=opening_and_open,
        )
        figure.add(saved, None)
        figure.refused += boards.opening.refused + boards.open.refused + opened.refused
        unanswered += boards.open.unanswered
        latencies["alone"] += alone.latencies
        latencies["opening"] += opened.latencies
        latencies["boards"] += boards.open.latencies
        latencies["boards_opening"] += boards.opening.latencies
        without, beside_them = percentile_ms(alone.latencies, 0.99), percentile_ms(saved.latencies, 0.99)
        if without and beside_them:
            ratios.append(beside_them / without)
    figure.lost = rows.lost_answers(ledger.saved)
    figure.facts = {"candidates": people, "boards": len(rooms), "unanswered": unanswered}
    figure.facts |= {
        f"{name}_p99_ms": round(percentile_ms(found, 0.99) or 0, 1) for name, found in latencies.items()
    }
    if len(ratios) == pairs:  # nobody answered is no ratio of nought
        figure.facts["of_alone"] = round(median(ratios), 2)
    return [figure]


GROUPS = (
    Group(
        (
            Target(
                "board",
                "board of a room, 100 seats",
                "监考大屏，100 个机位",
                checked=True,
                twin=(Bound("of_embedded", 0.7, None),),
            ),
        ),
        Stage.OPEN,
        board,
        people=lambda size: size.of(100, 40),
    ),
    Group(
        (
            Target(
                "boards_125",
                "saves of 5,000 candidates, 125 boards open",
                "5,000 名考生保存，125 个监考大屏开着",
                (
                    most("p99_ms", 60, None),
                    most("of_alone", 1.5, None, ("p99 {:.2f} × alone", "p99 为无大屏时的 {:.2f} 倍")),
                    most("boards_p99_ms", 500, None, ("boards p99 {:.0f} ms", "大屏 p99 {:.0f} ms")),
                    NONE_LOST,
                ),
                paced=True,
            ),
        ),
        Stage.OPEN,
        open_boards,
        people=lambda size: size.of(5000, 400),
    ),
)
