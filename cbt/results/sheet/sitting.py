"""The score sheet of one sitting: its registrations by paper, with outcomes, unit scores and figures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy.orm import Session

from cbt.audit.heads import Head, head_of
from cbt.exams.store import blueprint_of
from cbt.results import store
from cbt.results.ledger.store import NOT_EXAMINED
from cbt.results.models import Release
from cbt.results.sheet.distribution import Distribution, distribution
from cbt.results.sheet.outcomes import Decision, decide
from cbt.results.sheet.standing import Standing, balance_of, counts_of, standing_of
from cbt.results.store import ResultRow
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.rules.exam.paper import Paper
from cbt.rules.retake import PaperOutcome
from cbt.rules.states.closing import Balance, RoomCounts
from cbt.rules.violation import Violation
from cbt.sittings.models import Sitting, SittingRoom


@dataclass(frozen=True, slots=True)
class Group:
    """A unit or a section of a paper, as the head of a column."""

    number: int
    name: str
    points: Decimal


@dataclass(frozen=True, slots=True)
class SheetLine:
    """One registration on the sheet.

    `decided` is what the evidence says now; `shown` is that too until the release, and then what was
    released. `groups` are the unrounded points of each unit or section by its number, None where people have
    something of it to mark.
    """

    row: ResultRow
    standing: Standing
    decided: Decision | None
    groups: Mapping[int, Decimal | None]
    badges: tuple[str, ...]

    @property
    def shown(self) -> Decision | None:
        """The decision people see."""
        result = self.row.result
        return self.decided if result is None else Decision(PaperOutcome(result.outcome), result.score)

    @property
    def changed(self) -> bool:
        """Whether the evidence says something else than what was released."""
        return self.row.result is not None and self.decided is not None and self.decided != self.shown

    @property
    def open(self) -> bool:
        """Whether this registration keeps the sitting from being released."""
        return self.decided is None and self.standing is not Standing.NOT_EXAMINED

    @property
    def pending(self) -> bool:
        """Whether it is people who mark that this line waits for (待阅)."""
        return self.decided is None and _pending(self.row)


@dataclass(frozen=True, slots=True)
class PaperSheet:
    """Everybody who was registered for one paper of one level, in the order of their seats."""

    blueprint: ExamBlueprint
    paper: Paper
    groups: tuple[Group, ...]
    lines: tuple[SheetLine, ...]
    distribution: Distribution | None

    @property
    def title(self) -> str:
        """What people call it: level and paper."""
        return f"{self.blueprint.level_name} {self.paper.label}"


@dataclass(frozen=True, slots=True)
class SittingSheet:
    """The whole sheet of a sitting; `corrected` are the released lines that the evidence no longer bears."""

    sitting: Sitting
    papers: tuple[PaperSheet, ...]
    rooms: Sequence[tuple[SittingRoom, str]]
    release: Release | None
    balance: Balance
    counts: RoomCounts
    violations: int
    head: Head | None
    """Where the log ended when this was read (日志锚点)."""

    @property
    def lines(self) -> list[SheetLine]:
        """Every line of every paper."""
        return [line for paper in self.papers for line in paper.lines]

    @property
    def corrected(self) -> list[SheetLine]:
        """The lines to be released again, because a score or a violation changed."""
        return [line for line in self.lines if line.changed]

    @property
    def outcomes(self) -> Counter[PaperOutcome]:
        """How many ended with what."""
        return Counter(line.shown.outcome for line in self.lines if line.shown is not None)

    @property
    def open_lines(self) -> list[SheetLine]:
        """The lines without a decision."""
        return [line for line in self.lines if line.open]

    @property
    def pending_lines(self) -> list[SheetLine]:
        """The lines that wait for people who mark."""
        return [line for line in self.lines if line.pending]

    @property
    def open_rooms(self) -> list[str]:
        """The names of the rooms that have not ended."""
        over = {*store.SHOWN, *NOT_EXAMINED}
        return [name for room, name in self.rooms if room.state not in over]

    @property
    def releasable(self) -> bool:
        """Whether everything is there for a first release (R-62)."""
        return self.release is None and not self.open_lines and not self.open_rooms and bool(self.outcomes)


def sheet_of(session: Session, sitting: Sitting) -> SittingSheet:
    """Return the score sheet of a sitting that is over.

    Source: R-53, R-60, R-61.
    """
    rows = store.rows_of_sitting(session, sitting.id)
    elsewhere = store.violations_elsewhere(session, sitting.id)
    adjusted = store.adjusted_kinds(session, sitting.id)
    papers = []
    for (version_id, code), group in groupby(
        rows, key=lambda row: (row.registration.blueprint_version_id, row.registration.paper)
    ):
        blueprint = blueprint_of(session, version_id)
        papers.append(_paper_sheet(blueprint, blueprint.papers[code], list(group), elsewhere, adjusted))
    standings = [line.standing for paper in papers for line in paper.lines]
    return SittingSheet(
        sitting=sitting,
        papers=tuple(papers),
        rooms=store.rooms_of(session, sitting.id),
        release=store.release_of(session, sitting.id),
        balance=balance_of(standings),
        counts=counts_of(standings),
        violations=sum(row.registration.violation_code is not None for row in rows),
        head=head_of(session),
    )


def _paper_sheet(
    blueprint: ExamBlueprint,
    paper: Paper,
    rows: Sequence[ResultRow],
    elsewhere: Mapping[int, list[Violation]],
    adjusted: Mapping[int, set[str]],
) -> PaperSheet:
    lines = tuple(_line(row, paper, elsewhere, adjusted) for row in rows)
    scores = [line.shown.score for line in lines if line.shown is not None and line.shown.score is not None]
    return PaperSheet(
        blueprint=blueprint,
        paper=paper,
        groups=groups_of(paper),
        lines=lines,
        distribution=distribution(scores, points=paper.points, pass_points=paper.pass_points),
    )


def groups_of(paper: Paper) -> tuple[Group, ...]:
    """Return the units of a paper, or its sections, numbered as a score sheet numbers them."""
    if paper.units:
        return tuple(Group(unit.number, unit.name, unit.points) for unit in paper.units)
    return tuple(
        Group(number, section.name, section.points) for number, section in enumerate(paper.sections, 1)
    )


def _line(
    row: ResultRow, paper: Paper, elsewhere: Mapping[int, list[Violation]], adjusted: Mapping[int, set[str]]
) -> SheetLine:
    registration, attempt = row.registration, row.attempt
    standing = standing_of(
        examined=row.room_state not in NOT_EXAMINED,
        absent=registration.absent_at is not None,
        arrived=any((registration.arrived_at, registration.checked_in_at, registration.signed_in_at)),
        attempt_state=attempt.state if attempt else None,
        started=attempt is not None and attempt.started_at is not None,
        closed_by=attempt.closed_by if attempt else None,
    )
    sheet: dict[str, Any] = json.loads(row.score.sheet) if row.score else {"groups": []}
    return SheetLine(
        row=row,
        standing=standing,
        decided=decide(
            standing,
            score=row.score.score if row.score else None,
            paper=paper,
            pending=_pending(row),
            own=row.violation,
            elsewhere=elsewhere.get(registration.id, ()),
        ),
        groups={
            int(group["number"]): None if group["earned"] is None else Decimal(group["earned"])
            for group in sheet["groups"]
        },
        badges=_badges(row, adjusted.get(attempt.id, set()) if attempt else set()),
    )


def _pending(row: ResultRow) -> bool:
    return row.score is not None and row.score.score is None


def _badges(row: ResultRow, kinds: set[str]) -> tuple[str, ...]:
    registration = row.registration
    facts = {
        "retake": registration.kind == "retake",
        "violation": registration.violation_code is not None,
        "site_fault": "site_fault" in kinds,
        "general": "general" in kinds,
        "accommodation": registration.factor != 1 or bool(registration.extra) or "accommodation" in kinds,
    }
    return tuple(name for name, holds in facts.items() if holds)
