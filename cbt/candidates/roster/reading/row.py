"""A line of a roster as the rest of the product knows it, and as it was sent."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from cbt.candidates.roster.reading.wishes import Wish
from cbt.sheets.columns import Heading
from cbt.sheets.findings import Place


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One line of a file: a person, and which papers of which level are asked for.

    `row` is the line in its sheet, `order` its place among all lines of the file. `paper` is the cell that names
    papers, as it stands there; `marks` are those that have a column each, with what is asked: `first`, `retake`, or
    "" where a mark says no more than that the paper is taken.
    """

    row: int
    order: int
    heading: Heading = field(repr=False, compare=False)
    name: str
    document_type: str
    document_number: str = field(repr=False)
    level: str
    paper: str
    marks: tuple[tuple[str, str], ...]
    details: Mapping[str, str] = field(repr=False, hash=False)
    """What it says of each of `fields.DETAILS`, "" for nothing."""
    unit: str
    batch: str
    eligibility: str
    kind: str
    ticket: str
    wish: Wish
    factor: Decimal
    extra: timedelta
    tools: str
    accommodation: str
    note: str
    occupation: str

    @property
    def room(self) -> str:
        """The room it asks for, "" for any."""
        return self.wish.room

    @property
    def seat(self) -> int | None:
        """The seat it asks for."""
        return self.wish.seat

    @property
    def employer(self) -> str:
        """Where the person works, "" for nowhere that is told."""
        return self.details["employer"]

    @property
    def group(self) -> str:
        """Whom it belongs with: who sent it in, else the employer."""
        return self.unit or self.employer

    def place(self, column: str) -> Place:
        """Return where a field of this line stands."""
        return self.heading.place(self.row, column)


@dataclass(frozen=True, slots=True)
class SentLine:
    """The cells of one line by their fields, and what is known of them beside their text."""

    number: int
    order: int
    heading: Heading
    cells: Mapping[str, str]
    lost: Set[str] = frozenset()
    resident: bool = False
    """Whether the header says that numbers are those of resident identity cards."""
    typed: bool = True
    """Whether the file has a column for the kind of document."""
    twins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What further columns for a field say."""
