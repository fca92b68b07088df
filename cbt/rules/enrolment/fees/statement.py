"""对账单: what a unit owes for a batch, person by person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cbt.rules.enrolment.fees.ledger import FeeLedger
from cbt.rules.enrolment.fees.lines import FeeLine


@dataclass(frozen=True, slots=True)
class ChargedLine:
    """A line with its place in the ledger and the person it is for."""

    ref: str
    person: str
    line: FeeLine


@dataclass(frozen=True, slots=True)
class StatementRow:
    """A line as a statement shows it: what is asked, what is paid, what is left; a cancelled one asks nothing."""

    charged: ChargedLine
    fen: int
    paid: int
    open: int


@dataclass(frozen=True, slots=True)
class FeeStatement:
    """The rows of a statement and their sums."""

    rows: tuple[StatementRow, ...]

    @property
    def fen(self) -> int:
        """What is asked for altogether."""
        return sum(row.fen for row in self.rows)

    @property
    def paid(self) -> int:
        """What is paid of it."""
        return sum(row.paid for row in self.rows)

    @property
    def open(self) -> int:
        """What is left of it."""
        return sum(row.open for row in self.rows)

    @property
    def people(self) -> int:
        """How many people it is for."""
        return len({row.charged.person for row in self.rows})


def statement_of(ledger: FeeLedger, lines: Iterable[ChargedLine]) -> FeeStatement:
    """Return the statement of some lines of a payer's ledger, in their order. Source: R-76."""
    paid, left = ledger.paid_by_line(), ledger.open_by_line()
    rows = ((one, paid.get(one.ref, 0), left[one.ref]) for one in lines)
    return FeeStatement(tuple(StatementRow(one, done + rest, done, rest) for one, done, rest in rows))
