"""What the save path knows about an attempt: immutable facts cached per process, the row read per save."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import select

from cbt.assembly.models import Form
from cbt.candidates.models import Registration
from cbt.db.types import bind_instant, read_instant
from cbt.db.unit_of_work import reading
from cbt.delivery.models import Attempt
from cbt.errors import NotFound
from cbt.exams.store import paper_of
from cbt.rules import timing
from cbt.rules.attempt_state import State
from cbt.rules.paper import Paper

CACHED_ATTEMPTS = 20_000


@dataclass(frozen=True, slots=True)
class AttemptInfo:
    """What never changes about an attempt once its form is frozen."""

    attempt_id: int
    registration_ref: str
    shapes: tuple[Mapping[str, Any], ...]
    """What may come in at each position (index 0 is position 1); equal shapes are one object."""
    units: tuple[int, ...]
    """The strict unit of each position; 0 when its time is the paper's."""
    paper: Paper


class InfoCache:
    """Finds the AttemptInfo of a public identifier; only immutable things are kept."""

    def __init__(self) -> None:
        self._known: dict[str, AttemptInfo] = {}

    def known(self, ref: str) -> AttemptInfo | None:
        """Return the facts of `ref` when this process has read them before."""
        return self._known.get(ref)

    def get(self, ref: str) -> AttemptInfo:
        """Return the facts of `ref`; raise NotFound("attempt.unknown")."""
        info = self._known.get(ref)
        if info is None:
            info = _load(ref)
            if len(self._known) >= CACHED_ATTEMPTS:
                self._known.clear()
            self._known[ref] = info
        return info


def _load(ref: str) -> AttemptInfo:
    query = (
        select(
            Attempt.id, Registration.ref, Registration.blueprint_version_id, Registration.paper, Form.content
        )
        .join(Registration, Registration.id == Attempt.registration_id)
        .join(Form, Form.id == Attempt.form_id)
        .where(Attempt.ref == ref)
    )
    with reading() as session:
        row = session.execute(query).one_or_none()
        if row is None:
            raise NotFound("attempt.unknown")
        paper = paper_of(session, row.blueprint_version_id, row.paper)
    positions = json.loads(row.content)["positions"]
    strict = bool(paper.windows)
    by_unit = bool(paper.units)
    return AttemptInfo(
        attempt_id=row.id,
        registration_ref=row.ref,
        shapes=tuple(
            _shape(
                place["type"],
                len(place["order"]),
                len(place.get("lefts") or ()),
                int(place.get("blanks") or 0),
            )
            for place in positions
        ),
        units=tuple(
            (int(place["unit"]) if by_unit else int(place["section"]) + 1) if strict else 0
            for place in positions
        ),
        paper=paper,
    )


@lru_cache(maxsize=4096)
def _shape(kind: str, shown: int, lefts: int, blanks: int) -> Mapping[str, Any]:
    return {"type": kind, "order": range(shown), "lefts": range(lefts), "blanks": blanks}


@dataclass(frozen=True, slots=True)
class Guard:
    """The attempt's row as one transaction sees it; closing and saving exclude each other on it."""

    state: str
    lease_hash: str | None
    lease_epoch: int
    closes_at: datetime | None
    earliest_submit_at: datetime | None
    open_unit: int | None
    unit_ends_at: datetime | None
    prior_unit: int | None
    prior_unit_ends_at: datetime | None
    grace: timedelta
    has_message: bool
    left_at: datetime | None
    seen_at: datetime | None

    def takes(self, unit: int, *, now: datetime) -> bool:
        """Return whether an entry for a position of `unit` (0: the whole paper) counts at `now`.

        Source: R-21, R-24.
        """
        if not self._open(self.closes_at, now):
            return False
        if unit == 0:
            return True
        if unit == self.open_unit:
            return self._open(self.unit_ends_at, now)
        return unit == self.prior_unit and self._open(self.prior_unit_ends_at, now)

    def in_grace(self, unit: int, *, now: datetime) -> bool:
        """Return whether an entry counts only by the transport grace, which is recorded on it (R-21)."""
        end_at = self.closes_at
        if unit:
            end_at = self.unit_ends_at if unit == self.open_unit else self.prior_unit_ends_at
        return timing.in_grace(now, closes_at=end_at, grace=self.grace)

    def _open(self, end_at: datetime | None, now: datetime) -> bool:
        return timing.accepts_answers(now, opens_at=now, closes_at=end_at, grace=self.grace)

    @property
    def over(self) -> bool:
        """Return whether the attempt is closed."""
        return self.state in (State.CLOSED, State.SCORED)


_COLUMNS = (
    "a.state, a.lease_hash, a.lease_epoch, a.closes_at, a.earliest_submit_at, a.open_unit, a.unit_ends_at, "
    "a.prior_unit, a.prior_unit_ends_at, a.grace, a.has_message, r.left_at, l.seen_at"
)
_FROM = (
    "FROM attempt a JOIN registration r ON r.id = a.registration_id "
    "LEFT JOIN attempt_live l ON l.attempt_id = a.id WHERE a.id = "
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """The few places where the two databases write the save path's SQL differently."""

    name: str

    def sql(self, text: str) -> str:
        """Return `text`, written with `?`, in this driver's parameter style."""
        return text.replace("?", "%s") if self.name == "postgresql" else text

    def instant(self, value: datetime) -> Any:
        """Return `value` as this database binds it."""
        return bind_instant(value, self.name)

    def read_guard(self, cursor: Any, attempt_id: int) -> Guard:
        """Read the attempt's row; on PostgreSQL it is share-locked, so no closing passes before the commit."""
        lock = " FOR SHARE OF a" if self.name == "postgresql" else ""
        return self._guard(cursor, attempt_id, lock)

    def peek_guard(self, cursor: Any, attempt_id: int) -> Guard:
        """Read the attempt's row without a lock, for showing it."""
        return self._guard(cursor, attempt_id, "")

    def _guard(self, cursor: Any, attempt_id: int, lock: str) -> Guard:
        cursor.execute(self.sql(f"SELECT {_COLUMNS} {_FROM}?{lock}"), (attempt_id,))
        row = cursor.fetchone()
        return Guard(
            state=row[0],
            lease_hash=row[1],
            lease_epoch=row[2],
            closes_at=_instant(row[3]),
            earliest_submit_at=_instant(row[4]),
            open_unit=row[5],
            unit_ends_at=_instant(row[6]),
            prior_unit=row[7],
            prior_unit_ends_at=_instant(row[8]),
            grace=timedelta(microseconds=row[9]),
            has_message=bool(row[10]),
            left_at=_instant(row[11]),
            seen_at=_instant(row[12]),
        )


def _instant(value: Any) -> datetime | None:
    return None if value is None else read_instant(value)
