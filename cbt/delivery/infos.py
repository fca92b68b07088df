"""What never changes about an attempt, read once per process: its form's positions and its paper."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy.engine import Engine

from cbt.db.unit_of_work import raw_reading, reading
from cbt.delivery.clock_json import warnings_text
from cbt.delivery.guard import AttemptInfo, Dialect
from cbt.errors import NotFound
from cbt.exams.store import blueprint_of, paper_of
from cbt.exams.titles import paper_title
from cbt.rules.paper import Paper

CACHED_ATTEMPTS = 20_000
Position = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _KnownPaper:
    paper: Paper
    title: str
    warnings: str


class InfoCache:
    """Finds the AttemptInfo of a public identifier; only immutable things are kept."""

    def __init__(self, engine: Engine, context: Callable[[], Any]) -> None:
        """`context` opens the app's context, for the few reads that need it."""
        self._engine = engine
        self._context = context
        self._known: dict[str, AttemptInfo] = {}
        self._papers: dict[tuple[int, str], _KnownPaper] = {}
        self._select = Dialect(engine.dialect.name).sql(
            "SELECT a.id, r.ref, r.blueprint_version_id, r.paper, f.id, f.bank_id, f.content FROM attempt a "
            "JOIN registration r ON r.id = a.registration_id JOIN form f ON f.id = a.form_id WHERE a.ref = ?"
        )

    def known(self, ref: str) -> AttemptInfo | None:
        """Return the facts of `ref` when this process has read them before."""
        return self._known.get(ref)

    def get(self, ref: str) -> AttemptInfo:
        """Return the facts of `ref`; raise NotFound("attempt.unknown")."""
        return self._known.get(ref) or self.read(ref)[0]

    def read(self, ref: str) -> tuple[AttemptInfo, list[Position]]:
        """Return the facts of `ref` and the positions of its form; raise NotFound("attempt.unknown")."""
        with raw_reading(self._engine) as cursor:
            cursor.execute(self._select, (ref,))
            row = cursor.fetchone()
        if row is None:
            raise NotFound("attempt.unknown")
        attempt_id, registration_ref, version_id, code, form_id, bank_id, content = row
        positions = json.loads(content)["positions"]
        known = self._paper(version_id, code)
        info = self._known.get(ref)
        if info is None:
            info = AttemptInfo(
                attempt_id=attempt_id,
                registration_ref=registration_ref,
                shapes=tuple([_shape_of(place) for place in positions]),
                units=_windows(positions, known.paper),
                paper=known.paper,
                title=known.title,
                warnings=known.warnings,
                form_id=form_id,
                bank_id=bank_id,
            )
            if len(self._known) >= CACHED_ATTEMPTS:
                self._known.clear()
            self._known[ref] = info
        return info, positions

    def _paper(self, version_id: int, code: str) -> _KnownPaper:
        known = self._papers.get((version_id, code))
        if known is None:
            with self._context(), reading() as session:
                paper = paper_of(session, version_id, code)
                title = paper_title(blueprint_of(session, version_id), code)
            known = self._papers[version_id, code] = _KnownPaper(paper, title, warnings_text(paper))
        return known


def _windows(positions: Sequence[Position], paper: Paper) -> tuple[int, ...]:
    """Return the strict window (from 1) of each position; 0 when the paper's time is one pool."""
    if not paper.windows:
        return (0,) * len(positions)
    if paper.units:
        return tuple([int(place["unit"]) for place in positions])
    return tuple([int(place["section"]) + 1 for place in positions])


def _shape_of(place: Position) -> Mapping[str, Any]:
    lefts, blanks = place.get("lefts") or (), place.get("blanks") or 0
    return _shape(place["type"], len(place["order"]), len(lefts), int(blanks))


@lru_cache(maxsize=4096)
def _shape(kind: str, shown: int, lefts: int, blanks: int) -> Mapping[str, Any]:
    return {"type": kind, "order": range(shown), "lefts": range(lefts), "blanks": blanks}
