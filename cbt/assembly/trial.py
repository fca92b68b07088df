"""A trial paper: what a seed gives from the bank as it is now, on screen and in print; stored nowhere."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.assembly.coverage import OfferedPaper, PaperCover, coverage_of, is_large, sample_of
from cbt.assembly.draw import draw_content
from cbt.bank.store import contents, drawables, taxonomy_of
from cbt.errors import Conflict
from cbt.items.markup import inline, sanitised, to_html
from cbt.items.models import ItemBank
from cbt.items.preview import verdicts
from cbt.rules.assembly.form import draw_form, draw_look, look_paper
from cbt.rules.exam.paper import Paper
from cbt.rules.items.case import Case
from cbt.rules.items.content import ItemContent, ItemType

Position = Mapping[str, Any]
"""A position as `rules/assembly/form` draws it."""


@dataclass(frozen=True, slots=True)
class DrawnPaper:
    """A paper with its items' contents by (ref, version); `sampled`: drawn from a share of its bank."""

    paper: Paper
    title: str
    positions: Sequence[Position]
    contents: Mapping[tuple[str, int], ItemContent]
    sampled: bool = False

    def item(self, place: Position) -> ItemContent:
        """Return the item a position is drawn from; a case with all its parts."""
        return self.contents[place["item"], place["version"]]

    def asked(self, place: Position) -> ItemContent:
        """Return what a position asks: the item, or a part of it."""
        return self.item(place).part(place["part"])


@dataclass(frozen=True, slots=True)
class Trial:
    """A try to draw a paper: the paper, or why there is none (`error`) and what is short (`cover`)."""

    bank: ItemBank
    choices: Sequence[OfferedPaper]
    choice: OfferedPaper
    seed: int
    drawn: DrawnPaper | None = None
    error: Conflict | None = None
    cover: PaperCover | None = None


def trial(
    session: Session, bank: ItemBank, choices: Sequence[OfferedPaper], choice: OfferedPaper, *, seed: int
) -> Trial:
    """Try to draw a paper from a bank."""
    try:
        return Trial(bank, choices, choice, seed, drawn=draw_paper(session, choice, bank, seed=seed))
    except Conflict as error:
        cover = coverage_of(session, bank, choice.paper, target=1)
        return Trial(bank, choices, choice, seed, error=error, cover=cover)


def draw_paper(session: Session, choice: OfferedPaper, bank: ItemBank, *, seed: int) -> DrawnPaper:
    """Return the paper that `seed` draws; raise Conflict as a draw does.

    It is the form of that seed, but for a large bank, of which only a sample is read.

    Source: R-8, R-43.
    """
    paper = choice.paper
    if not choice.version_id:
        return _of_anything(session, choice, bank, seed=seed)
    if is_large(session, bank.id):
        return _from_a_sample(session, choice, bank, seed=seed)
    drawn = draw_content(session, choice.version_id, paper.code, seed=seed)
    keys = {(place["item"], place["version"]) for place in drawn["positions"]}
    return DrawnPaper(paper, choice.label, drawn["positions"], contents(session, keys, bank.id))


def _from_a_sample(session: Session, choice: OfferedPaper, bank: ItemBank, *, seed: int) -> DrawnPaper:
    taxonomy = taxonomy_of(session, bank)
    sample = sample_of(session, bank.id, choice.paper, taxonomy, seed=seed)
    chance = random.Random(seed)
    drawn = draw_form(choice.paper, sample.items, taxonomy.weights, taxonomy.importances, rng=chance)
    used = {(place["item"], place["version"]) for place in drawn["positions"]}
    kept = {key: content for key, content in sample.contents.items() if key in used}
    return DrawnPaper(choice.paper, choice.label, drawn["positions"], kept, sampled=True)


def _of_anything(session: Session, choice: OfferedPaper, bank: ItemBank, *, seed: int) -> DrawnPaper:
    """Draw what the bank has, whatever a blueprint may want; raise Conflict where it has nothing to draw."""
    names = {kind: str(_(f"bank.type.{kind.value}")) for kind in ItemType}
    large = is_large(session, bank.id)
    if large:
        asked = look_paper(names, dict.fromkeys(ItemType, 1))
        items = sample_of(session, bank.id, asked, taxonomy_of(session, bank), seed=seed).items
    else:
        items = drawables(session, bank.id)[0]
    paper, drawn = draw_look(names, items, rng=random.Random(seed))
    if not drawn["positions"]:
        raise Conflict("assembly.nothing_to_draw", bank=bank.name)
    keys = {(place["item"], place["version"]) for place in drawn["positions"]}
    return DrawnPaper(
        paper, choice.label, drawn["positions"], contents(session, keys, bank.id), sampled=large
    )


def candidate_paper(drawn: DrawnPaper) -> dict[str, Any]:
    """Return a paper in the shape of the candidate's page, with all of its units open; no key is part of it.

    Source: R-44.
    """
    clean = {key: sanitised(content) for key, content in drawn.contents.items()}
    positions, paper = drawn.positions, drawn.paper
    cases = {
        place["unit"]: clean[place["item"], place["version"]]
        for place in positions
        if isinstance(drawn.item(place), Case)
    }
    return {
        "title": drawn.title,
        "calculator": paper.calculator,
        "tools": [],
        "keys": True,
        "lock_down": False,
        "timing": "pooled" if paper.units or paper.windows else "none",
        "sections": _sections(paper, positions),
        "units": _units(paper, positions),
        "items": [shown_item(drawn, place) for place in positions],
        "cases": [
            {"unit": unit, "title": case["title"], "stimulus": case["stimulus"]}
            for unit, case in cases.items()
        ],
    }


def shown_item(drawn: DrawnPaper, place: Position) -> dict[str, Any]:
    """Return one position as a candidate sees it: sanitised texts in the displayed order."""
    content = drawn.asked(place)
    clean: dict[str, Any] = dict(sanitised(content))
    shown = {name: place[name] for name in ("position", "points", "section", "unit")}
    shown |= {"type": clean["type"], "stem": clean["stem"]}
    if content.verdicts:
        return shown | {"choices": list(verdicts())}
    shown |= {name: clean[name] or None for name in content.sent}
    return shown | {
        name: [clean[name][authored] for authored in place[order]] for name, order in content.ordered.items()
    }


def _sections(paper: Paper, positions: Sequence[Position]) -> list[dict[str, Any]]:
    if not paper.sections:
        return []
    ends = _ends(positions, "section")
    return [
        {
            "name": section.name,
            "type": section.type.value,
            "first": ends[index][0],
            "last": ends[index][1],
            "points_each": f"{section.points_each}",
        }
        for index, section in enumerate(paper.sections)
    ]


def _units(paper: Paper, positions: Sequence[Position]) -> list[dict[str, Any]]:
    """Return the units; a paper whose sections have their own minutes shows those as its units."""
    parts: Sequence[Any] = paper.units or (paper.sections if paper.windows else ())
    ends = _ends(positions, "unit" if paper.units else "section")
    return [
        {
            "number": number,
            "name": part.name,
            "minutes": part.minutes // timedelta(minutes=1),
            "points": f"{part.points}",
            "state": "open",
            "first": first,
            "last": last,
        }
        for number, part in enumerate(parts, 1)
        for first, last in [ends[number if paper.units else number - 1]]
    ]


def _ends(positions: Sequence[Position], name: str) -> dict[int, tuple[int, int]]:
    ends: dict[int, tuple[int, int]] = {}
    for place in positions:
        ends[place[name]] = (ends.get(place[name], (place["position"],))[0], place["position"])
    return ends


SHORT, MIDDLE = 9, 22
"""Choices up to so many characters stand four or two beside each other."""


@dataclass(frozen=True, slots=True)
class ProofItem:
    """One question as it is printed, numbered within its section or unit; texts are safe HTML.

    `point` is "" where the item's ref says it already.

    `shown` is what a candidate sees of it, `columns` how many of its choices stand beside each other. A `verdict`
    is marked in brackets beside the statement.
    """

    number: int
    ref: str
    version: int
    type: str
    points: str
    point: str
    difficulty: int
    shown: Mapping[str, Any]
    columns: int
    verdict: bool
    key: list[str]
    explanation: str
    law: str


@dataclass(frozen=True, slots=True)
class ProofGroup:
    """A section, or a unit with its case."""

    name: str
    unit: int
    points: str
    minutes: int
    title: str
    stimulus: str
    items: list[ProofItem]


def proof_of(drawn: DrawnPaper) -> list[ProofGroup]:
    """Return a drawn paper group by group, with its key."""
    paper = drawn.paper
    if paper.units:
        return [
            _group(
                drawn, [place for place in drawn.positions if place["unit"] == unit.number], unit.name, unit
            )
            for unit in paper.units
        ]
    return [
        _group(
            drawn, [place for place in drawn.positions if place["section"] == index], section.name, section
        )
        for index, section in enumerate(paper.sections)
    ]


def _group(drawn: DrawnPaper, places: list[Position], name: str, part: Any) -> ProofGroup:
    first = drawn.item(places[0])
    case: Mapping[str, Any] = sanitised(first) if isinstance(first, Case) else {}
    return ProofGroup(
        name=name,
        unit=getattr(part, "number", 0),
        points=f"{part.points}",
        minutes=(part.minutes or timedelta(0)) // timedelta(minutes=1),
        title=case.get("title", ""),
        stimulus=case.get("stimulus", ""),
        items=[_item(drawn, place, number) for number, place in enumerate(places, 1)],
    )


def _item(drawn: DrawnPaper, place: Position, number: int) -> ProofItem:
    whole, asked = drawn.item(place), drawn.asked(place)
    shown = shown_item(drawn, place)
    return ProofItem(
        number=number,
        ref=place["item"],
        version=place["version"],
        type=asked.type.value,
        points=place["points"],
        point="" if place["item"].startswith(whole.point) else asked.point or whole.point,
        difficulty=asked.difficulty,
        shown=shown,
        columns=_columns(shown.get("choices") or ()),
        verdict=asked.verdicts,
        key=[inline(line) for line in asked.key_at(place, verdicts())],
        explanation=to_html(asked.explanation),
        law=asked.law or whole.law,
    )


def _columns(choices: Any) -> int:
    longest = max(map(len, choices), default=0)
    return 4 if longest <= SHORT else 2 if longest <= MIDDLE else 1
