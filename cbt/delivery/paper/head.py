"""What a page is told of a paper beside its items: its sections and units, what it allows, how it is timed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cbt.delivery.paper.layout import Position
from cbt.rules.exam.paper import Paper
from cbt.rules.exam.tools import offered
from cbt.rules.states.attempt import State


def head(
    title: str,
    paper: Paper,
    positions: Sequence[Position],
    tools: Sequence[str],
    *,
    state: str,
    open_unit: int | None,
) -> dict[str, Any]:
    """Return what a page is told of a paper beside its items; `tools` are the candidate's own."""
    return {
        "title": title,
        "calculator": paper.calculator,
        "tools": offered(paper.tools, tools),
        "keys": True,
        "lock_down": paper.lock_down,
        "timing": timing_of(paper),
        "unused_time": paper.clock.unused_time if paper.windows else None,
        "sections": sections(positions, paper),
        "units": units(positions, paper, state, open_unit),
    }


def timing_of(paper: Paper) -> str:
    """Return how a paper is timed: by strict windows, its units out of one pool, or as a whole."""
    if paper.windows:
        return "strict"
    return "pooled" if paper.units else "none"


def sections(positions: Sequence[Position], paper: Paper) -> list[dict[str, Any]]:
    """Return the sections in order, with their first and last positions."""
    ends = _ends((one.section, one.position) for one in positions if one.section is not None)
    return [
        {
            "name": section.name,
            "type": section.type.value,
            "first": ends[index][0],
            "last": ends[index][1],
            "points_each": str(section.points_each),
        }
        for index, section in enumerate(paper.sections)
    ]


def units(
    positions: Sequence[Position], paper: Paper, state: str, open_unit: int | None
) -> list[dict[str, Any]]:
    """Return the units in order; a paper whose sections carry their own minutes shows them as units too."""
    parts: Sequence[Any] = paper.units or (paper.sections if paper.windows else ())
    if not parts:
        return []
    by_unit = bool(paper.units)
    ends = _ends(((one.unit or 0) if by_unit else (one.section or 0) + 1, one.position) for one in positions)
    return [
        {
            "number": number,
            "name": part.name,
            "minutes": int(part.minutes.total_seconds() // 60),
            "points": str(part.points),
            "state": _unit_state(number, paper, state, open_unit),
            "first": ends[number][0],
            "last": ends[number][1],
        }
        for number, part in enumerate(parts, 1)
    ]


def _ends(places: Iterable[tuple[int, int]]) -> dict[int, tuple[int, int]]:
    """Return the first and the last position of each group; positions come in order."""
    ends: dict[int, tuple[int, int]] = {}
    for group, position in places:
        ends[group] = (ends[group][0] if group in ends else position, position)
    return ends


def _unit_state(number: int, paper: Paper, state: str, open_unit: int | None) -> str:
    if not paper.windows:
        return "open"
    if state == State.UNITS_DONE or open_unit is None or number < open_unit:
        return "past"
    return "open" if number == open_unit else "locked"
