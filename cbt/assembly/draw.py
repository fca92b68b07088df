"""A form: read the banks once for a whole drawing, draw it by a seed, freeze it.

Source: R-8, R-43.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from cbt.assembly.arrangements import Arranged, keep
from cbt.assembly.models import Form
from cbt.bank.store import bank_by_ref, drawn_from, taxonomy_of
from cbt.blueprints.store import blueprint_of
from cbt.errors import CbtError, Conflict
from cbt.items.models import ItemBank
from cbt.rules.assembly.form import Drawable, PaperSource
from cbt.rules.assembly.selection import mutual_enemies
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.scoring.marks import arranged
from cbt.storage.types import new_ref


@dataclass(frozen=True, slots=True)
class BankSource:
    """A bank as a draw sees it: its revision, the items that may be drawn, their weights and importances."""

    id: int
    revision: str
    items: Sequence[Drawable]
    weights: Mapping[str, int]
    importances: Mapping[str, str]


class DrawSources:
    """The banks and papers of one drawing.

    Each bank is read when it is first asked for and stays as it was then, however many forms are drawn and however
    many seeds are tried for each.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._banks: dict[str, BankSource] = {}
        self._papers: dict[tuple[int, str], PaperSource] = {}
        self._enemies: dict[str, Mapping[str, frozenset[str]]] = {}

    def prepare(self, blueprint_version_id: int, papers: Iterable[str]) -> None:
        """Read and look through all that forms of these papers are drawn from, so that a draw only chooses.

        What cannot be drawn is for the draw to refuse.
        """
        for paper_code in papers:
            with suppress(CbtError):
                self.content(blueprint_version_id, paper_code, seed=0)
                self.enemies_in(self.bank_ref_of(blueprint_version_id))

    def read_by(self, session: Session) -> None:
        """Have what was not read yet be read by another session from now on."""
        self._session = session

    def bank(self, ref: str) -> BankSource:
        """Return a bank; raise NotFound("bank.unknown")."""
        if ref not in self._banks:
            bank = bank_by_ref(self._session, ref)
            revision, found = drawn_from(self._session, bank.id)
            self._banks[ref] = BankSource(bank.id, revision, *found)
        return self._banks[ref]

    def bank_of(self, blueprint_version_id: int) -> BankSource:
        """Return the bank that a blueprint's papers are drawn from."""
        return self.bank(self.bank_ref_of(blueprint_version_id))

    def bank_ref_of(self, blueprint_version_id: int) -> str:
        """Return the ref of the bank that a blueprint's papers are drawn from."""
        return blueprint_of(self._session, blueprint_version_id).bank

    def enemies_in(self, ref: str) -> Mapping[str, frozenset[str]]:
        """Return what each item of a bank must not meet in the papers of one candidate. Source: R-8."""
        if ref not in self._enemies:
            self._enemies[ref] = mutual_enemies(self.bank(ref).items)
        return self._enemies[ref]

    def content(
        self, blueprint_version_id: int, paper_code: str, *, seed: int, without: frozenset[str] = frozenset()
    ) -> dict[str, Any]:
        """Return the content that `seed` draws, `without` some of the items; raise Conflict as a draw does.

        Source: R-8, R-43.
        """
        with self._explained(blueprint_version_id):
            return self._paper(blueprint_version_id, paper_code).form(
                rng=random.Random(seed), without=without
            )

    def cases(
        self, blueprint_version_id: int, paper_code: str, *, seed: int, without: frozenset[str] = frozenset()
    ) -> dict[int, str]:
        """Return the case of each unit that `seed` draws, without the rest of the form; none for other papers."""
        with self._explained(blueprint_version_id):
            return self._paper(blueprint_version_id, paper_code).cases(
                rng=random.Random(seed), without=without
            )

    def _paper(self, blueprint_version_id: int, paper_code: str) -> PaperSource:
        asked = blueprint_version_id, paper_code
        if asked not in self._papers:
            bank = self.bank_of(blueprint_version_id)
            paper = blueprint_of(self._session, blueprint_version_id).papers[paper_code]
            self._papers[asked] = PaperSource(paper, bank.items, bank.weights, bank.importances)
        return self._papers[asked]

    @contextmanager
    def _explained(self, blueprint_version_id: int) -> Iterator[None]:
        try:
            yield
        except Conflict as error:
            raise self._in_words(error, blueprint_version_id) from error

    def _in_words(self, error: Conflict, blueprint_version_id: int) -> Conflict:
        """Return a refusal that calls its range by code and name."""
        code = error.params.get("range")
        if not code:
            return error
        bank = self._session.get_one(ItemBank, self.bank_of(blueprint_version_id).id)
        names = {one.code: one.name for one in taxonomy_of(self._session, bank).ranges}
        return Conflict(error.code, **error.params | {"range": f"{code} {names.get(str(code), '')}".strip()})


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
