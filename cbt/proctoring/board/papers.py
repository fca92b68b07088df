"""The papers of a room with the one end time the board shows for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from cbt.delivery.facts import RoomFacts
from cbt.exams.store import blueprint_of
from cbt.rules.clock.facts import Facts
from cbt.rules.clock.windows import clock_at

PaperKey = tuple[int, str]


@dataclass(frozen=True, slots=True)
class PaperLine:
    """A paper of the room with the one end time the board shows for it (None: not started, or held)."""

    key: PaperKey
    label: str
    duration: timedelta
    total: int
    units: int
    closes_at: datetime | None


def papers_of(session: Session, rows: Sequence[Any]) -> dict[PaperKey, PaperLine]:
    """Return the papers of `rows` of the board, without their ends: blueprint version and paper -> its line."""
    lines: dict[PaperKey, PaperLine] = {}
    for row in rows:
        key = (row.blueprint_version_id, row.paper)
        if key in lines:
            continue
        blueprint = blueprint_of(session, row.blueprint_version_id)
        paper = blueprint.papers[row.paper]
        lines[key] = PaperLine(
            key=key,
            label=f"{blueprint.level_name} {paper.label}",
            duration=paper.duration,
            total=sum(section.count for section in paper.sections),
            units=len(paper.units),
            closes_at=None,
        )
    return lines


def with_ends(
    papers: Mapping[PaperKey, PaperLine], facts: RoomFacts, *, now: datetime
) -> dict[PaperKey, PaperLine]:
    """Return papers with the ends they have in a room at `now`."""
    return {
        key: replace(line, closes_at=end_of(line.duration, facts, now=now)) for key, line in papers.items()
    }


def end_of(duration: timedelta, facts: RoomFacts, *, now: datetime) -> datetime | None:
    """Return when a paper of `duration` ends for somebody with no time of their own (R-20)."""
    if facts.started_at is None:
        return None
    clock = clock_at(
        Facts(
            room_started_at=facts.started_at,
            started_at=facts.started_at,
            duration=duration,
            holds=facts.holds,
            adjustments=facts.adjustments,
        ),
        now=now,
    )
    return clock.closes_at
