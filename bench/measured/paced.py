"""Open loops: halls of candidates that save at times of their own, whatever becomes of the server."""

from __future__ import annotations

from collections.abc import Sequence

from bench import rows
from bench.figures import Figure
from bench.measured.declaring import NONE_LOST, Group, Stage, Stand, Target, most
from bench.traffic import loads
from bench.traffic.paced import Event, run_paced

SAVE_EVERY = 5.0
KILLED_SECONDS = 40.0


def few(stand: Stand) -> list[Figure]:
    """Measure 10,000 candidates."""
    return [_run("candidates_10000", stand, stand.size.paced[0], stand.size.paced_seconds)]


def many(stand: Stand) -> list[Figure]:
    """Measure 15,000 candidates."""
    return [_run("candidates_15000", stand, stand.size.paced[1], stand.size.paced_seconds)]


def killed(stand: Stand) -> list[Figure]:
    """Measure 10,000 candidates whose server is killed, in part and as a whole."""
    seconds, server = min(KILLED_SECONDS, stand.size.paced_seconds), stand.server
    kills = [(seconds / 4, server.kill_worker), (seconds / 2, server.kill_and_restart)]
    return [_run("candidates_killed", stand, stand.size.paced[0], seconds, kills)]


def _run(name: str, stand: Stand, people: int, seconds: float, events: Sequence[Event] = ()) -> Figure:
    stand.tell(f"{people} candidates for {seconds:.0f} s" + (", the server killed" if events else ""))
    ledger, figure = loads.Ledger(), Figure(name)
    chosen = stand.bench.built.sitters[:people]
    paced = run_paced(stand.port, chosen, ledger, every=SAVE_EVERY, seconds=seconds, events=events)
    figure.add(paced, None)
    figure.lost = rows.lost_answers(ledger.saved)
    figure.facts = {"candidates": people, "acknowledged": paced.done, "unanswered": paced.unanswered}
    if events:
        figure.facts |= {"broken": paced.broken, "ready_s": round(max(paced.ready_seconds, default=0), 2)}
    return figure


GROUPS = (
    Group(
        (
            Target(
                "candidates_10000",
                "10,000 candidates, a save each 5 s",
                "1 万名考生，每人 5 秒保存一次",
                (most("p99_ms", 50, None), NONE_LOST),
                paced=True,
            ),
        ),
        Stage.OPEN,
        few,
        people=lambda size: size.paced[0],
    ),
    Group(
        (
            Target(
                "candidates_15000",
                "15,000 candidates, a save each 5 s",
                "1.5 万名考生，每人 5 秒保存一次",
                (most("p99_ms", None, 50), NONE_LOST),
                paced=True,
            ),
        ),
        Stage.OPEN,
        many,
        people=lambda size: size.paced[1],
    ),
    Group(
        (
            Target(
                "candidates_killed",
                "10,000 candidates, server killed twice",
                "1 万名考生，途中两次强杀服务器",
                (NONE_LOST,),
                paced=True,
            ),
        ),
        Stage.OPEN,
        killed,
        people=lambda size: size.paced[0],
    ),
)
