"""What the office pages show, gathered in one reading transaction each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from cbt.accounts.models import Staff
from cbt.accounts.store import actor_names, staff_with_roles
from cbt.candidates import store
from cbt.candidates.corrections.making import corrections_of
from cbt.candidates.models import Registration
from cbt.candidates.roster.export import accommodation_text
from cbt.candidates.store import Registered
from cbt.exams.store import blueprint_of
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.rules.roles import ROOM_STAFF
from cbt.rules.states.sitting import BEFORE_THE_START, SittingState
from cbt.sittings import store as sittings
from cbt.sittings.models import Batch, Centre, Room, Sitting, SittingChange
from cbt.sittings.store import Duty, RoomView, SeatCount
from cbt.web.who.login import Principal


@dataclass(frozen=True, slots=True)
class SittingPage:
    """A sitting: its rooms with seats, counts and staff, its registrations."""

    sitting: Sitting
    batch: Batch
    centre: Centre
    rooms: list[RoomView]
    seats: dict[int, SeatCount]
    counts: dict[int, int]
    duties: list[Duty]
    staff: Sequence[Staff]
    addable: list[Room]
    entries: list[Registered]
    photos: set[int]
    blueprints: dict[int, ExamBlueprint]
    change: SittingChange | None
    """Why it is off, a draft again, or no longer when and where it was."""
    again: int
    """How many printed tickets have to be printed again."""
    papers: list[tuple[str, str, int]]
    """Level and paper name with the number of registrations, as they come first."""

    @property
    def takes_roster(self) -> bool:
        """Whether a roster may still be imported."""
        return SittingState(self.sitting.state) in BEFORE_THE_START

    @property
    def without_photo(self) -> int:
        """How many candidates have no photo yet (照片待补)."""
        return len({entry.candidate.id for entry in self.entries} - self.photos)

    def paper_name(self, registration: Registration) -> str:
        """Return the level and paper of a registration as people call them."""
        blueprint = self.blueprints[registration.blueprint_version_id]
        return f"{blueprint.level_name} · {blueprint.papers[registration.paper].name}"


def sitting_page(session: Session, ref: str) -> SittingPage:
    """Return what the page of a sitting shows; the number of queries does not grow with the roster."""
    sitting = sittings.sitting_by_ref(session, ref)
    rooms = sittings.rooms_of_sitting(session, sitting.id)
    used = {view.room.id for view in rooms}
    centre_rooms = sittings.rooms_of_centre(session, sitting.centre_id)
    entries = store.entries_of_sitting(session, sitting.id)
    versions = {entry.registration.blueprint_version_id for entry in entries}
    blueprints = {version: blueprint_of(session, version) for version in versions}
    return SittingPage(
        sitting=sitting,
        batch=session.get_one(Batch, sitting.batch_id),
        centre=session.get_one(Centre, sitting.centre_id),
        rooms=rooms,
        seats=sittings.seat_counts(session, sorted(used)),
        counts=dict(Counter(entry.sitting_room.id for entry in entries)),
        duties=sittings.duties_of_sitting(session, sitting.id),
        staff=staff_with_roles(session, ROOM_STAFF),
        addable=[room for room in centre_rooms if room.id not in used],
        entries=entries,
        photos=store.with_photo(session, {entry.candidate.id for entry in entries}),
        blueprints=blueprints,
        change=sittings.told_change(sitting, sittings.changes_of(session, [sitting.id]).get(sitting.id, [])),
        again=len({entry.ticket.id for entry in entries if entry.ticket.reprint_since is not None}),
        papers=_papers(entries, blueprints),
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


def _papers(
    entries: Sequence[Registered], blueprints: dict[int, ExamBlueprint]
) -> list[tuple[str, str, int]]:
    counted: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        blueprint = blueprints[entry.registration.blueprint_version_id]
        counted[blueprint.level_name, blueprint.papers[entry.registration.paper].name] += 1
    return [(level, paper, count) for (level, paper), count in counted.items()]


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
