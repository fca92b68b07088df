"""What a candidate's page reported about itself, and from where else their login was used: evidence, no verdict.

The reports are rows of the journal, bounded by its quota; nothing follows from them by itself.

Source: R-42, R-64.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.models import AuditEntry
from cbt.delivery.models import JournalEntry

TOLD = ("blur", "fullscreen_exit", "paste", "elsewhere")
"""What is told of: the window left, full screen left, something pasted, a second address."""
MOST_SHOWN = 40
MOST_READ = 2000


@dataclass(frozen=True, slots=True)
class Signal:
    """One of them: when, and of a window that was left for how long (None: it was not heard to come back)."""

    kind: str
    at: datetime
    away: timedelta | None = None
    address: str = ""


@dataclass(frozen=True, slots=True)
class Signals:
    """How many of each kind, how long the window was left in all, and the latest, the newest first."""

    counts: Mapping[str, int]
    away: timedelta
    latest: Sequence[Signal]


def signals_of(session: Session, attempt_id: int | None, registration_ref: str) -> Signals:
    """Return the signals of one candidate (two queries)."""
    events: list[tuple[str, datetime]] = []
    if attempt_id is not None:
        rows = session.execute(
            select(JournalEntry.value, JournalEntry.received_at)
            .where(JournalEntry.attempt_id == attempt_id, JournalEntry.kind == "event")
            .order_by(JournalEntry.lease_epoch, JournalEntry.seq)
            .limit(MOST_READ)
        )
        events = [(json.loads(value)["type"], at) for value, at in rows if value]
    elsewhere = session.execute(
        select(AuditEntry.at, AuditEntry.after)
        .where(AuditEntry.subject == f"registration:{registration_ref}", AuditEntry.act == "door.elsewhere")
        .order_by(AuditEntry.id)
    )
    others = [Signal("elsewhere", at, address=_address(after)) for at, after in elsewhere]
    return gathered([*_of_page(events), *others])


def gathered(signals: Iterable[Signal]) -> Signals:
    """Put signals together."""
    every = sorted(signals, key=lambda one: one.at, reverse=True)
    return Signals(
        counts=Counter(one.kind for one in every),
        away=sum((one.away for one in every if one.away is not None), timedelta(0)),
        latest=every[:MOST_SHOWN],
    )


def _of_page(events: Sequence[tuple[str, datetime]]) -> Iterator[Signal]:
    """Yield what a page reported; a window that was left is back with the report that follows, if that says so."""
    of_window = [(kind, at) for kind, at in events if kind in {"blur", "focus"}]
    for (kind, at), after in zip_longest(of_window, of_window[1:]):
        if kind == "blur":
            yield Signal(kind, at, away=after[1] - at if after is not None and after[0] == "focus" else None)
    yield from (Signal(kind, at) for kind, at in events if kind in TOLD and kind != "blur")


def _address(after: str) -> str:
    said = json.loads(after) if after else {}
    return str(said.get("address", "")) if isinstance(said, dict) else ""
