"""Concerns about a plan: weight, clause, words and the page that mends each; and what the checks read of it.

Registrations are held against those of sittings that start within half a day: no paper lasts longer. A room
is taken from the planned start to the longest individual deadline.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType

import flask
from flask_babel import gettext as _
from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session, aliased

from cbt.blueprints.store import blueprint_of, current_versions
from cbt.candidates.models import Candidate, Registration
from cbt.candidates.store import has_photo
from cbt.http.app_context import path_of
from cbt.rules.door import Span, paper_span
from cbt.rules.planning.clashes import Gravity, hull
from cbt.rules.states import SittingState
from cbt.sittings.models import Room, Sitting, SittingRoom

COVERAGE = "coverage"
"""What is mended at the bank: its page says what is missing."""
MOVE = "move"
"""What is mended by another time or room: on the page of a move, and not on that of the sitting."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What all concerns of one code share: clause of the rules, weight, and the place on the sitting's page."""

    clause: str
    gravity: Gravity
    anchor: str


KINDS: Mapping[str, Kind] = {
    "person_overlap": Kind("R-7", Gravity.STOP, "people"),
    "person_close": Kind("R-7", Gravity.WARN, "people"),
    "room_overlap": Kind("R-7", Gravity.STOP, MOVE),
    "room_close": Kind("R-7", Gravity.WARN, MOVE),
    "proctor_overlap": Kind("R-7", Gravity.STOP, "rooms"),
    "proctor_close": Kind("R-7", Gravity.WARN, "rooms"),
    "proctor_is_candidate": Kind("R-7", Gravity.WARN, "rooms"),
    "seats_over": Kind("R-16", Gravity.STOP, MOVE),
    "spares_used": Kind("R-16", Gravity.WARN, "rooms"),
    "photos_missing": Kind("R-15", Gravity.WARN, "photos"),
    "shape_level": Kind("R-7", Gravity.STOP, "people"),
    "shape_paper": Kind("R-7", Gravity.STOP, "people"),
    "shape_version": Kind("R-8", Gravity.WARN, "people"),
    "unpaid": Kind("R-76", Gravity.STOP, "people"),
    "marked_by_people": Kind("R-51", Gravity.WARN, "people"),
    "undrawable": Kind("R-8", Gravity.WARN, COVERAGE),
    "case_beside": Kind("R-8", Gravity.WARN, "people"),
    "cases_beside": Kind("R-8", Gravity.WARN, "rooms"),
    "retake_passed": Kind("R-4", Gravity.STOP, "people"),
    "retake_absent": Kind("R-4", Gravity.STOP, "people"),
    "retake_window_over": Kind("R-4", Gravity.STOP, "people"),
    "retake_other_pass_over": Kind("R-4", Gravity.STOP, "people"),
    "retake_no_result": Kind("R-4", Gravity.WARN, "people"),
    "retake_is_retake": Kind("R-4", Gravity.WARN, "people"),
}
"""In the order in which they are shown. A retake without a result here may have been failed elsewhere."""


@dataclass(frozen=True, slots=True)
class Concerned:
    """Somebody a concern is about, with the ref of the registration it is about; "" for one not yet registered."""

    name: str
    ref: str = ""

    @property
    def page(self) -> str:
        """The path that leads to the person's page, or an empty text."""
        return path_of(flask.current_app, "batches.people.of_registration", ref=self.ref) if self.ref else ""


@dataclass(frozen=True, slots=True)
class Concern:
    """One thing that speaks against a plan; `params` are those of its two texts."""

    code: str
    sitting_ref: str
    params: Mapping[str, object] = field(default_factory=dict)
    people: tuple[Concerned, ...] = ()

    @property
    def gravity(self) -> Gravity:
        return KINDS[self.code].gravity

    @property
    def stops(self) -> bool:
        """Whether the sitting cannot be published with it."""
        return self.gravity is Gravity.STOP

    @property
    def clause(self) -> str:
        return KINDS[self.code].clause

    @property
    def text(self) -> str:
        return str(_(f"batches.check.{self.code}", count=len(self.people), **self.params))

    @property
    def fix(self) -> str:
        return str(_(f"batches.check.{self.code}.fix", **self.params))

    @property
    def go(self) -> str:
        return str(_(f"batches.check.go.{KINDS[self.code].anchor}"))

    @property
    def page(self) -> str:
        """The path of the page that mends it: the person's, a place on that of the sitting, or a move."""
        if len(self.people) == 1 and self.people[0].ref:
            return self.people[0].page
        anchor = KINDS[self.code].anchor
        if anchor == COVERAGE:
            return str(self.params["mended_at"])
        if anchor == MOVE:
            return path_of(flask.current_app, "batches.moving.form", ref=self.sitting_ref)
        path = path_of(flask.current_app, "candidates.sitting", ref=self.sitting_ref)
        return f"{path}#{anchor}"


NEAR = timedelta(hours=12)
"""How far apart two starts are looked at: no paper with all its extra time lasts longer."""
OFF = (SittingState.CANCELLED.value, SittingState.ABORTED.value)
"""States in which a room is in nobody's way."""
NOT_MOVED: Mapping[int, Room] = MappingProxyType({})
UNKNOWN_LENGTH = timedelta(minutes=60)
"""How long a room is taken while nobody sits in it and no blueprint is there: the longest shipped paper."""


@dataclass(frozen=True, slots=True)
class Entered:
    """One registration, stored or planned, as far as checks look at it; a planned one has a higher id than all."""

    id: int
    ref: str
    person: int
    name: str
    sitting: Sitting
    sitting_room_id: int
    kind: str
    version: int
    paper: str
    span: Span

    @property
    def starts_before(self) -> tuple[Span, int]:
        return self.span, self.id


@dataclass(frozen=True, slots=True)
class UsedRoom:
    """A room in a sitting, from the planned start to the longest individual deadline."""

    sitting_room: SittingRoom
    sitting: Sitting
    room: Room
    span: Span


def _registrations() -> Select[int, str, int, str, int, int, str, int, str, Decimal, timedelta]:
    return (
        select(
            Registration.id,
            Registration.ref,
            Registration.candidate_id,
            Candidate.name,
            Registration.sitting_id,
            Registration.sitting_room_id,
            Registration.kind,
            Registration.blueprint_version_id,
            Registration.paper,
            Registration.factor,
            Registration.extra,
        )
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .where(SittingRoom.state.not_in(OFF))
    )


def entered(session: Session, sittings: Collection[Sitting]) -> list[Entered]:
    """Return the registrations of sittings, by their order of coming."""
    by_id = {one.id: one for one in sittings}
    query = _registrations().where(Registration.sitting_id.in_(by_id)).order_by(Registration.id)
    return _as_entered(session, session.execute(query), by_id)


def elsewhere(session: Session, sittings: Collection[Sitting], near: dict[int, Sitting]) -> list[Entered]:
    """Return what people of these sittings are registered for in others of those near."""
    ids = {one.id for one in sittings}
    own = aliased(Registration)
    among = select(own.candidate_id).where(own.sitting_id.in_(ids))
    query = _registrations().where(
        Registration.candidate_id.in_(among), Registration.sitting_id.in_(near.keys() - ids)
    )
    return _as_entered(session, session.execute(query.order_by(Registration.id)), near)


def entered_of(session: Session, people: Collection[int], sittings: Collection[Sitting]) -> list[Entered]:
    """Return what these people are registered for in sittings that start within half a day of some."""
    near = near_to(session, sittings)
    query = _registrations().where(Registration.candidate_id.in_(people), Registration.sitting_id.in_(near))
    return _as_entered(session, session.execute(query.order_by(Registration.id)), near)


def near_to(session: Session, sittings: Collection[Sitting]) -> dict[int, Sitting]:
    """Return every sitting that is on and starts within half a day of one of these, themselves included."""
    starts = [one.planned_start_at for one in sittings]
    if not starts:
        return {}
    query = select(Sitting).where(
        Sitting.planned_start_at.between(min(starts) - NEAR, max(starts) + NEAR), Sitting.state.not_in(OFF)
    )
    # One that is only looked at for another time is stored with its own.
    return {one.id: one for one in (*session.scalars(query), *sittings)}


def _as_entered(
    session: Session, rows: Iterable[Row[*tuple[object, ...]]], sittings: dict[int, Sitting]
) -> list[Entered]:
    entries = []
    for row in rows:
        sitting = sittings[row.sitting_id]
        paper = blueprint_of(session, row.blueprint_version_id).papers[row.paper]
        span = paper_span(sitting.planned_start_at, paper, factor=row.factor, extra=row.extra)
        entries.append(
            Entered(
                id=row.id,
                ref=row.ref,
                person=row.candidate_id,
                name=row.name,
                sitting=sitting,
                sitting_room_id=row.sitting_room_id,
                kind=row.kind,
                version=row.blueprint_version_id,
                paper=row.paper,
                span=span,
            )
        )
    return entries


def used_rooms(
    session: Session, sittings: Collection[Sitting], moved: Mapping[int, Room] = NOT_MOVED
) -> list[UsedRoom]:
    """Return the rooms of these sittings that are on, by planned start and name.

    `moved` are the rooms in which some sitting-rooms are to be held, by their ids. A room nobody sits in yet is
    taken for as long as the longest paper of the blueprints in force lasts.

    Source: R-7.
    """
    by_id = {one.id: one for one in sittings}
    query = (
        select(SittingRoom, Room)
        .join(Room, Room.id == SittingRoom.room_id)
        .where(SittingRoom.sitting_id.in_(by_id), SittingRoom.state.not_in(OFF))
    )
    rooms = [(one, moved.get(one.id, room)) for one, room in session.execute(query)]
    spans = _room_spans(session, by_id)
    expected = _expected(session) if any(one.id not in spans for one, _ in rooms) else UNKNOWN_LENGTH
    used = []
    for sitting_room, room in rooms:
        sitting = by_id[sitting_room.sitting_id]
        start = sitting.planned_start_at
        span = hull(spans[sitting_room.id]) if sitting_room.id in spans else (start, start + expected)
        used.append(UsedRoom(sitting_room, sitting, room, span))
    return sorted(used, key=lambda one: (one.span, one.room.name, one.sitting_room.id))


def people_in_rooms(session: Session, sitting: Sitting) -> dict[int, int]:
    """Return how many are registered in each room of a sitting, by sitting-room."""
    query = (
        select(Registration.sitting_room_id, func.count())
        .where(Registration.sitting_id == sitting.id)
        .group_by(Registration.sitting_room_id)
    )
    return {room_id: int(people) for room_id, people in session.execute(query)}


def _room_spans(session: Session, sittings: dict[int, Sitting]) -> dict[int, list[Span]]:
    """Return the different spans of the papers sat in each room: sitting-room id -> spans."""
    query = select(
        Registration.sitting_id,
        Registration.sitting_room_id,
        Registration.blueprint_version_id,
        Registration.paper,
        Registration.factor,
        Registration.extra,
    ).where(Registration.sitting_id.in_(sittings))
    spans: dict[int, list[Span]] = defaultdict(list)
    for sitting_id, room_id, version, paper, factor, extra in session.execute(query.distinct()):
        start, of_blueprint = sittings[sitting_id].planned_start_at, blueprint_of(session, version)
        spans[room_id].append(paper_span(start, of_blueprint.papers[paper], factor=factor, extra=extra))
    return spans


def _expected(session: Session) -> timedelta:
    papers = [
        paper
        for version in current_versions(session)
        for paper in blueprint_of(session, version.id).papers.values()
    ]
    return max((paper.duration for paper in papers), default=UNKNOWN_LENGTH)


def without_photo(session: Session, sittings: Collection[Sitting]) -> dict[int, list[tuple[str, str]]]:
    """Return who has no photo yet (照片待补): sitting id -> name and registration, one a person."""
    query = (
        select(Registration.sitting_id, Registration.candidate_id, Candidate.name, Registration.ref)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .where(
            Registration.sitting_id.in_([one.id for one in sittings]), ~has_photo(Registration.candidate_id)
        )
        .order_by(Registration.id)
    )
    lacking: dict[int, dict[int, tuple[str, str]]] = defaultdict(dict)
    for sitting_id, candidate_id, name, ref in session.execute(query):
        lacking[sitting_id].setdefault(candidate_id, (name, ref))
    return {sitting_id: list(people.values()) for sitting_id, people in lacking.items()}
