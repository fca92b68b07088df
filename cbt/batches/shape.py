"""The shape of a batch: what it can examine, what a form asks for; its levels, papers and days changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from cbt.audit.chain import record
from cbt.batches import store
from cbt.batches.store import CANCELLED, within
from cbt.blueprints.models import BlueprintVersion
from cbt.blueprints.store import blueprint_of, current_versions
from cbt.errors import Conflict, InvalidInput
from cbt.http.form_values import WIDEST, required, whole_number
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.sittings.models import Batch, BatchLevel, Sitting
from cbt.sittings.planning.inputs import YEARS
from cbt.sittings.planning.sittings import create_batch
from cbt.sittings.store import batch_by_ref
from cbt.storage.unit_of_work import unit_of_work


@dataclass(frozen=True, slots=True)
class VersionChoice:
    """A version of a blueprint that a batch may examine by."""

    id: int
    number: int
    in_force: bool


@dataclass(frozen=True, slots=True)
class LevelChoice:
    """A level that a batch may examine; `blueprint` is that of the version in force, or the newest offered."""

    blueprint: ExamBlueprint
    versions: list[VersionChoice]

    @property
    def ref(self) -> str:
        """The ref of its blueprint, by which a form names it."""
        return self.blueprint.ref


@dataclass(frozen=True, slots=True)
class OccupationChoice:
    """An occupation with its levels."""

    name: str
    levels: list[LevelChoice]


def occupations(session: Session, *, kept: Collection[int] = ()) -> list[OccupationChoice]:
    """Return what is in force, by occupation and level; and the versions `kept`, whatever became of them."""
    in_force = {row.id for row in current_versions(session)}
    offered: dict[str, list[VersionChoice]] = defaultdict(list)
    for version, number in _numbers(session).items():
        if version in in_force or version in kept:
            ref = blueprint_of(session, version).ref
            offered[ref].append(VersionChoice(version, number, version in in_force))
    by_name: dict[str, list[LevelChoice]] = defaultdict(list)
    for versions in offered.values():
        versions.sort(key=lambda one: (not one.in_force, -one.number))
        level = LevelChoice(blueprint_of(session, versions[0].id), versions)
        by_name[level.blueprint.occupation_name].append(level)
    return [
        OccupationChoice(name, sorted(levels, key=lambda one: (one.blueprint.level_code, one.ref)))
        for name, levels in sorted(by_name.items())
    ]


def _numbers(session: Session) -> dict[int, int]:
    """Return the number of every version among those of its blueprint, from 1."""
    counted: dict[str, int] = defaultdict(int)
    numbers = {}
    for version, ref in session.execute(
        select(BlueprintVersion.id, BlueprintVersion.ref).order_by(BlueprintVersion.id)
    ):
        counted[ref] += 1
        numbers[version] = counted[ref]
    return numbers


_AHEAD, _SATURDAY = 21, 5


@dataclass(frozen=True, slots=True)
class SentLevel:
    """A level as a form names it: by the ref of its blueprint, a version of it and the codes of papers."""

    ref: str
    version: int
    papers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SentShape:
    """What somebody wants a batch to be."""

    name: str
    levels: tuple[SentLevel, ...] = ()
    starts_on: date | None = None
    ends_on: date | None = None


def parse_shape(form: MultiDict[str, str]) -> SentShape:
    """Return what the form of a batch says.

    Raise InvalidInput("batch.day") for what is no day, ("batch.days_order") for an end before the start.
    """
    starts_on, ends_on = _day(form, "starts_on"), _day(form, "ends_on")
    if starts_on is not None and ends_on is not None and ends_on < starts_on:
        raise InvalidInput("batch.days_order", field="ends_on")
    levels = tuple(
        SentLevel(
            ref,
            whole_number(form.get(f"version.{ref}", ""), most=WIDEST) or 0,
            tuple(form.getlist(f"papers.{ref}")),
        )
        for ref in dict.fromkeys(form.getlist("levels"))
    )
    return SentShape(form.get("name", ""), levels, starts_on, ends_on)


def usual_days(today: date) -> tuple[date, date]:
    """Return the days a new batch starts from: the first weekend that leaves three weeks to prepare."""
    earliest = today + timedelta(days=_AHEAD)
    saturday = earliest + timedelta(days=(_SATURDAY - earliest.weekday()) % 7)
    return saturday, saturday + timedelta(days=1)


def _day(form: MultiDict[str, str], field: str) -> date | None:
    text = form.get(field, "").strip()
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput("batch.day", field=field) from error
    if day.year not in YEARS:
        raise InvalidInput("batch.day", field=field)
    return day


TOLD = 3
"""How many papers with people a refusal names; the count is of all."""


def begin(*, shape: SentShape, now: datetime, actor: str) -> str:
    """Begin a batch; return its ref. Raise InvalidInput("batch.name") and those of `_levels`."""
    with unit_of_work() as session:
        batch = create_batch(session, name=shape.name, now=now, actor=actor)
        _apply(session, batch, shape, now=now, actor=actor)
        return batch.ref


def change(*, batch_ref: str, shape: SentShape, now: datetime, actor: str) -> None:
    """Change name, levels, papers and days of a batch.

    Raise Conflict("batch.registered") while people are registered for what is taken away,
    ("batch.sittings_outside") while a sitting would lie outside its days.
    """
    with unit_of_work() as session:
        batch = batch_by_ref(session, batch_ref)
        session.refresh(batch, with_for_update=True)
        _apply(session, batch, shape, now=now, actor=actor)


def _apply(session: Session, batch: Batch, shape: SentShape, *, now: datetime, actor: str) -> None:
    name = required(shape.name, "batch.name", "name")
    held = store.shape_of(session, batch.id)
    counts = store.counts_by_paper(session, batch.id)
    kept = {version for version, _papers in held} | {version for version, _paper in counts}
    levels = _levels(session, shape.levels, kept)
    _keeps_people(session, held, levels, counts)
    before = _told(session, batch)
    inside = _outside(session, batch)
    batch.name, batch.starts_on, batch.ends_on = name, shape.starts_on, shape.ends_on
    batch.occupation = next((blueprint.occupation_name for blueprint, _version, _papers in levels), "")[:80]
    out = len(_outside(session, batch) - inside)
    if out:
        raise Conflict("batch.sittings_outside", field="ends_on", count=out)
    session.execute(delete(BatchLevel).where(BatchLevel.batch_id == batch.id))
    session.add_all(
        BatchLevel(
            batch_id=batch.id,
            level=blueprint.level_code,
            blueprint_version_id=version,
            papers=",".join(papers),
        )
        for blueprint, version, papers in levels
    )
    session.flush()
    after = _told(session, batch)
    changed = {key for key in after if before[key] != after[key]}
    if changed:
        record(
            session,
            at=now,
            actor=actor,
            act="batch.change",
            subject=f"batch:{batch.ref}",
            before={key: before[key] for key in changed},
            after={key: after[key] for key in changed},
        )


def _levels(
    session: Session, sent: Collection[SentLevel], kept: Collection[int]
) -> list[tuple[ExamBlueprint, int, list[str]]]:
    """Return the levels somebody chose: blueprint, version, papers in the blueprint's order.

    Raise InvalidInput("batch.level_unknown"), ("batch.no_paper"), ("batch.two_occupations"), ("batch.same_level").
    """
    offered = {
        level.ref: level for occupation in occupations(session, kept=kept) for level in occupation.levels
    }
    chosen = [_level(session, one, offered) for one in sent]
    if len({blueprint.occupation_name for blueprint, _version, _papers in chosen}) > 1:
        raise InvalidInput("batch.two_occupations", field="levels")
    codes = [blueprint.level_code for blueprint, _version, _papers in chosen]
    if len(set(codes)) < len(codes):
        raise InvalidInput("batch.same_level", field="levels")
    return chosen


def _level(
    session: Session, sent: SentLevel, offered: dict[str, LevelChoice]
) -> tuple[ExamBlueprint, int, list[str]]:
    choice = offered.get(sent.ref)
    # A form without a choice of versions means the first, which is the one in force.
    version = sent.version or (choice.versions[0].id if choice else 0)
    if choice is None or version not in {one.id for one in choice.versions}:
        raise InvalidInput("batch.level_unknown", field="levels")
    blueprint = blueprint_of(session, version)
    papers = [code for code in blueprint.papers if code in sent.papers]
    if not papers or len(papers) < len(set(sent.papers)):
        raise InvalidInput("batch.no_paper", field="levels", level=blueprint.level_name)
    return blueprint, version, papers


def _keeps_people(
    session: Session,
    held: list[tuple[int, list[str]]],
    levels: list[tuple[ExamBlueprint, int, list[str]]],
    counts: dict[tuple[int, str], int],
) -> None:
    """Raise Conflict("batch.registered") when somebody is registered for what the batch would not examine."""
    before = {(version, paper) for version, papers in held for paper in papers}
    after = {(version, paper) for _blueprint, version, papers in levels for paper in papers}
    lost = {key: people for key, people in counts.items() if key not in after and (after or key in before)}
    if lost:
        named = [
            str(
                _(
                    "batches.shape.lost",
                    level=blueprint_of(session, version).level_name,
                    paper=blueprint_of(session, version).papers[paper].name,
                    people=people,
                )
            )
            for (version, paper), people in list(lost.items())[:TOLD]
        ]
        what = str(_("batches.missing.and")).join(named)
        raise Conflict("batch.registered", field="levels", count=sum(lost.values()), papers=what)


def _outside(session: Session, batch: Batch) -> set[int]:
    query = select(Sitting).where(Sitting.batch_id == batch.id, Sitting.state != CANCELLED)
    return {sitting.id for sitting in session.scalars(query) if not within(batch, sitting)}


def _told(session: Session, batch: Batch) -> dict[str, object]:
    """Return what the log says of a batch."""
    return {
        "name": batch.name,
        "occupation": batch.occupation,
        "starts_on": batch.starts_on.isoformat() if batch.starts_on else None,
        "ends_on": batch.ends_on.isoformat() if batch.ends_on else None,
        "levels": [
            f"{blueprint_of(session, version).ref} #{version}: {', '.join(papers)}"
            for version, papers in store.shape_of(session, batch.id)
        ],
    }
