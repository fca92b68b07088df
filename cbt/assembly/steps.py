"""Draws a form and freezes it.

Source: R-8, R-43.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from cbt.assembly.arranging import Arranged, keep
from cbt.assembly.models import Form
from cbt.assembly.sources import DrawSources
from cbt.errors import Conflict
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.scoring.arrangement import arranged
from cbt.web.refs import new_ref

SEED_BITS = 48
TRIES = 400

Clashes = Callable[[Mapping[int, str]], int]


@dataclass(frozen=True, slots=True)
class DrawnForm:
    """A form that was drawn and is not stored yet, with all that is stored beside it."""

    blueprint_version_id: int
    paper: str
    bank_id: int
    bank_revision: str
    seed: int
    content: str
    sha256: str
    arrangement: str
    cases: Mapping[int, str]
    """Which case each unit of a skills form holds."""
    items: frozenset[str]
    """The items, cases among them, that it holds."""


def draw(
    sources: DrawSources,
    *,
    blueprint_version_id: int,
    paper_code: str,
    rng: random.Random,
    clashes: Clashes = lambda _cases: 0,
    without: frozenset[str] = frozenset(),
) -> DrawnForm:
    """Draw one form of a paper; nothing is written.

    `clashes` counts how often the cases of a draw (unit -> case) are a neighbour's; while it counts any, the next
    seed is tried, and when no seed is free of them (the bank has no other case) the one with the fewest stands.

    Only the seed and `without` decide what is drawn, so they, bank revision and blueprint give the same form
    again. A bank is read once for all that is drawn from `sources`. What is 互斥 with the candidate's other papers
    (`without`) is left out where the bank can do without it. Raises Conflict naming the constraint a draw cannot
    keep.

    Source: R-8, R-43.
    """
    bank, paper = sources.bank_of(blueprint_version_id), (blueprint_version_id, paper_code)
    try:
        seed = _seed(sources, paper, rng, clashes, without)
        content = sources.content(*paper, seed=seed, without=without)
    except Conflict:
        if not without:
            raise
        seed = _seed(sources, paper, rng, clashes, frozenset())
        content = sources.content(*paper, seed=seed)
    text = canonical_json(content)
    return DrawnForm(
        blueprint_version_id=blueprint_version_id,
        paper=paper_code,
        bank_id=bank.id,
        bank_revision=bank.revision,
        seed=seed,
        content=text,
        sha256=digest(text),
        arrangement=arranged(content),
        cases=cases_of(content),
        items=items_of(content),
    )


def freeze(session: Session, drawn: Sequence[DrawnForm], *, now: datetime) -> list[Form]:
    """Store forms that were drawn; nothing changes them any more. Source: R-43."""
    forms = [
        Form(
            ref=new_ref("fm"),
            blueprint_version_id=form.blueprint_version_id,
            paper=form.paper,
            bank_id=form.bank_id,
            bank_revision=form.bank_revision,
            seed=form.seed,
            content=form.content,
            sha256=form.sha256,
            drawn_at=now,
        )
        for form in drawn
    ]
    session.add_all(forms)
    session.flush()
    keep(
        session,
        {
            form.id: Arranged(source.bank_id, source.arrangement, sha256=source.sha256)
            for form, source in zip(forms, drawn, strict=True)
        },
    )
    return forms


def draw_and_freeze(
    session: Session,
    sources: DrawSources,
    *,
    blueprint_version_id: int,
    paper_code: str,
    now: datetime,
    rng: random.Random,
) -> Form:
    """Draw one form and store it, where nobody waits for who writes: a world that is built."""
    drawn = draw(sources, blueprint_version_id=blueprint_version_id, paper_code=paper_code, rng=rng)
    return freeze(session, [drawn], now=now)[0]


def _seed(
    sources: DrawSources,
    paper: tuple[int, str],
    rng: random.Random,
    clashes: Clashes,
    without: frozenset[str],
) -> int:
    """Return the seed to draw with; only its cases are drawn here, which costs next to nothing."""
    best: tuple[int, int] | None = None
    for _ in range(TRIES):
        seed = rng.getrandbits(SEED_BITS)
        count = clashes(sources.cases(*paper, seed=seed, without=without))
        if best is None or count < best[0]:
            best = count, seed
        if not count:
            break
    if best is None:
        raise Conflict("assembly.no_draw")
    return best[1]


def draw_content(
    session: Session,
    blueprint_version_id: int,
    paper_code: str,
    *,
    seed: int,
    without: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """Return the content that `seed` draws from the bank as it is now, `without` some of its items."""
    return DrawSources(session).content(blueprint_version_id, paper_code, seed=seed, without=without)


def items_of(content: Mapping[str, Any]) -> frozenset[str]:
    """Return the items, cases among them, that a form holds."""
    return frozenset(str(position["item"]) for position in content.get("positions", ()))


def cases_of(content: Mapping[str, Any]) -> dict[int, str]:
    """Return which case each unit of a skills form holds."""
    return {int(unit["number"]): str(unit["item"]) for unit in content.get("units", ())}
