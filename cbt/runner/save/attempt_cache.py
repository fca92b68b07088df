"""What never changes about an attempt, read once per process: its positions and its paper."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Engine

from cbt.blueprints.store import blueprint_of, paper_of
from cbt.errors import NotFound
from cbt.rules.exam import Paper, tools_in
from cbt.runner.paper.layout import PositionShape, read_layout
from cbt.runner.protocol import warnings_text
from cbt.runner.save.attempt_row import AttemptInfo, Dialect, PaperKey
from cbt.runner.start.batch import FORM_COLUMNS, FORM_TABLES, FormRow
from cbt.storage.unit_of_work import raw_reading, reading

CACHED_ATTEMPTS = 100_000


@dataclass(frozen=True, slots=True)
class FrozenForm:
    """The form of an attempt, the layout that most forms of its paper share, the candidate's own tools."""

    form_id: int
    layout: str
    tools: Sequence[str]
    """As they stand now: an accommodation may still change before the start (R-30)."""


@dataclass(frozen=True, slots=True)
class TitledPaper:
    """A paper of a blueprint's version, and what is said of it."""

    paper: Paper
    title: str
    warnings: str


@dataclass(frozen=True, slots=True)
class _KnownLayout:
    shapes: Sequence[Mapping[str, Any]]
    units: Sequence[int]


class InfoCache:
    """Finds the AttemptInfo of a public identifier; only immutable things are kept."""

    def __init__(self, engine: Engine, context: Callable[[], Any]) -> None:
        """`context` opens the app's context, for the few reads that need it."""
        self.engine = engine
        self._context = context
        self._known: dict[str, AttemptInfo] = {}
        self._papers: dict[PaperKey, TitledPaper] = {}
        self._layouts: dict[tuple[PaperKey, str], _KnownLayout] = {}
        sql = Dialect(engine.dialect.name).sql
        self._meeting = threading.Lock()
        self._select_room = sql(
            "SELECT a.ref, a.id, r.ref, r.blueprint_version_id, r.paper, a.layout FROM attempt asked "
            "JOIN attempt a ON a.sitting_room_id = asked.sitting_room_id "
            "AND (a.id = asked.id OR a.started_at IS NOT NULL) "
            "JOIN registration r ON r.id = a.registration_id WHERE asked.ref = ?"
        )
        self._select_form = sql(f"SELECT {FORM_COLUMNS} {FORM_TABLES} = ?")

    def get(self, ref: str) -> AttemptInfo:
        """Return the facts of `ref`; raise NotFound("attempt.unknown")."""
        return self._known.get(ref) or self._meet(ref)

    def known(self, ref: str) -> AttemptInfo | None:
        """Return the facts of `ref` where this process has met it."""
        return self._known.get(ref)

    def read(self, ref: str) -> tuple[AttemptInfo, FrozenForm]:
        """Return the facts of `ref` and its form; raise NotFound("attempt.unknown")."""
        with raw_reading(self.engine) as cursor:
            cursor.execute(self._select_form, (ref,))
            row = cursor.fetchone()
        if row is None:
            raise NotFound("attempt.unknown")
        return self.learn(ref, FormRow(*row))

    def learn(self, ref: str, row: FormRow) -> tuple[AttemptInfo, FrozenForm]:
        info = self._known.get(ref) or self._keep(ref, *row[:5])
        return info, FrozenForm(row.form_id, row.layout, tools_in(row.tools))

    def _meet(self, ref: str) -> AttemptInfo:
        """Read an attempt that this process meets for the first time, and with it whoever sits in its room.

        They answer, and hand in, at the same time: a query for each of them would be much of what that costs.
        """
        with self._meeting:
            if ref in self._known:  # another thread has read the room meanwhile
                return self._known[ref]
            with raw_reading(self.engine) as cursor:
                cursor.execute(self._select_room, (ref,))
                rows = cursor.fetchall()
            if not rows:
                raise NotFound("attempt.unknown")
            infos = {one: self._known.get(one) or self._keep(one, *row) for one, *row in rows}
        return infos[ref]

    def paper(self, key: PaperKey) -> Paper:
        return self.known_paper(key).paper

    def _keep(
        self, ref: str, attempt_id: int, registration_ref: str, version_id: int, code: str, layout: str
    ) -> AttemptInfo:
        key = (version_id, code)
        titled_paper = self.known_paper(key)
        known_layout = self._layouts.get((key, layout))
        if known_layout is None:
            places = read_layout(layout)
            shapes = tuple([place.shape for place in places])
            known_layout = self._layouts[key, layout] = _KnownLayout(
                shapes, _windows(places, titled_paper.paper)
            )
        info = AttemptInfo(
            attempt_id=attempt_id,
            registration_ref=registration_ref,
            shapes=known_layout.shapes,
            units=known_layout.units,
            paper_key=key,
            paper=titled_paper.paper,
            title=titled_paper.title,
            warnings=titled_paper.warnings,
        )
        if len(self._known) >= CACHED_ATTEMPTS:
            self._known.clear()
        self._known[ref] = info
        return info

    def known_paper(self, key: PaperKey) -> TitledPaper:
        """Return a paper of a blueprint's version with its title, and the warnings of its clock as text."""
        titled_paper = self._papers.get(key)
        if titled_paper is None:
            version_id, code = key
            with self._context(), reading() as session:
                paper = paper_of(session, version_id, code)
                title = blueprint_of(session, version_id).paper_title(code)
            titled_paper = self._papers[key] = TitledPaper(paper, title, warnings_text(paper))
        return titled_paper


def _windows(places: Sequence[PositionShape], paper: Paper) -> tuple[int, ...]:
    """Return the strict window (from 1) of each position; 0 when the paper's time is one pool."""
    if not paper.windows:
        return (0,) * len(places)
    if paper.units:
        return tuple([int(place.unit or 0) for place in places])
    return tuple([int(place.section or 0) + 1 for place in places])
