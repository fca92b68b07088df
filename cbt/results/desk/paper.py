"""One person's paper as they had it before them, with their answers, its key, and what each answer earned.

Source: R-43, R-44, R-54.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from cbt.assembly.draw import DrawnPaper, Position, candidate_paper
from cbt.assembly.models import Form
from cbt.bank.store import contents
from cbt.blueprints.store import blueprint_of
from cbt.items.markup import inline
from cbt.items.preview import verdicts
from cbt.rules.item_marks import ItemMark, mark_of
from cbt.runner.save.digest import answers_in
from cbt.scoring.late_answers import approved_answers
from cbt.scoring.models import Score

LAID = {"flag": "flags", "strike": "strikes", "note": "notes", "mark": "marks"}
"""What else a candidate laid on a paper, and what the answer page calls all of a kind."""


@dataclass(frozen=True, slots=True)
class MarkedItem:
    """An item of somebody's paper: what was answered, the key as it is shown there (HTML), what it earned."""

    position: int
    number: int
    """As the candidate counted, from 1 within a section or unit."""
    group: str
    item: str
    version: int
    part: int | None
    type: str
    answer: str | None
    """The displayed answer in canonical JSON; None for none."""
    is_late: bool
    """Whether it came after the deadline and two people approved it (R-29)."""
    key: Sequence[str]
    points: Decimal
    earned: Decimal | None
    mark: ItemMark | None
    """None where no score tells of it."""


@dataclass(frozen=True, slots=True)
class PersonalPaper:
    """A paper for the answer page's own renderers, what was laid on it, and its items one by one."""

    shown: Mapping[str, Any]
    journal: Mapping[str, Any]
    items: Sequence[MarkedItem]


def personal_paper(
    session: Session, form_id: int, attempt_id: int, journal: str, score: Score | None
) -> PersonalPaper:
    """Return the paper of an attempt from its frozen form and its journal's text."""
    form = session.get_one(Form, form_id)
    positions: list[dict[str, Any]] = json.loads(form.content)["positions"]
    read = contents(session, {(one["item"], one["version"]) for one in positions}, form.bank_id)
    blueprint = blueprint_of(session, form.blueprint_version_id)
    drawn = DrawnPaper(
        blueprint.papers[form.paper],
        f"{blueprint.level_name} {blueprint.papers[form.paper].label}",
        [{"unit": None, "section": None, "part": None, **one} for one in positions],
        read,
    )
    latest = answers_in(journal)
    late = approved_answers(session, [attempt_id]).get(attempt_id, {})
    answers = {place: value for place, value in latest.items() if place.isdigit()}
    answers |= {str(place): value or "" for place, value in late.items()}
    cells = {} if score is None else {one["position"]: one for one in json.loads(score.sheet)["positions"]}
    names = _names(drawn)
    return PersonalPaper(
        shown=candidate_paper(drawn),
        journal=_laid(latest, answers),
        items=[
            _item(drawn, place, names[place["position"]], answers, place["position"] in late, cells)
            for place in drawn.positions
        ],
    )


def _names(drawn: DrawnPaper) -> dict[int, tuple[str, int]]:
    """Return the section or unit of each position and its number in it."""
    paper, named = drawn.paper, dict[int, tuple[str, int]]()
    counts: dict[Any, int] = {}
    for place in drawn.positions:
        key = place["unit"] if paper.units else place["section"]
        counts[key] = counts.get(key, 0) + 1
        group = paper.units[key - 1].name if paper.units else paper.sections[key].name
        named[place["position"]] = (group, counts[key])
    return named


def _laid(latest: Mapping[str, str], answers: Mapping[str, str]) -> dict[str, Any]:
    """Return what the answer page knows of a candidate's work, in its own words."""
    laid: dict[str, Any] = {
        "answers": {place: json.loads(value) for place, value in answers.items() if value},
        **{name: {} for kind, name in LAID.items() if kind != "flag"},
        "flags": [],
    }
    for where, value in latest.items():
        place, _, kind = where.partition(" ")
        if kind not in LAID or not value:
            continue
        told = json.loads(value)
        if kind != "flag":
            laid[LAID[kind]][place] = told
        elif told:
            laid["flags"].append(int(place))
    return laid


def _item(
    drawn: DrawnPaper,
    place: Position,
    name: tuple[str, int],
    answers: Mapping[str, str],
    is_late: bool,
    cells: Mapping[int, Mapping[str, Any]],
) -> MarkedItem:
    content, cell = drawn.asked(place), cells.get(place["position"])
    points = Decimal(place["points"])
    earned = None if cell is None or cell["earned"] is None else Decimal(cell["earned"])
    return MarkedItem(
        position=place["position"],
        number=name[1],
        group=name[0],
        item=place["item"],
        version=place["version"],
        part=place["part"],
        type=content.type.value,
        answer=answers.get(str(place["position"])) or None,
        is_late=is_late,
        key=[inline(line) for line in content.key_at(place, verdicts())],
        points=points,
        earned=earned,
        mark=None if cell is None else cell_mark(cell),
    )


def cell_mark(cell: Mapping[str, Any]) -> ItemMark:
    """Return what a position of a score sheet says of its item."""
    return mark_of(
        earned=None if cell["earned"] is None else Decimal(cell["earned"]),
        points=Decimal(cell["points"]),
        answered=cell["answered"],
        void=cell["void"],
    )
