"""Findings of the check of a roster, in values that are kept: the summary, the words, the copy with marks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import flask_babel

from cbt.batches.roster.plan import LeftGroup, RosterPlan, limit_of
from cbt.batches.roster.planner import CHECK, CheckedRoster
from cbt.candidates.roster.columns import RosterLayout
from cbt.candidates.roster.export import marked_roster
from cbt.candidates.roster.row import BlueprintChoice
from cbt.imports import direct_import as imported
from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.file_checks import FindingKind, Stretch
from cbt.spreadsheets.findings import Finding, Note, Severity

PEOPLE, REST, SEATS, CHANGES = "people", "rest", "seat", "change"


@dataclass(frozen=True, slots=True)
class RosterPaper:
    """A paper that rows can ask for, with how many do."""

    blueprint: str
    level: str
    paper: str
    name: str
    minutes: int
    people: int = 0


@dataclass(frozen=True, slots=True)
class RoomShare:
    """A room of a sitting: its seats, who sits there already, who comes, and where their lines lie."""

    room: str
    seats: int
    taken: int
    papers: list[tuple[str, int]]
    lines: Stretch

    @property
    def left(self) -> int:
        """How many seats stay free, spare ones not counted."""
        return max(self.seats - self.taken - self.lines.count, 0)


@dataclass(frozen=True, slots=True)
class SittingShare:
    """A sitting with its rooms; `closed` are the papers it does not take."""

    ref: str
    name: str
    centre: str
    start_at: datetime
    rooms: list[RoomShare]
    takes: list[tuple[str, str, bool]]
    """(name of the limit, what it is called, whether it is taken)"""

    @property
    def people(self) -> int:
        return sum(room.lines.count for room in self.rooms)

    @property
    def limited(self) -> bool:
        """Whether there is something that it does not take."""
        return not all(taken for _name, _called, taken in self.takes)


@dataclass(frozen=True, slots=True)
class RosterSummary:
    """A dry run of a roster as a whole."""

    rows: int
    people: int
    papers: int
    already: int
    changed: int
    renewed: int
    kinds: list[FindingKind]
    changes: Stretch
    left: list[LeftGroup]
    sittings: list[SittingShare]
    offered: list[RosterPaper]
    headers: dict[str, str]
    ignored: list[str]
    sheets_left: list[str]
    layouts: list[RosterLayout]
    seen: str
    used: dict[str, int | None] = field(default_factory=dict)
    """The version of each blueprint that is used; None for one that no start has taken yet."""

    def of(self, severity: Severity) -> int:
        return sum(kind.lines.count for kind in self.kinds if kind.severity == severity)

    @property
    def stops(self) -> int:
        return self.of(Severity.ERROR)

    @property
    def left_over(self) -> int:
        return sum(one.people for one in self.left)

    @property
    def unread(self) -> bool:
        """Whether somebody must say what the columns are before anything can be read."""
        return not self.rows


def offered_papers(checked: CheckedRoster) -> list[RosterPaper]:
    """Return what rows can ask for, each with how many papers were seated or left over."""
    plan = checked.plan
    counts = Counter((one.choice.blueprint.ref, one.paper) for one in plan.placements)
    for group in plan.left:
        counts[group.blueprint, group.paper] += group.people
    return [
        RosterPaper(
            choice.blueprint.ref,
            choice.blueprint.level_name,
            code,
            choice.blueprint.papers[code].name,
            choice.blueprint.papers[code].duration // timedelta(minutes=1),
            counts[choice.blueprint.ref, code],
        )
        for choice in checked.choices
        for code in choice.offered
        if len(checked.choices) == 1 or counts[choice.blueprint.ref, code]
    ]


def shares_of(
    plan: RosterPlan, choices: Iterable[BlueprintChoice], lines: dict[int, Stretch], closed: Iterable[str]
) -> list[SittingShare]:
    """Return what comes into which sitting and room."""
    not_taken = set(closed)
    papers: dict[int, Counter[str]] = {}
    for placement in plan.placements:
        blueprint = placement.choice.blueprint
        called = f"{blueprint.level_name} · {blueprint.papers[placement.paper].name}"
        papers.setdefault(placement.at.key, Counter())[called] += 1
    offered = [(choice, code) for choice in choices for code in choice.offered]
    shares: dict[str, SittingShare] = {}
    for room in plan.rooms:
        sitting = room.sitting
        if sitting.ref not in shares:
            takes = [
                (limit, f"{choice.blueprint.level_name} · {choice.blueprint.papers[code].name}")
                for choice, code in offered
                if sitting.mode in choice.blueprint.papers[code].modes
                for limit in [limit_of(sitting.ref, choice.blueprint.ref, code)]
            ]
            shares[sitting.ref] = SittingShare(
                sitting.ref,
                sitting.name,
                room.centre.name,
                sitting.planned_start_at,
                [],
                [(limit, called, limit not in not_taken) for limit, called in takes],
            )
        shares[sitting.ref].rooms.append(
            RoomShare(
                room.room.name,
                room.seats,
                room.taken,
                sorted(papers.get(room.key, Counter()).items()),
                lines.get(room.key, Stretch(0, 0)),
            )
        )
    return list(shares.values())


def note(finding: Finding) -> Note:
    """Return a finding as people read it."""
    return imported.note(finding, _words(finding) if finding.code.startswith(CHECK) else None)


def _words(finding: Finding) -> tuple[str, str]:
    """Return the words of a check of the batch."""
    code, params = finding.code.removeprefix(CHECK), {"count": 1, **finding.params}
    why = flask_babel.gettext(f"batches.check.{code}", **params)
    return f"{why}（{params['clause']}）", flask_babel.gettext(f"batches.check.{code}.fix", **params)


def told(findings: Sequence[Finding]) -> list[Note]:
    return [note(found) for found in findings]


def marked_of(sheets: Sequence[SheetData], checked: CheckedRoster, locale: str) -> bytes:
    """Return the workbook of a roster with its findings marked, and one more column that says what to do."""
    with flask_babel.force_locale(locale):
        return marked_roster(
            sheets,
            checked.roster.headings,
            told(checked.plan.findings),
            title=flask_babel.gettext("batches.roster.marked.column"),
        )
