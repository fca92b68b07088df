"""What the checks of a plan say about papers that are to be registered, as findings of the file they came in."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from cbt.batches.checks.rows import PlannedEntry, checks_of_rows
from cbt.batches.roster.planning.values import Placement
from cbt.sheets.findings import Finding, Severity

COLUMNS = {"retake": "kind", "shape": "paper"}
"""Where a concern stands, by the first word of its code."""
CHECK = "check."
"""How the codes of findings begin that the checks of a plan made."""


def objections_to(session: Session, placements: Sequence[Placement]) -> tuple[list[Finding], set[int]]:
    """Return what speaks against papers that are to be registered, and the places of those it stops.

    Source: R-4, R-7.
    """
    rows = [
        PlannedEntry(
            key=key,
            person=one.index,
            name=one.row.name,
            candidate_id=one.candidate.id if one.candidate is not None else None,
            sitting=one.at.sitting,
            version=one.choice.version_id,
            paper=one.paper,
            kind=one.asked.kind,
            factor=one.row.factor,
            extra=one.row.extra,
        )
        for key, one in enumerate(placements)
        if one.choice.version_id is not None
    ]
    found, stopped = list[Finding](), set[int]()
    for key, concerns in checks_of_rows(session, rows).items():
        row = placements[key].row
        for concern in concerns:
            column = COLUMNS.get(concern.code.partition("_")[0], "paper")
            params = {**concern.params, "clause": concern.clause}
            severity = Severity.ERROR if concern.stops else Severity.HINT
            value = row.paper if column == "paper" else row.kind
            place = row.place(column)
            stopped |= {key} if concern.stops else set()
            found.append(Finding(severity, CHECK + concern.code, place, value, row.name, params))
    return found, stopped
