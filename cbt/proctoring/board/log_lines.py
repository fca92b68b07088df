"""The room's log: what was written down, with what can be read off the attempts themselves.

What was done to many at once, or befell them together, is one line with the list behind it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cbt.delivery.models import Gap
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.models import Incident
from cbt.rules.states.attempt import ClosedBy

# Closings by the room's staff are written down as incidents; these two happen by themselves.
_BY_ITSELF = frozenset({ClosedBy.CANDIDATE, ClosedBy.DEADLINE})
_WHO = frozenset({"name", "seat"})
TOGETHER = timedelta(seconds=60)
"""Connections that are lost, or come back, within this of each other are told as one event."""
_CONNECTIONS = frozenset({"lost", "connected"})

Params = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class LogPerson:
    """One of those a line is about: their seat and name, and what differs from the others'."""

    seat: str
    name: str
    own: Params = ()


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line: `kind` names the catalogue's sentence, `params` fill it; `people` where it is about several."""

    at: datetime
    kind: str
    params: Params
    people: tuple[LogPerson, ...] = ()


def incident_line(incident: Incident) -> LogLine:
    """Return the line of one incident."""
    params: dict[str, str] = json.loads(incident.params)
    return LogLine(incident.at, incident.kind, tuple(sorted(params.items())))


def log_lines(
    incidents: Sequence[Incident], seats: Sequence[SeatView], gaps: Sequence[Gap], *, limit: int
) -> tuple[LogLine, ...]:
    """Return the newest lines: incidents, 交卷 and 到时收卷, connections lost and found again.

    `incidents` are the newest of a room, as many as `rows_for` says; what the last of them belongs to may be cut.
    """
    whole = rows_for(len(seats), limit)
    by_attempt = {seat.attempt_id: seat for seat in seats}
    lines = [incident_line(incident) for incident in _uncut(incidents, whole)]
    for seat in seats:
        if seat.closed_at is not None and seat.closed_by in _BY_ITSELF:
            lines.append(LogLine(seat.closed_at, f"closed_{seat.closed_by}", _who(seat)))
    for gap in gaps[:whole]:
        if (lost := by_attempt.get(gap.attempt_id)) is not None:
            lines.append(LogLine(gap.to_at, "connected", _who(lost)))
            lines.append(LogLine(gap.from_at, "lost", _who(lost)))
    return tuple(_together(sorted(lines, key=lambda line: line.at, reverse=True))[:limit])


def rows_for(seats: int, limit: int) -> int:
    """Return how many rows of the log are read for `limit` lines: two acts on a whole room more."""
    return limit + 2 * seats


def _uncut(incidents: Sequence[Incident], whole: int) -> Sequence[Incident]:
    """Leave out the oldest act where more of it may not have been read: its count would be wrong."""
    if len(incidents) < whole or incidents[0].at == incidents[-1].at:
        return incidents
    return [one for one in incidents if one.at != incidents[-1].at]


def _together(lines: Iterable[LogLine]) -> list[LogLine]:
    """Join the lines of people that one act, or one cut, touched; the newest stands for all of them."""
    groups: list[list[LogLine]] = []
    latest: dict[str, list[LogLine]] = {}
    for line in lines:
        group = latest.get(line.kind)
        if group is not None and _same(group[0], line):
            group.append(line)
            continue
        groups.append([line])
        latest[line.kind] = groups[-1]
    return [_joined(group) for group in groups]


def _same(first: LogLine, line: LogLine) -> bool:
    if not {name for name, _ in line.params} >= _WHO:
        return False
    if line.kind in _CONNECTIONS:
        return first.at - line.at <= TOGETHER
    return first.at == line.at


def _joined(group: Sequence[LogLine]) -> LogLine:
    if len(group) == 1:
        return group[0]
    first = group[0]
    common = set(first.params).intersection(*(line.params for line in group[1:]))
    people = []
    for line in group:
        params = dict(line.params)
        own = tuple(one for one in line.params if one not in common and one[0] not in _WHO)
        people.append(LogPerson(params["seat"], params["name"], own))
    varied = {name: "" for line in group for name, _ in line.params if name not in _WHO}
    shared = tuple(sorted((varied | dict(common)).items()))
    return LogLine(first.at, first.kind, shared, tuple(sorted(people, key=lambda one: one.seat)))


def _who(seat: SeatView) -> Params:
    return (("name", seat.name), ("seat", seat.label))
