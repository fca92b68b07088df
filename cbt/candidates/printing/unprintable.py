"""What the fonts that travel with the product cannot print of the people of a sitting."""

from __future__ import annotations

from sqlalchemy import func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from cbt.candidates.models import Candidate, Registration
from cbt.personal.fields import DETAILS
from cbt.printing.fonts import lacking

_PRINTED: tuple[InstrumentedAttribute[str], ...] = (
    Candidate.name,
    *(getattr(Candidate, detail.column) for detail in DETAILS.values() if detail.printed),
    Registration.note,
)
_MOST_SIGNS = 40
_MOST_TEXTS = 50
"""So many texts of each kind are named; there is more to put right than a page can tell, then."""


def unprintable_of(session: Session, sitting_id: int) -> list[tuple[str, str]]:
    """Return (text, the characters of it that the fonts lack) of the people of a sitting.

    The database hands over all their characters as one text; people are asked for where one of these is lacking.
    """
    of_sitting = Registration.sitting_id == sitting_id
    joined = select(*(func.aggregate_strings(column, "") for column in _PRINTED))
    said = session.execute(
        joined.join_from(Registration, Candidate, Candidate.id == Registration.candidate_id).where(of_sitting)
    ).one()
    signs = lacking("".join(text or "" for text in said))[:_MOST_SIGNS]
    found: dict[str, str] = {}
    for column in _PRINTED if signs else ():
        query = (
            select(column)
            .join_from(Registration, Candidate, Candidate.id == Registration.candidate_id)
            .where(of_sitting, or_(*(column.contains(sign, autoescape=True) for sign in signs)))
            .distinct()
            .order_by(column)
            .limit(_MOST_TEXTS)
        )
        found |= {text: lacking(text) for text in session.scalars(query)}
    return list(found.items())
