"""Pages of a sitting and of a registration: rooms, staff, and who is registered, by name, number or room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from cbt.accounts.store import HeldRole, actor_names, held_roles
from cbt.blueprints.store import blueprint_of
from cbt.candidates import store
from cbt.candidates.corrections import corrections_of
from cbt.candidates.models import Registration
from cbt.candidates.roster.export import accommodation_text
from cbt.candidates.store import Registered, SittingCounts, count_where, counts_of, entries_where, found_by
from cbt.http.auth.login import Principal
from cbt.http.form_values import asked_text, page_of
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.rules.roles import ROOM_STAFF
from cbt.rules.states.sitting import BEFORE_THE_START, SittingState
from cbt.sittings import store as sittings
from cbt.sittings.models import Batch, Centre, Room, Sitting, SittingChange, SittingRoom
from cbt.sittings.store import Duty, RoomView, SeatCount
from cbt.storage.paging import ListPage, PageSpan

PAGE = 50


@dataclass(frozen=True, slots=True)
class SeatedAsked:
    """Who is looked for in a sitting; `room` is the ref of a sitting-room, "" for all."""

    text: str = ""
    room: str = ""
    page: int = 1

    @property
    def asked(self) -> dict[str, str]:
        """Return what narrows the list down, as it stands in an address."""
        return {name: value for name, value in {"q": self.text, "room": self.room}.items() if value}


def seated_asked(args: Mapping[str, str]) -> SeatedAsked:
    """Return who an address asks for."""
    return SeatedAsked(asked_text(args), args.get("room", "")[:40], page_of(args))


def seated_page(
    session: Session, sitting_id: int, asked: SeatedAsked, *, everybody: int
) -> ListPage[Registered]:
    """Return a page of a sitting's registrations by room and seat; `everybody` is how many there are."""
    conditions: list[ColumnElement[bool]] = [Registration.sitting_id == sitting_id]
    if asked.text:
        conditions.append(found_by(asked.text))
    if asked.room:
        conditions.append(SittingRoom.ref == asked.room)
    count = count_where(session, *conditions) if asked.asked else everybody
    span = PageSpan(count, PAGE, asked.page)
    return span.of(entries_where(session, *conditions, limit=PAGE, offset=span.offset))


FEW_ROOMS = 12
"""Up to so many rooms each have the list of proctors beside them; of more, only one that is asked for."""


@dataclass(frozen=True, slots=True)
class SittingPage:
    """A sitting: its rooms with seats, counts and staff, a page of its registrations."""

    sitting: Sitting
    batch: Batch
    centre: Centre
    rooms: list[RoomView]
    seats: dict[int, SeatCount]
    counts: SittingCounts
    duties: list[Duty]
    staff: Sequence[HeldRole]
    staffed: str
    """The ref of the room that somebody is to be assigned to."""
    addable: list[Room]
    people: ListPage[Registered]
    photos: set[int]
    blueprints: dict[int, ExamBlueprint]
    change: SittingChange | None
    """Why it is off, a draft again, or no longer when and where it was."""

    @property
    def takes_roster(self) -> bool:
        """Whether a roster may still be imported."""
        return SittingState(self.sitting.state) in BEFORE_THE_START

    @property
    def papers(self) -> list[tuple[str, str, int]]:
        """Level and paper name with the number of registrations."""
        found = []
        for (version, paper), people in self.counts.by_paper.items():
            blueprint = self.blueprints[version]
            found.append((blueprint.level_name, blueprint.papers[paper].name, people))
        return found

    def offers_staff(self, room: SittingRoom) -> bool:
        """Whether the list of those who may be assigned stands beside a room."""
        return len(self.rooms) <= FEW_ROOMS or room.ref == self.staffed

    def paper_name(self, registration: Registration) -> str:
        """Return the level and paper of a registration as people call them."""
        blueprint = self.blueprints[registration.blueprint_version_id]
        return f"{blueprint.level_name} · {blueprint.papers[registration.paper].name}"


def sitting_page(session: Session, ref: str, asked: SeatedAsked, *, staffed: str) -> SittingPage:
    """Return what the page of a sitting shows; neither its queries nor its rows grow with the roster."""
    sitting = sittings.sitting_by_ref(session, ref)
    rooms = sittings.rooms_of_sitting(session, sitting.id)
    used = {view.room.id for view in rooms}
    centre_rooms = sittings.rooms_of_centre(session, sitting.centre_id)
    counts = counts_of(session, sitting.id)
    people = seated_page(session, sitting.id, asked, everybody=counts.all)
    return SittingPage(
        sitting=sitting,
        batch=session.get_one(Batch, sitting.batch_id),
        centre=session.get_one(Centre, sitting.centre_id),
        rooms=rooms,
        seats=sittings.seat_counts(session, sorted(used)),
        counts=counts,
        duties=sittings.duties_of_sitting(session, sitting.id),
        staff=held_roles(session, ROOM_STAFF),
        staffed=staffed,
        addable=[room for room in centre_rooms if room.id not in used],
        people=people,
        photos=store.with_photo(session, {entry.candidate.id for entry in people.lines}),
        blueprints={version: blueprint_of(session, version) for version, _ in counts.by_paper},
        change=sittings.told_change(sitting, sittings.changes_of(session, [sitting.id]).get(sitting.id, [])),
    )


def registration_page(session: Session, ref: str, principal: Principal) -> dict[str, object]:
    """Return what the page of a registration shows, by the names its template gives it.

    Raise NotFound for a registration this person may not see.
    """
    entry = store.entry_for(session, ref, principal)
    candidate_id, sitting = entry.candidate.id, session.get_one(Sitting, entry.registration.sitting_id)
    corrections = corrections_of(session, candidate_id)
    return {
        "entry": entry,
        "sitting": sitting,
        "batch": session.get_one(Batch, sitting.batch_id),
        "centre": session.get_one(Centre, sitting.centre_id),
        "blueprint": blueprint_of(session, entry.registration.blueprint_version_id),
        "has_photo": bool(store.with_photo(session, [candidate_id])),
        "accommodation": accommodation_text(entry),
        "state": door_state(entry.registration),
        "started": store.has_started(session, candidate_id),
        "corrections": corrections,
        "hands": actor_names(
            session, {hand for one in corrections for hand in (one.row.by, one.row.countersigned_by)}
        ),
    }


def door_state(registration: Registration) -> str:
    """Return the code of where a registration stands at the door, for words and colour."""
    if registration.absent_at is not None:
        return "absent"
    if registration.pledged_at is not None:
        return "waiting"
    if registration.signed_in_at is not None:
        return "signed_in"
    if registration.checked_in_at is not None:
        return "checked_in"
    return "arrived" if registration.arrived_at is not None else "not_arrived"
