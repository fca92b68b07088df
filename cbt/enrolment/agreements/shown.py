"""How an agreement stands on a day, for pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from cbt.enrolment.agreements.models import UnitAgreement
from cbt.enrolment.agreements.store import term_of
from cbt.rules.enrolment.agreement import AgreementStanding


@dataclass(frozen=True, slots=True)
class ShownAgreement:
    """An agreement as it stands on a day; `days` are left after it, `soon` is within how many it runs out."""

    row: UnitAgreement
    standing: AgreementStanding
    last: date
    days: int
    soon: int | None


def agreement_lines(rows: Sequence[UnitAgreement], today: date) -> list[ShownAgreement]:
    """Return agreements as they stand on a day."""
    return [shown(row, today) for row in rows]


def shown(row: UnitAgreement, today: date) -> ShownAgreement:
    """Return an agreement as it stands on a day."""
    term = term_of(row)
    return ShownAgreement(
        row, term.standing(today), term.last_on, term.days_left(today), term.expires_within(today)
    )
