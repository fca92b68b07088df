"""Plans to be checked and moved: people registered by hand in sittings of the day's centre, past results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.blueprints.store import blueprint_text, current_version
from cbt.blueprints.versions import store_blueprint
from cbt.candidates.models import Candidate, Registration
from cbt.candidates.registration import NewPerson, PaperTerms, SeatedPaper, add_candidate, register, ticket_of
from cbt.paths import product_dir
from cbt.personal import document_index
from cbt.results.models import Release, Result
from cbt.sittings.models import Batch, Centre, Room, Seat, Sitting, SittingRoom
from cbt.sittings.places import create_room
from cbt.sittings.service import create_sitting
from cbt.storage.unit_of_work import unit_of_work
from tests.sittings.conftest import OFFICER, PLANNED, Day

L3 = "customer-service-l3"


@dataclass
class Plan:
    """A day's plan in a session that is open: whatever a test adds to it is stored when it ends."""

    day: Day
    session: Session
    now: datetime

    @property
    def sitting(self) -> Sitting:
        """The day's own sitting, at nine."""
        return self.day.work(self.session)[0]

    def room(self, name: str, seats: int = 6) -> Room:
        """Add a room to the centre."""
        centre = self.session.scalars(select(Centre)).first()
        assert centre is not None
        return create_room(
            self.session, centre, name=name, seats=seats, spares=1, now=self.now, actor=OFFICER
        )

    def at(self, after: timedelta, name: str, *rooms: Room) -> Sitting:
        """Add a sitting that starts so long after nine, in the day's room where no other is named."""
        own = self.session.scalars(select(Room).where(Room.ref == self.day.room_ref)).one()
        return create_sitting(
            self.session,
            batch=self.session.scalars(select(Batch)).one(),
            centre=self.session.get_one(Centre, own.centre_id),
            name=name,
            planned_start_at=PLANNED + after,
            rooms=rooms or [own],
            now=min(self.now, PLANNED + after - timedelta(days=1)),
            actor=OFFICER,
        )

    def enter(
        self, who: str, sitting: Sitting, paper: str = "theory", *, extra: int = 0, kind: str = "first"
    ) -> Registration:
        """Register somebody at the lowest free seat of a sitting; `extra` minutes are theirs alone."""
        person = self._person(who)
        room = self.session.scalars(
            select(SittingRoom).where(SittingRoom.sitting_id == sitting.id).order_by(SittingRoom.id)
        ).first()
        assert room is not None
        taken = select(Registration.seat_id).where(Registration.sitting_room_id == room.id)
        seats = select(Seat).where(Seat.room_id == room.room_id, Seat.id.not_in(taken))
        seat = self.session.scalars(seats.order_by(Seat.number)).first()
        assert seat is not None
        version = current_version(self.session, L3)
        row = register(
            self.session,
            sitting,
            ticket_of(self.session, sitting, person),
            SeatedPaper(version.id, L3, paper, room.id, seat.id),
            PaperTerms(kind=kind, extra=timedelta(minutes=extra)),
        )
        self.session.flush()
        return row

    def _person(self, who: str) -> Candidate:
        number = "E" + "".join(f"{ord(sign):05d}" for sign in who)
        index = document_index(number)
        known = self.session.scalar(select(Candidate).where(Candidate.document_index == index))
        return known or add_candidate(
            self.session,
            NewPerson(who, "passport", number, {"phone": "13800000000", "employer": "甲公司"}),
            now=self.now,
        )

    def released(
        self, who: str, outcome: str, *, paper: str = "theory", days_ago: int = 100, kind: str = "first"
    ) -> None:
        """Have somebody's paper released that many days before the day."""
        before = timedelta(days=-days_ago)
        past = self.at(before, f"{days_ago} 天前")
        row = self.enter(who, past, paper, kind=kind)
        past.state = "released"
        release = Release(sitting_id=past.id, released_at=PLANNED + before, by=OFFICER, second=OFFICER)
        self.session.add(release)
        self.session.flush()
        self.session.add(
            Result(release_id=release.id, registration_id=row.id, outcome=outcome, score=None, score_id=None)
        )
        self.session.flush()


@contextmanager
def planning(day: Day) -> Iterator[Plan]:
    """Open a plan of the day, with the blueprint of level three in force."""
    now = day.clock.now()
    with day.app.app_context(), unit_of_work() as session:
        store_blueprint(
            session, blueprint_text(product_dir("blueprints") / f"{L3}.toml"), now=now, actor=OFFICER
        )
        yield Plan(day, session, now)
