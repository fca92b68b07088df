"""What the coverage page shows, gathered in one reading."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.assembly.coverage import store
from cbt.assembly.coverage.figures import SEED, PaperCover, sections_cover, units_cover
from cbt.assembly.coverage.sampling import is_large
from cbt.bank.models import ItemBank
from cbt.bank.store import drawables, taxonomy_of
from cbt.rules.assembly.disjoint import papers_reached
from cbt.rules.assembly.looks import LOOK, look_paper
from cbt.rules.exam.paper import Paper

MOST_DRAWN, ATTEMPTS = 12, 4
"""So many papers are drawn one after another, and so often it is begun anew, to see how many there can be."""


@dataclass(frozen=True, slots=True)
class OfferedPaper:
    """What a person chooses: a paper of a blueprint, or (`version_id` 0) some of whatever the bank has.

    `value` is how it stands in an address (`ref:code`), `label` what people call it.
    """

    version_id: int
    value: str
    label: str
    paper: Paper


def paper_choices(session: Session, bank_ref: str) -> list[OfferedPaper]:
    """Return the papers that are drawn from a bank, by the refs of their blueprints."""
    return [
        OfferedPaper(number, f"{blueprint.ref}:{paper.code}", blueprint.paper_title(paper.code), paper)
        for number, blueprint in store.blueprints_of(session, bank_ref).items()
        for paper in blueprint.papers.values()
    ]


def look_choice() -> OfferedPaper:
    """Return the choice that asks for no blueprint: some items of each type."""
    return OfferedPaper(0, LOOK, _("assembly.preview.look"), look_paper({}, {}))


def chosen(choices: Sequence[OfferedPaper], value: str) -> OfferedPaper | None:
    """Return the paper an address names, else the first; None where nothing is drawn from the bank."""
    return next((one for one in choices if one.value == value), choices[0] if choices else None)


def coverage_of(session: Session, bank: ItemBank, paper: Paper, *, target: int) -> PaperCover:
    """Return a bank beside one paper, for `target` papers without a common item."""
    if paper.units:
        return units_cover(paper, store.cases_of_bank(session, bank.id), target=target)
    taxonomy = taxonomy_of(session, bank)
    return sections_cover(paper, store.stock_of(session, bank.id, taxonomy.weights), taxonomy, target=target)


def reached_of(session: Session, bank: ItemBank, paper: Paper, *, most: int) -> int | None:
    """Return how many papers without a common item can really be drawn, of `most`; None for a large bank."""
    if is_large(session, bank.id):
        return None
    items, weights, importances = drawables(session, bank.id)
    limit, chance = min(most, MOST_DRAWN), random.Random(SEED)
    return papers_reached(paper, items, weights, importances, most=limit, attempts=ATTEMPTS, rng=chance)
