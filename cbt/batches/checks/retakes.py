"""Whether people registered for a 补考 have a right to it, and those for a 新考 no pass that still counts."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.batches.checks.facts import OFF, Entered
from cbt.candidates.models import Registration
from cbt.exams.store import blueprint_of
from cbt.results.ledger.counting import check_registration, counting, pass_counts_until
from cbt.results.ledger.store import Ledger, ledger_of, released
from cbt.results.models import Result
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.rules.retake import PaperResult
from cbt.sittings.models import Sitting, SittingRoom
from cbt.sittings.planning.purposes import is_official, official_only
from cbt.web.i18n import local_day


@dataclass(frozen=True, slots=True)
class RetakeObjection:
    """What R-4 says against a registration: the code of a concern, its paper, the last day it turns on."""

    code: str
    entry: Entered
    paper: str
    last_on: date | None = None


@dataclass(frozen=True, slots=True)
class PastResults:
    """What was released for some people, and which papers they are registered for besides."""

    ledger: Ledger
    pending: frozenset[tuple[int, str, str]]
    """(candidate id, blueprint ref, paper)"""


def past_of(session: Session, people: Collection[int]) -> PastResults:
    """Return what was released for these people; two queries more where anything was."""
    examined = set(
        session.scalars(
            select(Registration.candidate_id)
            .join(Result, Result.registration_id == Registration.id)
            .where(Registration.candidate_id.in_(people))
            .distinct()
        )
    )
    if not examined:
        return PastResults({}, frozenset())
    query = (
        select(Registration.candidate_id, Registration.blueprint_ref, Registration.paper)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .outerjoin(Result, Result.registration_id == Registration.id)
        .where(
            Registration.candidate_id.in_(examined),
            official_only(),
            Result.id.is_(None),
            SittingRoom.state.not_in(OFF),
        )
    )
    pending = frozenset((who, ref, paper) for who, ref, paper in session.execute(query))
    return PastResults(ledger_of(session, examined), pending)


def objections(
    session: Session,
    entries: Collection[Entered],
    past: PastResults,
    *,
    also: frozenset[tuple[int, str, str]],
) -> Iterator[RetakeObjection]:
    """Yield what R-4 says against registrations; `also` are papers planned with them that are not stored yet.

    Source: R-4.
    """
    for entry in entries:
        if not is_official(entry.sitting):
            continue  # whoever only tries or practises a paper needs no right to it
        blueprint = blueprint_of(session, entry.version)
        results = released(past.ledger.get((entry.person, blueprint.ref), []))
        if results or entry.kind == "retake":
            planned = past.pending | also
            yield from _against(entry, blueprint, results, planned)


def _against(
    entry: Entered,
    blueprint: ExamBlueprint,
    results: list[PaperResult],
    planned: frozenset[tuple[int, str, str]],
) -> Iterator[RetakeObjection]:
    exam_on, label = local_day(entry.sitting.planned_start_at), blueprint.papers[entry.paper].label
    retake = entry.kind == "retake"
    found = check_registration(entry.paper, results, retake=retake, exam_on=exam_on, policy=blueprint.retake)
    if found is not None:
        yield RetakeObjection(f"retake_{found.finding.value}", entry, label, found.last_on)
        return
    for code, paper in blueprint.papers.items():
        if not retake or code == entry.paper or (entry.person, blueprint.ref, code) in planned:
            continue
        counts_until = pass_counts_until(
            code, counting(results, policy=blueprint.retake), policy=blueprint.retake
        )
        if counts_until is not None and counts_until < exam_on:
            yield RetakeObjection("retake_other_pass_over", entry, paper.label, counts_until)
