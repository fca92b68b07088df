"""Deadlines that come at one instant, and the whole sitting scored again from the journal."""

from __future__ import annotations

from bench import rows
from bench.figures import Figure
from bench.measured.declaring import NONE_LOST, Bound, Group, Stage, Stand, Target, most
from cbt.rules.states import State
from cbt.runner.close.closure import expire_overdue
from cbt.scoring.service import cores, score_closed, verify_sitting


def few(stand: Stand) -> list[Figure]:
    """Measure 5,000 deadlines."""
    return [_closing("close_5000", stand, stand.size.due[0])]


def many(stand: Stand) -> list[Figure]:
    """Measure 10,000 deadlines."""
    return [_closing("close_10000", stand, stand.size.due[1])]


def rescoring(stand: Stand) -> list[Figure]:
    """Measure what `cbt score verify` does."""
    bench, people = stand.bench, stand.size.rescored
    rows.set_aside(now=bench.built.now())
    rows.make_due(now=bench.built.now(), most=people)
    _close_and_score(stand)
    stand.tell(f"rescoring {people}")

    def rescore() -> int:
        return sum(1 for one in verify_sitting(bench.built.sitting_ref, processes=cores()) if one.ok)

    figure = bench.in_process("rescore", rescore, before=lambda: None)
    figure.lost = people - rescore()
    return [figure]


def _close_and_score(stand: Stand) -> int:
    now = stand.bench.built.now()
    return min(expire_overdue(now=now), score_closed(now=now))


def _closing(name: str, stand: Stand, people: int) -> Figure:
    """Everybody's time is up at one instant."""
    stand.tell(f"{people} deadlines at once")
    built = stand.bench.built
    rows.set_aside(now=built.now())
    figure = stand.bench.in_process(
        name,
        lambda: _close_and_score(stand),
        before=lambda: rows.make_due(now=built.now(), most=people),
    )
    figure.lost = people - rows.count_in(State.SCORED)
    return figure


GROUPS = (
    Group(
        (
            Target(
                "close_5000",
                "5,000 deadlines at once: closed, scored",
                "5000 份同时到时：收卷并评分",
                (most("seconds", 4, None), NONE_LOST),
                checked=True,
            ),
        ),
        Stage.STOPPED,
        few,
        people=lambda size: size.due[0],
    ),
    Group(
        (
            Target(
                "close_10000",
                "10,000 deadlines at once: closed, scored",
                "1 万份同时到时：收卷并评分",
                (most("seconds", None, 5), NONE_LOST),
            ),
        ),
        Stage.STOPPED,
        many,
        people=lambda size: size.due[1],
    ),
    Group(
        (
            Target(
                "rescore",
                "rescoring with evidence",
                "带凭据重新评分",
                (Bound("per_s", 3000, 6000),),
                checked=True,
            ),
        ),
        Stage.STOPPED,
        rescoring,
        people=lambda size: size.rescored,
    ),
)
