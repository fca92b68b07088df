"""Whether a file was read right: everybody exactly, or refused at the line; else it is wrong."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache

from cbt.blueprints.store import load_blueprint_file
from cbt.candidates.roster.columns import layouts_of
from cbt.candidates.roster.file import Roster, open_roster, roster_of
from cbt.candidates.roster.row import BlueprintChoice, Chooser, PaperRow, RosterRow
from cbt.errors import CbtError
from cbt.imports.column_map import HandMapping, Hands
from cbt.paths import product_dir
from cbt.spreadsheets import table_reader
from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.columns import letter
from cbt.spreadsheets.findings import Severity
from tests.candidates.field.making import MadeRoster
from tests.candidates.field.people import Sent

Line = tuple[int, int]


@dataclass(slots=True)
class RosterVerdict:
    """`outcome` is right, asked (somebody sound is refused at the line), refused (the file), or wrong."""

    outcome: str
    reasons: list[str] = field(default_factory=list)


@cache
def offered() -> tuple[BlueprintChoice, ...]:
    """Return what a batch offers: two levels of one occupation."""
    files = [product_dir("blueprints") / f"customer-service-l{level}.toml" for level in (3, 2)]
    return tuple(BlueprintChoice(load_blueprint_file(one), "") for one in files)


def here(task: str, body: bytes, **options: object) -> bytes:
    """Read a file in this process: thousands of children would take longer than what they read."""
    assert task == "cbt.spreadsheets.table_reader:open_values"
    return table_reader.open_values(
        body, rows=int(str(options["rows"])), columns=int(str(options["columns"]))
    )


def judge(made: MadeRoster) -> RosterVerdict:
    """Read a file and hold it against its truth."""
    try:
        sheets = open_roster(made.name, made.content)
        hands, missed = _by_hand(made, sheets)
        roster = roster_of(sheets, hands)
    except CbtError as error:
        return RosterVerdict("refused", [str(error), str(dict(error.params))])
    places = {one.name: at for at, one in enumerate(sheets)}
    refused, read = _read(roster, places)
    doubted = {
        (places.get(one.place.sheet, 0), one.place.line) for one in roster.findings if one.code in _DOUBTS
    }
    heads = [one for one in roster.findings if one.severity is Severity.ERROR and not one.place.line]
    reasons: list[str] = missed
    asked: list[str] = []
    for person in made.people:
        stopped = [line for line in person.lines if line in refused or (line[0], 0) in refused]
        found = [one for line in person.lines for one in read.pop(line, [])]
        if person.wrong:
            if not stopped and not doubted & set(person.lines):
                reasons.append(f"read though {person.wrong}: {person} as {_said(found)}")
        elif stopped:
            asked.append(
                f"{refused.get(stopped[0]) or refused.get((stopped[0][0], 0))} at {stopped[0]}: {person}"
            )
        elif _said(found) != _truth(person):
            reasons.append(f"read {_said(found)}\n      of {_truth(person)}")
    reasons += [f"nobody at {line}: {_said(found)}" for line, found in read.items()]
    reasons += [f"{one.code} at no line" for one in heads[:1]]
    if reasons:
        return RosterVerdict("wrong", reasons)
    return RosterVerdict("asked", asked) if asked else RosterVerdict("right")


_DOUBTS = {"roster.number_zeros"}
"""What is told of a line that nobody can know to be wrong."""
_FIELDS = {"number": "document_number", "both": "occupation_level", "extra": "accommodation"}


def _by_hand(made: MadeRoster, sheets: Sequence[SheetData]) -> tuple[Hands, list[str]]:
    """Return what somebody says of the column whose header nobody knows, and whether nobody was asked for it."""
    recipe, name = made.recipe, made.unknown
    if not name:
        return {}, []
    place = letter(recipe.columns.index(name))
    layouts = layouts_of(sheets, {})
    hands = {one.digest: HandMapping({place: _FIELDS.get(name, name)}) for one in layouts}
    asked = all(one.asks for one in layouts)
    retakes = any("retake" in one.papers.values() for one in made.people if not one.wrong)
    extras = any(one.minutes or one.factor != "1" for one in made.people)
    theories = any("theory" in one.papers for one in made.people if not one.wrong)
    idle = (
        (name == "theory" and not theories)
        or (name == "kind" and not retakes)
        or (name == "extra" and not extras)
    )
    return hands, [] if asked or idle else [f"nobody is asked what {place} is"]


def _read(roster: Roster, places: dict[str, int]) -> tuple[dict[Line, str], dict[Line, list[PaperRow]]]:
    """Return what is against each line (0 for a whole sheet), and what is read of the others."""
    refused: dict[Line, str] = {}
    heads = {(one.sheet, one.row) for one in roster.headings}

    def at(sheet: str, line: int) -> Line:
        return places.get(sheet, 0), line

    def note(row: RosterRow, _column: str, _value: str, code: str, **_params: object) -> None:
        refused[at(row.heading.sheet, row.row)] = code

    for found in roster.findings:
        if found.severity is Severity.ERROR:
            whole = (found.place.sheet, found.place.line) in heads or found.code == "roster.sheet_unread"
            refused[at(found.place.sheet, 0 if whole else found.place.line)] = found.code
    chooser = Chooser(offered(), note=note)
    read: defaultdict[Line, list[PaperRow]] = defaultdict(list)
    for row in roster.rows:
        line = at(row.heading.sheet, row.row)
        found_rows = chooser.paper_rows(row)
        if line not in refused:
            read[line] += found_rows
    return refused, dict(read)


Said = list[tuple[object, ...]]


def _said(found: list[PaperRow]) -> Said:
    return sorted(
        (
            one.row.name,
            one.row.document_number,
            one.row.document_type,
            one.choice.blueprint.level_code,
            one.paper,
            one.kind,
            one.row.extra // timedelta(minutes=1),
            str(one.row.factor),
            one.row.employer,
            one.row.details["phone"],
            str(one.row.wish.on or ""),
            one.row.wish.half,
            one.row.room,
            str(one.row.seat or ""),
            one.row.unit,
        )
        for one in found
    )


def _truth(person: Sent) -> Said:
    name = person.name.replace("欧阳 ", "欧阳")  # no blanks between Chinese characters
    return sorted(
        (
            name,
            person.number,
            person.document,
            person.level,
            paper,
            kind,
            person.minutes,
            person.factor,
            person.employer,
            person.phone,
            person.day,
            person.half,
            person.room,
            person.seat,
            person.unit,
        )
        for paper, kind in person.papers.items()
    )


def without(made: MadeRoster) -> MadeRoster:
    """Return a file whose people are known only as far as it has columns for it."""
    columns = set(made.recipe.columns)
    people = [
        dataclasses.replace(
            one,
            employer=one.employer if "employer" in columns else "",
            phone=one.phone if "phone" in columns else "",
        )
        for one in made.people
    ]
    return dataclasses.replace(made, people=people)
