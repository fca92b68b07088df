"""Checks of people in a plan: papers at one time, papers that are none of the batch's, the right to a 补考.

They answer for registrations that are stored and for ones that are only planned.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased

from cbt.assembly.coverage import OfferedPaper, refusal_of
from cbt.batches.checks.concern import OFF, Concern, Concerned, Entered, entered_of
from cbt.blueprints.models import BlueprintVersion
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import Candidate, Registration
from cbt.enrolment.fees.store import unpaid_of
from cbt.errors import CbtError
from cbt.http.i18n import explain, local_day, local_text
from cbt.items.models import ItemBank
from cbt.results.models import Result
from cbt.results.retake_ledger import (
    Ledger,
    check_registration,
    counting,
    ledger_of,
    pass_counts_until,
    released,
)
from cbt.rules.door import paper_span
from cbt.rules.enrolment.fees import yuan
from cbt.rules.exam import ExamBlueprint
from cbt.rules.planning.clashes import Clash, LevelShape, Use, clashes, off_shape
from cbt.rules.retake import PaperResult
from cbt.runner.models import Attempt
from cbt.sittings.models import BatchLevel, Sitting, SittingRoom
from cbt.sittings.store import is_official, official_only


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
    check = check_registration(entry.paper, results, retake=retake, exam_on=exam_on, policy=blueprint.retake)
    if check is not None:
        yield RetakeObjection(f"retake_{check.finding.value}", entry, label, check.last_on)
        return
    for code, paper in blueprint.papers.items():
        if not retake or code == entry.paper or (entry.person, blueprint.ref, code) in planned:
            continue
        counts_until = pass_counts_until(
            code, counting(results, policy=blueprint.retake), policy=blueprint.retake
        )
        if counts_until is not None and counts_until < exam_on:
            yield RetakeObjection("retake_other_pass_over", entry, paper.label, counts_until)


Shapes = Mapping[int, Mapping[str, LevelShape]]
"""batch id -> ref of a blueprint -> what the batch examines by it"""


def shapes_of(session: Session, batch_ids: Collection[int]) -> Shapes:
    """Return what batches examine; one that says nothing is not among them."""
    query = (
        select(BatchLevel, BlueprintVersion.ref)
        .join(BlueprintVersion, BlueprintVersion.id == BatchLevel.blueprint_version_id)
        .where(BatchLevel.batch_id.in_(batch_ids))
    )
    shapes: dict[int, dict[str, LevelShape]] = defaultdict(dict)
    for row, ref in session.execute(query):
        shapes[row.batch_id][ref] = LevelShape(row.blueprint_version_id, frozenset(row.papers.split(",")))
    return shapes


def time_clashes(own: Collection[Entered], others: Collection[Entered]) -> Iterator[Concern]:
    """Yield what people of `own` sit too near to each other; one concern for each pair of sittings.

    Source: R-7.
    """
    by_id = {one.id: one for one in (*own, *others)}
    mine = {one.id for one in own}
    grouped: dict[tuple[str, int, int], list[tuple[Entered, Entered]]] = defaultdict(list)
    for clash in clashes(Use(one.person, one.id, one.span) for one in by_id.values()):
        for entry, other in _seen_from(clash, by_id, mine):
            code = "person_overlap" if clash.overlapping else "person_close"
            grouped[code, entry.sitting.id, other.sitting.id].append((entry, other))
    for (code, _own, _other), pairs in grouped.items():
        entry, other = pairs[0]
        yield Concern(
            code,
            entry.sitting.ref,
            {
                "other": other.sitting.name,
                "start": local_text(other.span[0], "%m-%d %H:%M"),
                "end": local_text(max(one.span[1] for _, one in pairs), "%H:%M"),
            },
            named(entry for entry, _ in pairs),
        )


def _seen_from(
    clash: Clash, by_id: Mapping[int, Entered], mine: Collection[int]
) -> Iterator[tuple[Entered, Entered]]:
    """Yield a clash from each side that is asked about; once where both papers are in one sitting."""
    first, second = sorted((by_id[clash.first.what], by_id[clash.second.what]), key=lambda one: one.id)
    sides = [(second, first), (first, second)]
    if first.sitting.id == second.sitting.id:
        sides = sides[:1]  # the later registration is the one that is too much
    yield from ((entry, other) for entry, other in sides if entry.id in mine)


def outside_shape(session: Session, own: Collection[Entered], shapes: Shapes) -> Iterator[Concern]:
    """Yield which registrations are none of their batch's, by sitting and paper. Source: R-7, R-8."""
    grouped: dict[tuple[str, int, str, str], list[Entered]] = defaultdict(list)
    for entry in own:
        blueprint = blueprint_of(session, entry.version)
        levels = shapes.get(entry.sitting.batch_id, {})
        problem = off_shape(levels, blueprint=blueprint.ref, version=entry.version, paper=entry.paper)
        if problem is not None:
            level = f"{blueprint.occupation_name} {blueprint.level_name}"
            label = blueprint.papers[entry.paper].label
            grouped[f"shape_{problem[0].value}", entry.sitting.id, level, label].append(entry)
    for (code, _sitting, level, paper), entries in grouped.items():
        yield Concern(code, entries[0].sitting.ref, {"level": level, "paper": paper}, named(entries))


def marked_by_people(session: Session, own: Collection[Entered]) -> Iterator[Concern]:
    """Yield, by sitting, papers with short answers: none is released while there is no desk to mark them at.

    Source: R-51.
    """
    grouped: dict[tuple[int, str, str], Entered] = {}
    for entry in own:
        blueprint = blueprint_of(session, entry.version)
        paper = blueprint.papers[entry.paper]
        if paper.is_marked_by_people:
            level = f"{blueprint.occupation_name} {blueprint.level_name}"
            grouped[entry.sitting.id, level, paper.label] = entry
    for (_sitting, level, label), entry in grouped.items():
        yield Concern("marked_by_people", entry.sitting.ref, {"level": level, "paper": label})


def undrawable(session: Session, sittings: Collection[Sitting]) -> Iterator[Concern]:
    """Yield, by sitting, papers that forms are still to be drawn of, and of which no form can be. Source: R-8."""
    by_id = {sitting.id: sitting for sitting in sittings}
    waiting = (
        select(Registration.sitting_id, Registration.blueprint_version_id, Registration.paper)
        .outerjoin(Attempt, Attempt.registration_id == Registration.id)
        .where(Registration.sitting_id.in_(by_id), Attempt.id.is_(None))
        .distinct()
        .order_by(Registration.sitting_id, Registration.blueprint_version_id, Registration.paper)
    )
    refusals: dict[tuple[int, str], CbtError | None] = {}
    for sitting_id, version, code in session.execute(waiting):
        if (version, code) not in refusals:
            refusals[version, code] = _refusal(session, version, code)
        refusal = refusals[version, code]
        if refusal is not None:
            blueprint = blueprint_of(session, version)
            said = {"title": blueprint.paper_title(code), "what": explain(refusal)[0]}
            yield Concern(
                "undrawable",
                by_id[sitting_id].ref,
                {**said, "mended_at": refusal.params.get("mended_at", "")},
            )


def _refusal(session: Session, version: int, code: str) -> CbtError | None:
    blueprint = blueprint_of(session, version)
    bank = session.scalar(select(ItemBank).where(ItemBank.ref == blueprint.bank))
    if bank is None:
        return None  # a draw says so, and whoever looks at the blueprint
    offered = OfferedPaper(
        version, f"{blueprint.ref}:{code}", blueprint.paper_title(code), blueprint.papers[code]
    )
    return refusal_of(session, bank, offered)


def without_right(objections: Iterable[RetakeObjection]) -> Iterator[Concern]:
    """Yield what R-4 says, by sitting and paper; a last day is told of each person alone. Source: R-4."""
    grouped: dict[tuple[str, int, str, str], list[Entered]] = defaultdict(list)
    for objection in objections:
        last_on = objection.last_on.isoformat() if objection.last_on else ""
        grouped[objection.code, objection.entry.sitting.id, objection.paper, last_on].append(objection.entry)
    for (code, _sitting, paper, last_on), entries in grouped.items():
        yield Concern(code, entries[0].sitting.ref, {"paper": paper, "last_on": last_on}, named(entries))


def unpaid(session: Session, entries: Collection[tuple[Entered, str]]) -> Iterator[tuple[Entered, Concern]]:
    """Yield whom an application with open fees keeps from sitting; each entry comes with the digest of the number.

    However somebody comes into a batch, they are held to what they applied by.

    Source: R-76.
    """
    official = [(entry, index) for entry, index in entries if is_official(entry.sitting)]
    open_ones = unpaid_of(session, {index for _entry, index in official}) if official else {}
    for entry, index in official:
        found = open_ones.get((index, blueprint_of(session, entry.version).ref))
        if found is not None:
            params = {"number": found.number, "amount": yuan(found.fen)}
            yield entry, Concern("unpaid", entry.sitting.ref, params, named([entry]))


def registered_twice(session: Session, sitting: Sitting) -> int:
    """Return how many papers of a sitting their people are registered for in another that counts, too."""
    other = aliased(Registration)
    query = (
        select(func.count(Registration.id.distinct()))
        .join(
            other,
            and_(
                other.ticket_id == Registration.ticket_id,
                other.blueprint_ref == Registration.blueprint_ref,
                other.paper == Registration.paper,
                other.sitting_id != Registration.sitting_id,
            ),
        )
        .join(Sitting, Sitting.id == other.sitting_id)
        .join(SittingRoom, SittingRoom.id == other.sitting_room_id)
        .where(Registration.sitting_id == sitting.id, official_only(), SittingRoom.state.not_in(OFF))
    )
    return session.scalar(query) or 0


def named(entries: Iterable[Entered]) -> tuple[Concerned, ...]:
    """Return whom entries are about, each person once."""
    first = {entry.person: entry for entry in reversed(list(entries))}
    return tuple(
        Concerned(one.name, one.ref) for one in sorted(first.values(), key=lambda one: one.starts_before)
    )


NONE = timedelta(0)
_AFTER_ALL = 1 << 60
"""Above the id of any stored registration."""


@dataclass(frozen=True, slots=True)
class PlannedEntry:
    """A registration that is to be made: `key` names it to the asker, `person` is the same for one person's."""

    key: int
    person: str
    name: str
    candidate_id: int | None
    sitting: Sitting
    version: int
    paper: str
    kind: str = "first"
    factor: Decimal = Decimal(1)
    extra: timedelta = NONE


def checks_of_rows(session: Session, rows: Sequence[PlannedEntry]) -> dict[int, list[Concern]]:
    """Return what speaks against planned registrations, by their key: overlaps with each other and with what
    is stored, none of the batch's papers, no right to a retake, fees that are open. Whoever is already registered
    for the same paper in the same sitting is not looked at: that is the asker's to know.

    Source: R-4, R-7, R-8, R-76.
    """
    if not rows:
        return {}
    numbers: dict[str, int] = {}
    for row in rows:
        numbers.setdefault(
            row.person, row.candidate_id if row.candidate_id is not None else -len(numbers) - 1
        )
    own = [_entry(session, row, place, numbers) for place, row in enumerate(rows)]
    candidate_ids = {row.candidate_id for row in rows if row.candidate_id is not None}
    stored = entered_of(session, candidate_ids, [row.sitting for row in rows]) if candidate_ids else []
    past = past_of(session, candidate_ids)
    also = frozenset((entry.person, blueprint_of(session, entry.version).ref, entry.paper) for entry in own)
    shapes = shapes_of(session, {row.sitting.batch_id for row in rows})
    of_person: dict[int, list[Entered]] = defaultdict(list)
    for entered in (*stored, *own):
        of_person[entered.person].append(entered)
    concerns_by_row: dict[int, list[Concern]] = defaultdict(list)
    for entry, row in zip(own, rows, strict=True):
        concerns_by_row[row.key] += time_clashes([entry], of_person[entry.person])
        concerns_by_row[row.key] += outside_shape(session, [entry], shapes)
        concerns_by_row[row.key] += without_right(objections(session, [entry], past, also=also))
    keys = {entry.id: row.key for entry, row in zip(own, rows, strict=True)}
    for entry, concern in unpaid(session, [(one, row.person) for one, row in zip(own, rows, strict=True)]):
        concerns_by_row[keys[entry.id]].append(concern)
    return {key: concerns for key, concerns in concerns_by_row.items() if concerns}


def checks_of_kinds(session: Session, kinds: Mapping[int, str]) -> dict[int, list[Concern]]:
    """Return what R-4 says where registrations, by their ids, become 新考 or 补考. Source: R-4."""
    registrations = session.scalars(select(Registration).where(Registration.id.in_(kinds))).all()
    sittings = {
        one.id: one
        for one in session.scalars(
            select(Sitting).where(Sitting.id.in_({one.sitting_id for one in registrations}))
        )
    }
    people_ids = {one.candidate_id for one in registrations}
    entries = [
        replace(one, kind=kinds[one.id])
        for one in entered_of(session, people_ids, list(sittings.values()))
        if one.id in kinds
    ]
    past = past_of(session, people_ids)
    found = {
        one.id: list(without_right(objections(session, [one], past, also=frozenset()))) for one in entries
    }
    return {key: concerns for key, concerns in found.items() if concerns}


def checks_of_registered(session: Session, registrations: Collection[Registration]) -> list[Concern]:
    """Return what speaks against some registrations of people as they stand in this unit of work, what stops first.

    Source: R-4, R-7, R-8.
    """
    people_ids = {one.candidate_id for one in registrations}
    ids = {one.sitting_id for one in registrations}
    sittings = list(session.scalars(select(Sitting).where(Sitting.id.in_(ids))))
    refs = {one.ref for one in registrations}
    near = entered_of(session, people_ids, sittings)
    own = [one for one in near if one.ref in refs]
    shapes = shapes_of(session, {one.batch_id for one in sittings})
    past = past_of(session, people_ids)
    numbered = select(Candidate.id, Candidate.document_index).where(Candidate.id.in_(people_ids))
    indexes = dict(session.execute(numbered).all())
    concerns = [
        *time_clashes(own, [one for one in near if one.ref not in refs]),
        *outside_shape(session, own, shapes),
        *without_right(objections(session, own, past, also=frozenset())),
        *(concern for _one, concern in unpaid(session, [(one, indexes[one.person]) for one in own])),
    ]
    return sorted(concerns, key=lambda one: not one.stops)


def _entry(session: Session, row: PlannedEntry, place: int, numbers: dict[str, int]) -> Entered:
    paper = blueprint_of(session, row.version).papers[row.paper]
    return Entered(
        id=_AFTER_ALL + place,
        ref="",
        person=numbers[row.person],
        name=row.name,
        sitting=row.sitting,
        sitting_room_id=0,
        kind=row.kind,
        version=row.version,
        paper=row.paper,
        span=paper_span(row.sitting.planned_start_at, paper, factor=row.factor, extra=row.extra),
    )
