"""The score sheet of one sitting: its registrations by paper, and each candidate's result of a level."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy.orm import Session

from cbt.audit.head import head_of
from cbt.blueprints.store import blueprint_of
from cbt.results import store
from cbt.results.retake_ledger import Ledger, Taken, counting, released
from cbt.results.sheet.figures import PaperFigures, SittingFigures, paper_figures
from cbt.results.sheet.outcome import Decision, EndFacts, JudgedEnd, decision_by, standing_by
from cbt.results.store import ResultRow
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.rules.exam.paper import Paper
from cbt.rules.retake import Overall, PaperOutcome, overall
from cbt.rules.violations import Violation
from cbt.sittings.models import Sitting, SittingRoom


@dataclass(frozen=True, slots=True)
class SheetLine(JudgedEnd):
    """One registration on the sheet.

    `groups` are the unrounded points of each unit or section by its number, None where people have something of
    it to mark.
    """

    row: ResultRow
    groups: Mapping[int, Decimal | None]
    badges: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PaperSheet(PaperFigures):
    """Everybody who was registered for one paper of one level, in the order of their seats."""

    lines: tuple[SheetLine, ...]


@dataclass(frozen=True, slots=True)
class SittingSheet(SittingFigures):
    """The whole sheet of a sitting, for a file of all; `corrected` are the released lines to be released again."""

    papers: tuple[PaperSheet, ...]

    @property
    def lines(self) -> list[SheetLine]:
        """Every line of every paper."""
        return [line for paper in self.papers for line in paper.lines]

    @property
    def corrected(self) -> list[SheetLine]:
        """The lines to be released again, because a score or a violation changed."""
        return [line for line in self.lines if line.changed]


def sheet_of(session: Session, sitting: Sitting, *, room: str = "") -> SittingSheet:
    """Return the score sheet of a sitting that is over, or of one room of it by the sitting-room's ref.

    Source: R-53, R-60, R-61.
    """
    papers = []
    rows = store.rows_of_sitting(session, sitting.id, *([SittingRoom.ref == room] if room else []))
    elsewhere = store.violations_elsewhere(session, sitting.id)
    for (version_id, code), lines in lines_of(session, sitting, rows, elsewhere):
        figures = paper_figures(blueprint_of(session, version_id), code, [(line, 1) for line in lines])
        papers.append(
            PaperSheet(
                figures.blueprint, figures.paper, figures.groups, len(lines), figures.distribution, lines
            )
        )
    return SittingSheet(
        sitting=sitting,
        papers=tuple(papers),
        rooms=[one for one in store.rooms_of(session, sitting.id) if room in ("", one[0].ref)],
        release=store.release_of(session, sitting.id),
        judged=tuple((line, 1) for paper in papers for line in paper.lines),
        head=head_of(session),
    )


def lines_of(
    session: Session,
    sitting: Sitting,
    rows: Sequence[ResultRow],
    elsewhere: Mapping[int, list[Violation]],
) -> list[tuple[tuple[int, str], tuple[SheetLine, ...]]]:
    """Return rows of a sitting as the lines of each paper: (blueprint version, code of the paper), lines."""
    attempts = [row.attempt.id for row in rows if row.attempt is not None]
    adjusted = store.adjusted_kinds(session, sitting.id, attempts)
    found = []
    for (version_id, code), group in groupby(
        rows, key=lambda row: (row.registration.blueprint_version_id, row.registration.paper)
    ):
        paper = blueprint_of(session, version_id).papers[code]
        found.append(((version_id, code), tuple(_line(row, paper, elsewhere, adjusted) for row in group)))
    return found


def _line(
    row: ResultRow, paper: Paper, elsewhere: Mapping[int, list[Violation]], adjusted: Mapping[int, set[str]]
) -> SheetLine:
    facts = _facts(row)
    standing = standing_by(facts)
    sheet: dict[str, Any] = json.loads(row.score.sheet) if row.score else {"groups": []}
    return SheetLine(
        facts=facts,
        standing=standing,
        decided=decision_by(facts, standing, paper, elsewhere.get(row.registration.id, ())),
        row=row,
        groups={
            int(group["number"]): None if group["earned"] is None else Decimal(group["earned"])
            for group in sheet["groups"]
        },
        badges=_badges(row, adjusted.get(row.attempt.id, set()) if row.attempt else set()),
    )


def _facts(row: ResultRow) -> EndFacts:
    registration, attempt, result = row.registration, row.attempt, row.result
    return EndFacts(
        room_state=row.room_state,
        absent=registration.absent_at is not None,
        arrived=any((registration.arrived_at, registration.checked_in_at, registration.signed_in_at)),
        attempt_state=attempt.state if attempt else None,
        started=attempt is not None and attempt.started_at is not None,
        closed_by=attempt.closed_by if attempt else None,
        marked=row.score is not None,
        score=row.score.score if row.score else None,
        violation=row.violation,
        released=None if result is None else Decision(PaperOutcome(result.outcome), result.score),
    )


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


@dataclass(slots=True)
class LevelSummary:
    """One candidate of one level: the latest decision of each paper by its code, and the overall result.

    `overall` is None before the sitting is released.
    """

    line: SheetLine
    blueprint: ExamBlueprint
    papers: dict[str, Decision] = field(default_factory=dict)
    overall: Overall | None = None


def people_of(sheet: SittingSheet, ledger: Ledger, *, on: date) -> list[LevelSummary]:
    """Return every candidate of a sitting once per level, in the order of the sheet.

    A paper taken in another sitting shows what was released there last.

    Source: R-3, R-4.
    """
    people: dict[tuple[int, str], LevelSummary] = {}
    for paper_sheet in sheet.papers:
        blueprint = paper_sheet.blueprint
        for line in paper_sheet.lines:
            key = (line.row.candidate.id, blueprint.ref)
            if key not in people:
                people[key] = _person(line, blueprint, ledger.get(key, []))
                if sheet.release is not None:
                    people[key].overall = _overall(blueprint, ledger.get(key, []), on)
            if line.shown is not None:
                people[key].papers[paper_sheet.paper.code] = line.shown
    return list(people.values())


def _person(line: SheetLine, blueprint: ExamBlueprint, taken: list[Taken]) -> LevelSummary:
    person = LevelSummary(line, blueprint)
    for one in taken:
        if one.result is not None:
            decision = Decision(PaperOutcome(one.result.outcome), one.result.score)
            person.papers[one.registration.paper] = decision
    return person


def _overall(blueprint: ExamBlueprint, taken: list[Taken], on: date) -> Overall | None:
    results = counting(released(taken), policy=blueprint.retake)
    return overall(list(blueprint.papers), results, on=on, policy=blueprint.retake)
