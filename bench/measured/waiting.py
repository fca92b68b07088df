"""Those who wait: their question, a hall of 2,000, and 统一开考, when all of them open their papers."""

from __future__ import annotations

import time

from sqlalchemy import select

from bench.figures import CONNECTIONS, Figure
from bench.measured.declaring import NONE_LOST, NONE_REFUSED, Bound, Group, Stage, Stand, Target, most
from bench.sizes import Size
from bench.traffic import waiting
from bench.traffic.client import Load, run_load
from bench.traffic.open_loop import Paced
from bench.traffic.paced import allow_files
from cbt.demo.world import ACTOR
from cbt.sittings.models import SittingRoom
from cbt.sittings.room_clock import start_room
from cbt.storage.unit_of_work import unit_of_work

CONNECTED = 3
"""A page that waits has two connections, and a question of the open loop one more."""
ASKS_SECONDS, BEATS_SECONDS = 2.0, 10.0
"""How often a page asks that cannot wait, and one whose other request waits."""


def people(size: Size) -> int:
    """Return how many wait."""
    return size.of(2000, 200)


def measure(stand: Stand) -> list[Figure]:
    """Measure the question, then a hall that waits as its pages do, one whose requests the server does not let wait
    (its pages fall back on asking), and its opening, which ends the waiting."""
    sitters = stand.bench.built.sitters[: people(stand.size)]
    allow_files(CONNECTED * len(sitters))
    seconds = stand.size.of(10.0, 2.0)

    def ask() -> Load:
        sources = [waiting.polls(sitters[index::CONNECTIONS]) for index in range(CONNECTIONS)]
        return run_load(stand.port, sources, seconds=stand.size.seconds)

    def wait(*, parked: bool) -> Paced:
        every = BEATS_SECONDS if parked else ASKS_SECONDS
        return waiting.run_waiting(stand.port, sitters, every=every, seconds=seconds, parked=parked)

    stand.tell("the waiting room's question")
    ask()
    figures = [stand.bench.measure("wait_poll", [ask] * stand.size.pairs)]
    stand.tell(f"{len(sitters)} wait")
    for name, parked in (("wait_2000", True), ("wait_2000_asking", False)):
        figures.append(_paced(name, wait(parked=parked)))
    stand.tell(f"{len(sitters)} begin together")
    opening = _paced("opening_2000", waiting.run_opening(stand.port, sitters, lambda: _begin(stand)))
    opening.facts["last_s"] = round(max(opening.latencies, default=0.0), 2)
    return [*figures, opening]


def _paced(name: str, load: Paced) -> Figure:
    figure = Figure(name, lost=load.unanswered)
    figure.add(load, None)
    figure.facts["broken"] = load.broken
    return figure


def _begin(stand: Stand) -> float:
    """Start every room at one instant; return when."""
    with unit_of_work() as session:
        now = stand.bench.built.now()
        for room in session.scalars(select(SittingRoom).where(SittingRoom.started_at.is_(None))).all():
            start_room(session, room, now=now, actor=ACTOR)
    return time.perf_counter()


GROUPS = (
    Group(
        (
            Target(
                "wait_poll",
                "question of those who wait, 100 connections",
                "候考页询问，100 个连接",
                (Bound("ratio", 0.40, 0.80),),
                checked=True,
                twin=(Bound("of_embedded", 0.7, None),),
            ),
            Target(
                "wait_2000",
                "2,000 wait, as their pages do",
                "2000 人候考，按页面实际方式",
                (most("p99_ms", 60, 30), NONE_LOST, NONE_REFUSED),
                paced=True,
            ),
            Target(
                "wait_2000_asking",
                "2,000 wait and can only ask, each 2 s",
                "2000 人候考，只能每人 2 秒询问一次",
                (most("p99_ms", 60, 30), NONE_LOST, NONE_REFUSED),
                paced=True,
            ),
            Target(
                "opening_2000",
                "统一开考 of 2,000: the last paper open",
                "2000 人统一开考：最后一份试卷打开",
                (
                    most("last_s", 4, 2, ("last {:.1f} s", "最后一份 {:.1f} 秒")),
                    NONE_LOST,
                    NONE_REFUSED,
                ),
                paced=True,
            ),
        ),
        Stage.WAITING,
        measure,
        people=people,
    ),
)
