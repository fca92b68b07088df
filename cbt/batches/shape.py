"""The shape of a batch, what it examines and when; and what is planned, named anew or removed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from cbt.audit.chain import record
from cbt.batches import store
from cbt.batches.roster.models import RosterCheck
from cbt.batches.store import CANCELLED, within
from cbt.blueprints.models import BlueprintVersion
from cbt.blueprints.store import blueprint_of, current_versions
from cbt.candidates.models import AdmissionTicket, Registration, Withdrawal
from cbt.errors import Conflict, InvalidInput
from cbt.http.form_values import WIDEST, one_line, required, whole_number
from cbt.rules.exam import ExamBlueprint
from cbt.rules.states import SittingState
from cbt.sittings import store as sittings_store
from cbt.sittings.inputs import YEARS
from cbt.sittings.models import (
    Batch,
    BatchLevel,
    Centre,
    Room,
    RoomStaff,
    Seat,
    Sitting,
    SittingChange,
    SittingRoom,
)
from cbt.sittings.service import create_batch
from cbt.sittings.store import batch_by_ref, hold_sitting
from cbt.storage.unit_of_work import reading, unit_of_work


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


# What an office plans with, removed or named anew: batches, sittings, rooms and centres.
#
# A thing goes only while nothing hangs on it; its kind says what can hang on it and what goes with it.

_GOES = frozenset({SittingState.DRAFT, SittingState.CANCELLED})
"""A sitting that was published is withdrawn or cancelled first: people were told of it."""


@dataclass(frozen=True, slots=True)
class RemovalKind:
    """A kind of thing: how one is found, what hangs on it (code -> how many), and what is deleted with it."""

    name: str
    find: Callable[[Session, str], Any]
    hanging: Callable[[Session, Any], dict[str, int]]
    clear: Callable[[Session, Any], None]
    page: str
    """The endpoint of its own page."""
    above: str
    """The endpoint of the page where one is once it is gone; it takes the ref of what it belongs to, if any."""


def _count(session: Session, table: Any, *where: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(table).where(*where)) or 0


def _on_batch(session: Session, batch: Batch) -> dict[str, int]:
    return {
        "sittings": _count(session, Sitting, Sitting.batch_id == batch.id),
        "tickets": _count(session, AdmissionTicket, AdmissionTicket.batch_id == batch.id),
        "rosters": _count(session, RosterCheck, RosterCheck.batch_id == batch.id),
    }


def _on_sitting(session: Session, sitting: Sitting) -> dict[str, int]:
    return {
        "published": int(SittingState(sitting.state) not in _GOES),
        "registrations": _count(session, Registration, Registration.sitting_id == sitting.id),
        "withdrawals": _count(session, Withdrawal, Withdrawal.sitting_id == sitting.id),
    }


def _on_room(session: Session, room: Room) -> dict[str, int]:
    return {
        "sittings": _count(session, SittingRoom, SittingRoom.room_id == room.id),
        "machines": _count(session, Seat, Seat.room_id == room.id, Seat.bound_at.is_not(None)),
    }


def _on_centre(session: Session, centre: Centre) -> dict[str, int]:
    return {
        "rooms": _count(session, Room, Room.centre_id == centre.id),
        "sittings": _count(session, Sitting, Sitting.centre_id == centre.id),
    }


def _clear_batch(session: Session, batch: Batch) -> None:
    session.execute(delete(BatchLevel).where(BatchLevel.batch_id == batch.id))


def _clear_sitting(session: Session, sitting: Sitting) -> None:
    rooms = select(SittingRoom.id).where(SittingRoom.sitting_id == sitting.id)
    session.execute(delete(RoomStaff).where(RoomStaff.sitting_room_id.in_(rooms)))
    session.execute(delete(SittingRoom).where(SittingRoom.sitting_id == sitting.id))
    session.execute(delete(SittingChange).where(SittingChange.sitting_id == sitting.id))


def _clear_room(session: Session, room: Room) -> None:
    session.execute(delete(Seat).where(Seat.room_id == room.id))


def _clear_centre(_session: Session, _centre: Centre) -> None:
    """Nothing goes with a centre: what could would hang on it."""


KINDS: Mapping[str, RemovalKind] = {
    kind.name: kind
    for kind in (
        RemovalKind(
            "batch",
            sittings_store.batch_by_ref,
            _on_batch,
            _clear_batch,
            "batches.checklist.batch",
            "sittings.batches",
        ),
        RemovalKind(
            "sitting",
            sittings_store.sitting_by_ref,
            _on_sitting,
            _clear_sitting,
            "candidates.sitting",
            "batches.checklist.batch",
        ),
        RemovalKind(
            "room",
            sittings_store.room_by_ref,
            _on_room,
            _clear_room,
            "sittings.centres.room",
            "sittings.centres.centre",
        ),
        RemovalKind(
            "centre",
            sittings_store.centre_by_ref,
            _on_centre,
            _clear_centre,
            "sittings.centres.centre",
            "sittings.centres.centres",
        ),
    )
}


def owner_ref(session: Session, thing: Batch | Sitting | Room | Centre) -> str:
    """Return the ref of what a thing belongs to, or an empty text."""
    if isinstance(thing, Sitting):
        return session.get_one(Batch, thing.batch_id).ref
    return session.get_one(Centre, thing.centre_id).ref if isinstance(thing, Room) else ""


_ADDRESS = 200


@dataclass(frozen=True, slots=True)
class RemovableEntry:
    """A thing of a kind: what hangs on it, in words, and the ref of what it belongs to."""

    kind: RemovalKind
    ref: str
    name: str
    address: str
    sittings_a_day: int
    """Of a centre; 0 of all others."""
    hanging: list[str]
    owner_ref: str


def look(*, kind: str, ref: str) -> RemovableEntry:
    """Return a thing with what hangs on it; raise NotFound for none."""
    with reading() as session:
        thing = KINDS[kind].find(session, ref)
        return RemovableEntry(
            KINDS[kind],
            ref,
            thing.name,
            getattr(thing, "address", ""),
            getattr(thing, "sittings_a_day", 0),
            _words(KINDS[kind], KINDS[kind].hanging(session, thing)),
            owner_ref(session, thing),
        )


def remove(*, kind: str, ref: str, now: datetime, actor: str) -> None:
    """Delete what nothing hangs on; raise Conflict("keeping.hangs") with what does."""
    of = KINDS[kind]
    try:
        with unit_of_work() as session:
            thing = of.find(session, ref)
            if isinstance(thing, Sitting):
                hold_sitting(session, thing.id)  # its rooms, which go with it, are locked before it
            session.refresh(thing, with_for_update=True)
            hanging = _words(of, of.hanging(session, thing))
            if hanging:
                raise Conflict("keeping.hangs", what=str(_("batches.missing.and")).join(hanging))
            before = {"name": thing.name}
            of.clear(session, thing)
            session.delete(thing)
            session.flush()
            record(session, at=now, actor=actor, act=f"{kind}.delete", subject=f"{kind}:{ref}", before=before)
    except IntegrityError as error:
        # Something of a later room, or something that came at this moment, belongs to it.
        raise Conflict("keeping.hangs", what=str(_("batches.hangs.other"))) from error


MOST_SITTINGS_A_DAY = 12


def change_centre(
    *, ref: str, name: str, address: str, sittings_a_day: str | None, now: datetime, actor: str
) -> None:
    """Give a centre another name or address, or say how many sittings it holds a day; None leaves that.

    Raise InvalidInput("centre.name"|"centre.sittings_a_day").
    """
    with unit_of_work() as session:
        centre = KINDS["centre"].find(session, ref)
        values: dict[str, str | int] = {
            "name": required(name, "centre.name", "name"),
            "address": one_line(address, "address")[:_ADDRESS],
        }
        if sittings_a_day is not None:
            a_day = whole_number(sittings_a_day.strip(), most=MOST_SITTINGS_A_DAY)
            if not a_day:
                raise InvalidInput(
                    "centre.sittings_a_day", field="sittings_a_day", maximum=MOST_SITTINGS_A_DAY
                )
            values["sittings_a_day"] = a_day
        _set(session, centre, "centre", values, now=now, actor=actor)


def change_room(*, ref: str, name: str, now: datetime, actor: str) -> None:
    """Give a room another name; raise InvalidInput("room.name"), Conflict("room.taken")."""
    with unit_of_work() as session:
        room: Room = KINDS["room"].find(session, ref)
        name = required(name, "room.name", "name", limit=60)
        same = select(Room.id).where(Room.centre_id == room.centre_id, Room.name == name, Room.id != room.id)
        if session.scalar(same) is not None:
            raise Conflict("room.taken", field="name", name=name)
        _set(session, room, "room", {"name": name}, now=now, actor=actor)


def _set(
    session: Session,
    thing: Centre | Room,
    kind: str,
    values: Mapping[str, str | int],
    *,
    now: datetime,
    actor: str,
) -> None:
    before = {key: getattr(thing, key) for key in values}
    changed: dict[str, Any] = {key: text for key, text in values.items() if before[key] != text}
    for key, text in changed.items():
        setattr(thing, key, text)
    if changed:
        record(
            session,
            at=now,
            actor=actor,
            act=f"{kind}.change",
            subject=f"{kind}:{thing.ref}",
            before={key: before[key] for key in changed},
            after=changed,
        )


def _words(kind: RemovalKind, hanging: dict[str, int]) -> list[str]:
    return [
        str(_(f"batches.hangs.{kind.name}.{code}", count=count)) for code, count in hanging.items() if count
    ]
