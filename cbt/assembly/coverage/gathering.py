"""What the coverage page shows, gathered in one reading."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from cbt.assembly.coverage import store
from cbt.assembly.coverage.figures import SEED, PaperCover, sections_cover, units_cover
from cbt.assembly.coverage.sampling import is_large
from cbt.bank.models import ItemBank
from cbt.bank.store import drawables, taxonomy_of
from cbt.rules.assembly.disjoint import papers_reached
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.rules.exam.paper import Paper

MOST_DRAWN, ATTEMPTS = 12, 4
"""So many papers are drawn one after another, and so often it is begun anew, to see how many there can be."""


@dataclass(frozen=True, slots=True)
class OfferedPaper:
    """One paper of one blueprint: what a person chooses, in the page's address as `ref:code`."""

    version_id: int
    blueprint: ExamBlueprint
    paper: Paper

    @property
    def value(self) -> str:
        """How it stands in an address."""
        return f"{self.blueprint.ref}:{self.paper.code}"

    @property
    def label(self) -> str:
        """What people call it."""
        return self.blueprint.paper_title(self.paper.code)


def paper_choices(session: Session, bank_ref: str) -> list[OfferedPaper]:
    """Return the papers that are drawn from a bank, by the refs of their blueprints."""
    return [
        OfferedPaper(number, blueprint, paper)
        for number, blueprint in store.blueprints_of(session, bank_ref).items()
        for paper in blueprint.papers.values()
    ]


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
