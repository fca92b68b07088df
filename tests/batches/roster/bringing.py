"""A roster on its way through the pages of a batch: brought, worked on, looked at, confirmed."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import timedelta

from flask.testing import FlaskClient
from sqlalchemy import func, select

from cbt.candidates.models import Candidate, Registration
from cbt.demo.world import Hall
from cbt.paths import product_dir
from cbt.rules.roles import Role
from cbt.sittings import store
from cbt.sittings.models import Room, Seat, Sitting
from cbt.sittings.places import create_room
from cbt.sittings.service import create_sitting
from tests.candidates.rosters import HEADERS, row, xlsx
from tests.file_jobs import work_on
from tests.helpers import flat
from tests.sittings.conftest import OFFICER, PLANNED, Day
from tests.sittings.test_planning import browser

BLUEPRINTS = product_dir("blueprints")
BOTH = "两科"


class Office:
    """An officer at the roster of a day's batch."""

    def __init__(self, day: Day, login: str = "zhou") -> None:
        self.day = day
        self.client: FlaskClient = browser(day.app, day.clock, login, Role.OFFICER)
        self.page = f"/office/batches/{day.batch_ref}/roster"

    def bring(
        self,
        rows: Sequence[Sequence[object]],
        headers: Sequence[str] = HEADERS,
        *,
        body: bytes = b"",
        name: str = "名册.xlsx",
        work: bool = True,
        **form: str,
    ) -> str:
        """Bring a file and return the address of its check."""
        sent = self.client.post(
            self.page, data={"file": (io.BytesIO(body or xlsx(rows, headers)), name), **form}
        )
        assert sent.status_code == 303, flat(sent.text)
        if work:
            self.work(sent.headers["Location"])
        return sent.headers["Location"]

    def work(self, address: str) -> bool:
        """Carry out the job of a check."""
        with self.day.app.app_context():
            return work_on(address.rpartition("/")[2], clock=self.day.clock.now)

    def text(self, address: str) -> str:
        """Return what a page says."""
        return flat(self.client.get(address, follow_redirects=True).text)

    def confirm(self, address: str, **form: str) -> str:
        """Confirm what was looked at, have it stored, and return what the next page says."""
        assert self.client.post(address, data=form).status_code == 303
        self.work(address)
        return self.text(address)


def another_room(day: Day, hall: Hall) -> str:
    """Add a room to the centre and return its ref."""
    with day.write() as session:
        centre = store.centre_by_ref(session, day.centre_ref)
        return create_room(
            session,
            centre,
            name=hall.name,
            seats=hall.seats,
            spares=hall.spares,
            now=day.clock.now(),
            actor=OFFICER,
        ).ref


def another_sitting(day: Day, after: timedelta, name: str, *rooms: str) -> str:
    """Plan a sitting so long after nine, in the day's room where no other is named; return its ref."""
    with day.write() as session:
        return create_sitting(
            session,
            batch=store.batch_by_ref(session, day.batch_ref),
            centre=store.centre_by_ref(session, day.centre_ref),
            name=name,
            planned_start_at=PLANNED + after,
            rooms=[store.room_by_ref(session, room) for room in rooms or (day.room_ref,)],
            now=day.clock.now(),
            actor=OFFICER,
        ).ref


def seated(day: Day) -> dict[str, list[tuple[str, str, str, int]]]:
    """Return the paper, sitting, room and seat of everybody by their names."""
    query = (
        select(Candidate.name, Registration.paper, Sitting.name, Room.name, Seat.number)
        .join(Registration, Registration.candidate_id == Candidate.id)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .join(Room, Room.id == Seat.room_id)
        .order_by(Candidate.name, Sitting.planned_start_at)
    )
    found: dict[str, list[tuple[str, str, str, int]]] = {}
    with day.read() as session:
        for name, *where in session.execute(query):
            found.setdefault(name, []).append((where[0], where[1], where[2], where[3]))
    return found


def count(day: Day, table: type) -> int:
    """Return how many rows a table has."""
    with day.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def people(first: int, last: int, **told: str) -> list[list[object]]:
    """Return a row for each of so many people."""
    return [row(number, **told) for number in range(first, last + 1)]
