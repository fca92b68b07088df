"""The papers of a world: banks brought in, blueprints stored, forms drawn and frozen."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from cbt.assembly.sources import DrawSources
from cbt.assembly.steps import draw_and_freeze
from cbt.bank.service import import_bank
from cbt.config import Settings
from cbt.db.unit_of_work import unit_of_work
from cbt.exams.files import blueprint_text
from cbt.exams.steps import store_blueprint
from cbt.exams.store import paper_of
from cbt.rules.exam.paper import Paper

ACTOR = "cli"


@dataclass(frozen=True, slots=True)
class Variant:
    """A paper with some of its terms changed: (text in the blueprint, text in its place)."""

    level: str
    paper: str
    changes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class StoredPaper:
    """A variant as the database has it: its blueprint's version, its terms, the forms drawn by it."""

    version_id: int
    terms: Paper
    forms: tuple[int, ...]


def bring_banks(settings: Settings, refs: Iterable[str], *, now: datetime) -> None:
    """Import the banks of these refs from the folder of text banks."""
    for ref in refs:
        import_bank(settings.bank_dir / ref, now=now, actor=ACTOR)


def prepare_papers(
    settings: Settings, variants: Iterable[Variant], *, forms: int, now: datetime, rng: random.Random
) -> dict[Variant, StoredPaper]:
    """Bring in the banks that `variants` need, store their blueprints and draw `forms` forms of each."""
    wanted = list(dict.fromkeys(variants))
    bring_banks(settings, sorted({one.level for one in wanted}), now=now)
    with unit_of_work() as session:
        return {one: _prepare(session, settings, one, forms, now, rng) for one in wanted}


def _prepare(
    session: Session, settings: Settings, variant: Variant, forms: int, now: datetime, rng: random.Random
) -> StoredPaper:
    text = blueprint_text(settings.blueprint_dir / f"{variant.level}.toml")
    for old, new in variant.changes:
        text = text.replace(old, new)
    version_id = store_blueprint(session, text, now=now, actor=ACTOR).id
    sources = DrawSources(session)
    drawn = [
        draw_and_freeze(
            session, sources, blueprint_version_id=version_id, paper_code=variant.paper, now=now, rng=rng
        ).id
        for _ in range(forms)
    ]
    return StoredPaper(version_id, paper_of(session, version_id, variant.paper), tuple(drawn))
