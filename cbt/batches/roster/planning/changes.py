"""What a line says otherwise than what is registered already; an empty cell says nothing."""

from __future__ import annotations

from datetime import timedelta

from cbt.batches.roster.planning.known import KnownPaper
from cbt.batches.roster.planning.values import RowChange
from cbt.candidates.models import Candidate
from cbt.candidates.roster.choosing import PaperRow
from cbt.personal.fields import DETAILS
from cbt.rules.states.sitting import BEFORE_THE_START, SittingState

_MICROSECOND = timedelta(microseconds=1)


def change_of(asked: PaperRow, candidate: Candidate, known: KnownPaper) -> RowChange | None:
    """Return what a line changes of a registration, None for nothing; nothing changes once its room has started.

    Source: R-30.
    """
    if SittingState(known.sitting_room.state) not in BEFORE_THE_START:
        return None
    row, one = asked.row, known.registration
    shown: list[tuple[str, str, str]] = []
    person: dict[str, str] = {}
    terms: dict[str, str] = {}
    for name, detail in DETAILS.items():
        said, stored = row.details[name], detail.value_of(candidate)
        if said and stored is not None and said != stored:  # one that nothing opens is sealed anew
            person[name] = said
            shown.append((name, detail.mask(stored), detail.mask(said)))
    if asked.kind != one.kind and (row.marks or "kind" in row.heading.places):
        terms["kind"] = asked.kind
        shown.append(("kind", one.kind, asked.kind))
    for column in ("eligibility", "note"):
        said, stored = getattr(row, column), getattr(one, column)
        if said and said != stored:
            terms[column] = said
            shown.append((column, stored, said))
    if row.accommodation and (row.factor, row.extra, row.tools) != (one.factor, one.extra, one.tools):
        terms["factor"] = str(row.factor)
        terms["extra"] = str(row.extra // _MICROSECOND)
        terms["tools"] = row.tools
        terms["accommodation_note"] = row.accommodation
        shown.append(("accommodation", one.accommodation_note, row.accommodation))
    if not shown:
        return None
    return RowChange(row.row, row.name, candidate.id, one.id, person, terms, tuple(shown))
