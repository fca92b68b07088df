"""What a roster file holds: its rows, and everything to look at in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from cbt.sheets.columns import Heading
from cbt.sheets.findings import Finding


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
    """What a file holds: its readable rows, everything found in it, and how its columns were understood.

    `refused` are the rows that an error keeps out, with what of them could be read. Values of findings are short,
    and document numbers in them masked.
    """

    rows: tuple[RosterRow, ...]
    refused: tuple[RosterRow, ...]
    findings: tuple[Finding, ...]
    heading: Heading

    @property
    def total(self) -> int:
        """How many rows there are, readable or not."""
        return len(self.rows) + len(self.refused)

    @property
    def headers(self) -> dict[str, str]:
        """The header of each column that is read, as the file spells it."""
        return {use.field: use.header for use in self.heading.uses if use.field}

    @property
    def ignored(self) -> tuple[str, ...]:
        """The headers of the columns that are left out."""
        return tuple(use.header for use in self.heading.uses if use.header and not use.field)
