"""The publication of sittings: what each lacks, the page that mends it, what speaks against it, the act.

A sitting goes out only when nothing that its day needs is missing. Whether it is complete is a question of
its rooms, its candidates and their forms, so it is asked here, where all of them are known; the change of
state itself is the sittings room's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import flask
from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff
from cbt.audit.store import last_number, told_since
from cbt.batches.checks.concern import Concern
from cbt.batches.checks.sittings import checks_of_sitting, checks_of_sittings, stops_of
from cbt.batches.store import facts_of_sittings
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import Registration
from cbt.candidates.store import has_photo
from cbt.errors import Conflict, InvalidInput
from cbt.http.app_context import path_of
from cbt.rules.planning.readiness import LackOfSitting, SittingFacts, lacks
from cbt.rules.states import SittingState
from cbt.sittings import store
from cbt.sittings.models import Batch, Centre, RoomStaff, Sitting, SittingRoom
from cbt.sittings.service import publish_sitting
from cbt.sittings.store import Duty, RoomView, SeatCount
from cbt.storage.unit_of_work import DIRECTLY, LongWork, reading, unit_of_work
from cbt.storage.write_queue.change_set import put_down_in

PAGES = {
    "rooms": ("candidates.sitting", "#rooms"),
    "candidates": ("batches.roster.of_sitting", ""),
    "proctors": ("candidates.sitting", "#rooms"),
    "chief": ("candidates.sitting", "#rooms"),
    "forms": ("candidates.sitting", "#forms"),
}
"""Where each thing is mended: a page about the sitting, and the place on it."""


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing a sitting lacks, in words and with the page that mends it."""

    lack: LackOfSitting

    @property
    def code(self) -> str:
        return self.lack.code

    @property
    def text(self) -> str:
        rooms = str(_("batches.missing.and")).join(self.lack.rooms)
        return str(_(f"batches.missing.{self.lack.code}", count=self.lack.count, rooms=rooms))

    def page(self, sitting_ref: str) -> str:
        endpoint, place = PAGES[self.lack.code]
        return path_of(flask.current_app, endpoint, ref=sitting_ref) + place


def missing_of(session: Session, sitting: Sitting) -> list[Missing]:
    """Return everything a sitting lacks for its day, in the order in which it is mended.

    Source: R-7, R-20, R-43, R-60, R-62.
    """
    return missing_in(facts_of_sittings(session, [sitting])[sitting.id])


def missing_in(facts: SittingFacts) -> list[Missing]:
    return [Missing(one) for one in lacks(facts)]


DRAFTS = 10
"""How many stand on a page: everybody in them is looked at."""


@dataclass(frozen=True, slots=True)
class RoomToPublish:
    """A room of a sitting: its papers with how many sit them, its seats, who runs it."""

    view: RoomView
    papers: list[tuple[str, str, int]]
    """(level, paper, people)"""
    seats: SeatCount
    duties: list[Duty]

    @property
    def people(self) -> int:
        return sum(people for _level, _paper, people in self.papers)


@dataclass(frozen=True, slots=True)
class Candidature:
    """A sitting that may go out: what is known of it, what it lacks, what speaks against it."""

    sitting: Sitting
    centre: Centre
    facts: SittingFacts
    missing: list[Missing]
    concerns: list[Concern]

    @property
    def stops(self) -> list[Concern]:
        return [one for one in self.concerns if one.stops]

    @property
    def warns(self) -> list[Concern]:
        return [one for one in self.concerns if not one.stops]

    @property
    def ready(self) -> bool:
        return not self.missing and not self.stops


@dataclass(frozen=True, slots=True)
class PublishPage:
    """Everything that is looked at before one sitting goes out."""

    batch: Batch
    about: Candidature
    rooms: list[RoomToPublish]
    without_photo: int


@dataclass(frozen=True, slots=True)
class PublishManyPage:
    """A page of the drafts of a batch, each with what keeps it back, and how many there are."""

    batch: Batch
    drafts: list[Candidature]
    chiefs: dict[int, list[str]]
    """Sitting id -> the names of its chiefs."""
    total: int


def publish_page(session: Session, ref: str) -> PublishPage:
    """Return what is looked at before a sitting goes out. Source: R-7, R-11, R-43, R-60, R-62."""
    sitting = store.sitting_by_ref(session, ref)
    batch, centre = session.get_one(Batch, sitting.batch_id), session.get_one(Centre, sitting.centre_id)
    views = store.rooms_of_sitting(session, sitting.id)
    seats = store.seat_counts(session, [view.room.id for view in views])
    duties = [one for one in store.duties_of_sitting(session, sitting.id) if one.staff.disabled_at is None]
    papers = _papers(session, sitting.id)
    return PublishPage(
        batch=batch,
        about=candidatures(session, [(sitting, centre)])[0],
        rooms=[
            RoomToPublish(
                view,
                papers.get(view.sitting_room.id, []),
                seats.get(view.room.id, SeatCount()),
                [one for one in duties if one.sitting_room_id == view.sitting_room.id],
            )
            for view in views
        ],
        without_photo=_without_photo(session, sitting.id),
    )


def publish_many_page(session: Session, ref: str, *, page: int) -> PublishManyPage:
    """Return a page of the drafts of a batch with what keeps each of them back."""
    batch = store.batch_by_ref(session, ref)
    drafts = (Sitting.batch_id == batch.id, Sitting.state == SittingState.DRAFT.value)
    query = (
        select(Sitting, Centre)
        .join(Centre, Centre.id == Sitting.centre_id)
        .where(*drafts)
        .order_by(Sitting.planned_start_at, Sitting.id)
        .limit(DRAFTS)
        .offset((page - 1) * DRAFTS)
    )
    draft_rows = [(sitting, centre) for sitting, centre in session.execute(query)]
    return PublishManyPage(
        batch,
        candidatures(session, draft_rows),
        _chiefs(session, [sitting.id for sitting, _centre in draft_rows]),
        session.scalar(select(func.count()).select_from(Sitting).where(*drafts)) or 0,
    )


def candidatures(session: Session, drafts: Sequence[tuple[Sitting, Centre]]) -> list[Candidature]:
    """Return for each sitting what it lacks and what speaks against it, in queries that do not grow with them."""
    sittings = [sitting for sitting, _centre in drafts]
    facts = facts_of_sittings(session, sittings)
    concerns = checks_of_sittings(session, sittings) if sittings else []
    return [
        Candidature(
            sitting,
            centre,
            facts[sitting.id],
            missing_in(facts[sitting.id]),
            [one for one in concerns if one.sitting_ref == sitting.ref],
        )
        for sitting, centre in drafts
    ]


def _papers(session: Session, sitting_id: int) -> dict[int, list[tuple[str, str, int]]]:
    """Return the papers of each room with how many sit them: sitting-room id -> (level, paper, people)."""
    query = (
        select(
            Registration.sitting_room_id, Registration.blueprint_version_id, Registration.paper, func.count()
        )
        .where(Registration.sitting_id == sitting_id)
        .group_by(Registration.sitting_room_id, Registration.blueprint_version_id, Registration.paper)
        .order_by(Registration.blueprint_version_id, Registration.paper)
    )
    papers: dict[int, list[tuple[str, str, int]]] = {}
    for room, version, paper, people in session.execute(query):
        blueprint = blueprint_of(session, version)
        line = (blueprint.level_name, blueprint.papers[paper].name, people)
        papers.setdefault(room, []).append(line)
    return papers


def _without_photo(session: Session, sitting_id: int) -> int:
    query = select(func.count(Registration.candidate_id.distinct())).where(
        Registration.sitting_id == sitting_id, ~has_photo(Registration.candidate_id)
    )
    return session.scalar(query) or 0


def _chiefs(session: Session, sitting_ids: Sequence[int]) -> dict[int, list[str]]:
    query = (
        select(SittingRoom.sitting_id, Staff.name)
        .join(RoomStaff, RoomStaff.sitting_room_id == SittingRoom.id)
        .join(Staff, Staff.id == RoomStaff.staff_id)
        .where(
            SittingRoom.sitting_id.in_(sitting_ids),
            RoomStaff.duty == "chief_proctor",
            Staff.disabled_at.is_(None),
        )
        .distinct()
        .order_by(SittingRoom.sitting_id, Staff.name)
    )
    chiefs: dict[int, list[str]] = {}
    for sitting, name in session.execute(query):
        chiefs.setdefault(sitting, []).append(name)
    return chiefs


TRIES = 3
"""Sittings whose plans somebody changes while they are checked are checked so often."""


def publish(*, sitting_ref: str, now: datetime, actor: str) -> None:
    """Publish a draft sitting that lacks nothing and that nothing stops.

    Raise Conflict("sitting.incomplete") with `missing` (a sentence each) and `pages` (where each is mended),
    Conflict("sitting.transition") for one that is no draft.

    Source: R-4, R-7, R-60, R-62.
    """
    _publish_checked([sitting_ref], now=now, actor=actor)


def publish_many(
    *, batch_ref: str, sitting_refs: Sequence[str], now: datetime, actor: str, work: LongWork = DIRECTLY
) -> int:
    """Publish the chosen drafts of a batch, all of them or none; return how many.

    Raise InvalidInput("batch.publish_none") for none, and like `publish` for the first that cannot go out.

    Source: R-4, R-7, R-60, R-62.
    """
    chosen = sorted(set(sitting_refs))
    if work.so_far:
        return len(chosen)  # they are out, all of them
    if not chosen:
        raise InvalidInput("batch.publish_none", field="sittings")
    with reading() as session:
        batch = store.batch_by_ref(session, batch_ref)
        if any(store.sitting_by_ref(session, ref).batch_id != batch.id for ref in chosen):
            raise InvalidInput("batch.publish_none", field="sittings")
    _publish_checked(chosen, now=now, actor=actor, work=work)
    return len(chosen)


def _publish_checked(refs: Sequence[str], *, now: datetime, actor: str, work: LongWork = DIRECTLY) -> None:
    """Publish sittings as they were checked: where a plan was changed meanwhile, they are checked anew.

    Raise Conflict("sitting.changing") while plans go on being changed.
    """

    def publish_unchanged(number: int) -> bool:
        with unit_of_work() as session:
            if told_since(session, number):
                return False
            # Locked in one order, so that two who publish at once wait for each other and do not deadlock.
            for ref in refs:
                publish_sitting(session, store.sitting_by_ref(session, ref, lock=True), now=now, actor=actor)
            put_down_in(session, *work.keeping(published=True))
            return True

    for _unused in range(TRIES):
        with reading() as session:
            number = last_number(session)
            for checked, ref in enumerate(refs):
                work.tell(checked, len(refs))
                _require_complete(session, store.sitting_by_ref(session, ref))
        if work.in_front(partial(publish_unchanged, number)):
            return
    raise Conflict("sitting.changing")


def _require_complete(session: Session, sitting: Sitting) -> None:
    """Raise Conflict("sitting.incomplete") for a draft that lacks something or that something stops."""
    if sitting.state != SittingState.DRAFT.value:
        return  # where it may go from there is for its state to say
    lacks = [(one.text, one.page(sitting.ref)) for one in missing_of(session, sitting)]
    lacks += [(one.text, one.page) for one in stops_of(checks_of_sitting(session, sitting))]
    if lacks:
        raise Conflict(
            "sitting.incomplete",
            count=len(lacks),
            sitting=sitting.name,
            missing=[text for text, _ in lacks],
            pages=[page for _, page in lacks],
        )
