"""What the page of a room's seats shows, gathered in one reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from cbt.batches.seating.arranging import SeatProposal, propose
from cbt.batches.seating.cases import drawn_in
from cbt.batches.seating.store import CHANGEABLE
from cbt.candidates.seating.room import SeatedRoom, seated_room
from cbt.candidates.store import Registered
from cbt.exams.store import blueprint_of
from cbt.rules.planning.beside import SeatedAlike, alike
from cbt.rules.planning.seating import SeatWishes
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Batch, Sitting
from cbt.sittings.store import sitting_by_ref


@dataclass(frozen=True, slots=True)
class AskedOrder:
    """An order that somebody wants to see before it is taken."""

    wishes: SeatWishes
    seed: int


@dataclass(frozen=True, slots=True)
class SeatingPage:
    """A room with who sits where, or would by the `proposal`."""

    sitting: Sitting
    batch: Batch
    room: SeatedRoom
    shown: Mapping[int, Registered]
    papers: Mapping[int, str]
    """By registration."""
    alike: SeatedAlike
    drawn: int
    asked: AskedOrder | None
    proposal: SeatProposal | None

    @property
    def changeable(self) -> bool:
        """Whether seats may be exchanged here."""
        return SittingState(self.room.view.sitting_room.state) in CHANGEABLE

    @property
    def redrawable(self) -> bool:
        """Whether somebody may get another form."""
        return SittingState(self.sitting.state) is SittingState.DRAFT

    @property
    def clashing(self) -> frozenset[int]:
        """The seats beside which somebody has the same case."""
        return frozenset(number for pair in self.alike.cases for number in pair)


def seating_page(
    session: Session, sitting_ref: str, room_ref: str, asked: AskedOrder | None = None
) -> SeatingPage:
    """Return the page of a room's seats; its number of queries does not grow with who sits there."""
    sitting = sitting_by_ref(session, sitting_ref)
    room = seated_room(session, sitting, room_ref)
    drawn = drawn_in(session, room)
    proposal = propose(room, asked.wishes, asked.seed) if asked and not drawn.count else None
    by_ref = {entry.registration.ref: entry for entry in room.entries.values()}
    board = proposal.board if proposal else room.board(drawn.cases)
    return SeatingPage(
        sitting=sitting,
        batch=session.get_one(Batch, sitting.batch_id),
        room=room,
        shown={number: by_ref[one.key] for number, one in board.items()},
        papers={entry.registration.id: _paper(session, entry) for entry in room.entries.values()},
        alike=proposal.alike if proposal else alike(board, room.plan),
        drawn=drawn.count,
        asked=asked,
        proposal=proposal,
    )


def _paper(session: Session, entry: Registered) -> str:
    blueprint = blueprint_of(session, entry.registration.blueprint_version_id)
    return f"{blueprint.level_name} · {blueprint.papers[entry.registration.paper].name}"
