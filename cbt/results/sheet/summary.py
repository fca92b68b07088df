"""What the papers of a sitting's candidates amount to together: 理论, 技能 and the overall result."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from cbt.results.ledger.counting import counting
from cbt.results.ledger.store import Ledger, Taken, released
from cbt.results.sheet.outcomes import Decision
from cbt.results.sheet.sitting import SheetLine, SittingSheet
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.rules.retake import Overall, PaperOutcome, overall


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
