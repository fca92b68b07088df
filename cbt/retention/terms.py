"""How long records are kept: the one place that says so (R-95)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.db.unit_of_work import unit_of_work
from cbt.errors import InvalidInput
from cbt.retention.models import ONLY, RetentionTerms
from cbt.rules.retention import ELECTRONIC_YEARS, MOST_YEARS, PAPER_YEARS
from cbt.web.texts import whole_number

KINDS = ("electronic", "paper")


@dataclass(frozen=True, slots=True)
class KeptYears:
    """So many years electronic records and paper are kept."""

    electronic: int = ELECTRONIC_YEARS
    paper: int = PAPER_YEARS

    def of(self, kind: str) -> int:
        """Return the years of a kind."""
        return self.electronic if kind == "electronic" else self.paper

    def told(self) -> dict[str, int]:
        """Return them as the log has them."""
        return {"electronic_years": self.electronic, "paper_years": self.paper}


def kept_years(session: Session) -> KeptYears:
    """Return how long records are kept."""
    row = session.get(RetentionTerms, ONLY)
    return KeptYears() if row is None else KeptYears(row.electronic, row.paper)


def change_terms(electronic: str, paper: str, *, now: datetime, actor: str) -> None:
    """Say how long records are kept; raise InvalidInput("retention.years") at the one that is no number of years.

    Source: R-95.
    """
    years = {}
    for kind, text in zip(KINDS, (electronic, paper), strict=True):
        number = whole_number(text.strip(), most=MOST_YEARS)
        if not number:
            raise InvalidInput("retention.years", field=kind, maximum=MOST_YEARS)
        years[kind] = number
    wanted = KeptYears(**years)
    with unit_of_work() as session:
        before = kept_years(session)
        if before == wanted:
            return
        session.merge(RetentionTerms(id=ONLY, **asdict(wanted)))
        record(
            session,
            at=now,
            actor=actor,
            act="retention.terms",
            subject="retention_terms:1",
            before=before.told(),
            after=wanted.told(),
        )
