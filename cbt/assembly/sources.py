"""What forms are drawn from, read once for a whole drawing."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from cbt.bank.models import ItemBank
from cbt.bank.store import bank_by_ref, drawn_from, taxonomy_of
from cbt.errors import CbtError, Conflict
from cbt.exams.store import blueprint_of
from cbt.rules.assembly.form import Drawable, PaperSource
from cbt.rules.assembly.tally import mutual_enemies


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
