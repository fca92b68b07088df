"""The room's log: what was written down, with what can be read off the attempts themselves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cbt.delivery.models import Gap
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.models import Incident
from cbt.rules.states.attempt import ClosedBy

# Closings by the room's staff are written down as incidents; these two happen by themselves.
_BY_ITSELF = frozenset({ClosedBy.CANDIDATE, ClosedBy.DEADLINE})


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line: `kind` names the catalogue's sentence, `params` fill it."""

    at: datetime
    kind: str
    params: tuple[tuple[str, str], ...]


def incident_line(incident: Incident) -> LogLine:
    """Return the line of one incident."""
    params: dict[str, str] = json.loads(incident.params)
    return LogLine(incident.at, incident.kind, tuple(sorted(params.items())))


def log_lines(
    incidents: Sequence[Incident], seats: Sequence[SeatView], gaps: Sequence[Gap], *, limit: int
) -> tuple[LogLine, ...]:
    """Return the newest lines: incidents, 交卷 and 到时收卷, connections lost and found again."""
    by_attempt = {seat.attempt_id: seat for seat in seats}
    lines = [incident_line(incident) for incident in incidents]
    for seat in seats:
        if seat.closed_at is not None and seat.closed_by in _BY_ITSELF:
            lines.append(LogLine(seat.closed_at, f"closed_{seat.closed_by}", _who(seat)))
    for gap in gaps[:limit]:
        if (lost := by_attempt.get(gap.attempt_id)) is not None:
            lines.append(LogLine(gap.to_at, "connected", _who(lost)))
            lines.append(LogLine(gap.from_at, "lost", _who(lost)))
    return tuple(sorted(lines, key=lambda line: line.at, reverse=True)[:limit])


def _who(seat: SeatView) -> tuple[tuple[str, str], ...]:
    return (("name", seat.name), ("seat", seat.label))
