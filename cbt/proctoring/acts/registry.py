"""Every act of a proctor, gathered from its module; a new module of acts is named here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

from cbt.errors import NotFound
from cbt.proctoring.acts import (
    alerts,
    door,
    gaps,
    gaps_together,
    granting,
    messages,
    moving,
    papers,
    presence,
    reports,
    violations,
)
from cbt.proctoring.acts.room import ending, evacuation, holding, relocating, starting
from cbt.proctoring.acts.undoing import taking_back
from cbt.proctoring.board.live import Board, RoomHead
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk.act import Act, BarPlace

_GROUPS = (
    door.ACTS,
    presence.ACTS,
    granting.ACTS,
    papers.ACTS,
    moving.ACTS,
    violations.ACTS,
    reports.ACTS,
    messages.ACTS,
    gaps.ACTS,
    gaps_together.ACTS,
    alerts.ACTS,
    starting.ACTS,
    holding.ACTS,
    evacuation.ACTS,
    relocating.ACTS,
    ending.ACTS,
)
_PLAIN = tuple(act for group in _GROUPS for act in group)
EVERY = (*_PLAIN, taking_back(_PLAIN))
ACTS = {act.code: act for act in EVERY}


def act_of(code: str) -> Act:
    """Return the act; raise NotFound for an unknown one."""
    if code not in ACTS:
        raise NotFound("proctoring.no_act")
    return ACTS[code]


def bar(*, started: bool) -> tuple[tuple[Act, ...], tuple[Act, ...]]:
    """Return what the bar offers for a selection: the usual acts, and those behind 更多."""
    return _BAR_RUNNING if started else _BAR_BEFORE


def offers(seat: SeatView, board: Board) -> list[str]:
    """Return the acts that apply to a seat now, of those the bar has."""
    return [act.code for group in bar(started=board.started) for act in group if not act.refuses(seat, board)]


def head_acts(head: RoomHead) -> tuple[tuple[Act, ...], tuple[Act, ...]]:
    """Return the acts that have a button in the board's head now, and apart from them those that stop a room."""
    shown = [(button, act) for button, act in _HEAD if button.shown(head)]
    return (
        tuple(act for button, act in shown if not button.apart),
        tuple(act for button, act in shown if button.apart),
    )


def _placed(place_of: Callable[[Act], BarPlace | None]) -> tuple[tuple[Act, ...], tuple[Act, ...]]:
    placed = [(place, act) for act in _PLAIN if (place := place_of(act)) is not None]
    placed.sort(key=lambda one: one[0].rank)
    return (
        tuple(act for place, act in placed if place.usual),
        tuple(act for place, act in placed if not place.usual),
    )


_BAR_BEFORE = _placed(lambda act: act.before)
_BAR_RUNNING = _placed(lambda act: act.running)
_HEAD = sorted(
    ((act.head, act) for act in _PLAIN if act.head is not None),
    key=lambda one: one[0].rank,
)
