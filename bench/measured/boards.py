"""Proctors' boards."""

from __future__ import annotations

from bench.figures import Figure
from bench.measured.declaring import Bound, Group, Stage, Stand, Target


def board(stand: Stand) -> list[Figure]:
    """Measure the whole board of a room."""
    stand.tell("the board of a room")
    bench = stand.bench
    return [bench.measure("board", [bench.boards(stand.port)] * bench.pairs)]


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
)
