"""What a roster file holds: its rows, and everything to look at in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from cbt.candidates.roster import columns


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to look at: where it stands, what stands there, which catalogue entry explains it.

    `stop` keeps the whole file out; otherwise it is only a hint. Document numbers are masked.
    """

    row: int
    column: str
    value: str
    code: str
    params: Mapping[str, object] = field(default_factory=dict)
    stop: bool = True


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One registration as the file asks for it."""

    row: int
    name: str
    document_type: str
    document_number: str = field(repr=False)
    level: str
    paper: str
    gender: str
    phone: str = field(repr=False)
    employer: str
    batch: str
    eligibility: str
    kind: str
    ticket: str
    room: str
    seat: int | None
    factor: Decimal
    extra: timedelta
    accommodation: str
    note: str
    occupation: str


@dataclass(frozen=True, slots=True)
class Roster:
    """What a file holds: its readable rows, everything wrong with it, and how its columns were understood.

    `refused` are the rows that a problem keeps out, with what of them could be read.
    """

    rows: tuple[RosterRow, ...]
    refused: tuple[RosterRow, ...]
    problems: tuple[Problem, ...]
    headers: Mapping[str, str]
    ignored: tuple[str, ...]
    total: int

    def header(self, column: str) -> str:
        """Return the header of a column as the file spells it, or as the template does."""
        return self.headers.get(column, columns.COLUMNS[column][0])
