"""Concerns about people: two papers at once, none of the batch's papers, no right to a retake, no photo."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased

from cbt.batches.checks.concern import Concern, Concerned
from cbt.batches.checks.facts import OFF, Entered
from cbt.batches.checks.retakes import RetakeObjection
from cbt.candidates.models import Registration
from cbt.exams.models import BlueprintVersion
from cbt.exams.store import blueprint_of
from cbt.rules.planning.clashes import Clash, LevelShape, Use, clashes, off_shape
from cbt.sittings.models import BatchLevel, Sitting, SittingRoom
from cbt.sittings.planning.purposes import official_only
from cbt.web.i18n import local_text

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
        found = off_shape(levels, blueprint=blueprint.ref, version=entry.version, paper=entry.paper)
        if found is not None:
            level = f"{blueprint.occupation_name} {blueprint.level_name}"
            label = blueprint.papers[entry.paper].label
            grouped[f"shape_{found[0].value}", entry.sitting.id, level, label].append(entry)
    for (code, _sitting, level, paper), entries in grouped.items():
        yield Concern(code, entries[0].sitting.ref, {"level": level, "paper": paper}, named(entries))


def without_right(objections: Iterable[RetakeObjection]) -> Iterator[Concern]:
    """Yield what R-4 says, by sitting and paper; a last day is told of each person alone. Source: R-4."""
    grouped: dict[tuple[str, int, str, str], list[Entered]] = defaultdict(list)
    for one in objections:
        last_on = one.last_on.isoformat() if one.last_on else ""
        grouped[one.code, one.entry.sitting.id, one.paper, last_on].append(one.entry)
    for (code, _sitting, paper, last_on), entries in grouped.items():
        yield Concern(code, entries[0].sitting.ref, {"paper": paper, "last_on": last_on}, named(entries))


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
