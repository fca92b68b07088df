"""Draws a form and freezes it.

Source: R-8, R-43.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from cbt.assembly.models import Form
from cbt.bank.store import bank_by_ref, bank_revision, drawables
from cbt.errors import Conflict
from cbt.exams.store import blueprint_of
from cbt.rules.assembly.form import draw_form
from cbt.rules.canonical import canonical_json, digest
from cbt.web.refs import new_ref

SEED_BITS = 48
TRIES = 400

Suits = Callable[[Mapping[str, Any]], bool]


def draw_and_freeze(
    session: Session,
    *,
    blueprint_version_id: int,
    paper_code: str,
    now: datetime,
    rng: random.Random,
    suits: Suits = lambda _content: True,
) -> Form:
    """Draw one form of a paper and store it; `suits` refuses a draw, and the next seed is tried.

    Only the seed decides what is drawn, so seed, bank revision and blueprint give the same form again;
    a neighbour's case is avoided by taking another seed. When no seed suits (the bank has no other case)
    the first draw stands. Raises Conflict naming the constraint a draw cannot keep.

    Source: R-8, R-43.
    """
    blueprint = blueprint_of(session, blueprint_version_id)
    bank = bank_by_ref(session, blueprint.bank)
    first: tuple[int, dict[str, Any]] | None = None
    for _ in range(TRIES):
        seed = rng.getrandbits(SEED_BITS)
        content = draw_content(session, blueprint_version_id, paper_code, seed=seed)
        first = first or (seed, content)
        if suits(content):
            break
    else:
        if first is None:
            raise Conflict("assembly.no_draw")
        seed, content = first
    text = canonical_json(content)
    form = Form(
        ref=new_ref("fm"),
        blueprint_version_id=blueprint_version_id,
        paper=paper_code,
        bank_id=bank.id,
        bank_revision=bank_revision(session, bank.id),
        seed=seed,
        content=text,
        sha256=digest(text),
        drawn_at=now,
    )
    session.add(form)
    session.flush()
    return form


def draw_content(
    session: Session, blueprint_version_id: int, paper_code: str, *, seed: int
) -> dict[str, Any]:
    """Return the content that `seed` draws from the bank as it is now."""
    blueprint = blueprint_of(session, blueprint_version_id)
    bank = bank_by_ref(session, blueprint.bank)
    items, weights, importances = drawables(session, bank.id)
    return draw_form(blueprint.papers[paper_code], items, weights, importances, rng=random.Random(seed))


def cases_of(content: Mapping[str, Any]) -> dict[int, str]:
    """Return which case each unit of a skills form holds."""
    return {int(unit["number"]): str(unit["item"]) for unit in content.get("units", ())}
