"""A centre with one room of six seats and a draft sitting at nine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import flask
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.db.unit_of_work import reading, unit_of_work
from cbt.sittings.models import Sitting, SittingRoom
from cbt.sittings.planning.places import create_centre, create_room
from cbt.sittings.planning.sittings import create_batch, create_sitting
from tests.helpers import FakeClock, utc

PLANNED = utc("2026-11-24T09:00:00+08:00")
OFFICER = "staff:officer"


@dataclass
class Day:
    """The app and clock of a day, and the refs of what was planned."""

    app: flask.Flask
    clock: FakeClock
    batch_ref: str
    centre_ref: str
    room_ref: str
    sitting_ref: str
    sitting_room_ref: str

    def work(self, session: Session) -> tuple[Sitting, SittingRoom]:
        """Return the sitting and its room in a session."""
        sitting = session.scalars(select(Sitting).where(Sitting.ref == self.sitting_ref)).one()
        room = session.scalars(select(SittingRoom).where(SittingRoom.ref == self.sitting_room_ref)).one()
        return sitting, room

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a unit of work in the app's context."""
        with self.app.app_context(), unit_of_work() as session:
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a reading transaction in the app's context."""
        with self.app.app_context(), reading() as session:
            yield session


@pytest.fixture
def day(app: flask.Flask, clock: FakeClock) -> Day:
    """A draft sitting, planned three hours ahead."""
    clock.set(PLANNED - timedelta(hours=3))
    now = clock.now()
    with app.app_context(), unit_of_work() as session:
        centre = create_centre(
            session, name="东区考点", address="", now=now, actor=OFFICER, second_by_password=True
        )
        room = create_room(session, centre, name="一号机房", seats=6, spares=1, now=now, actor=OFFICER)
        batch = create_batch(session, name="2026 年第 4 批", now=now, actor=OFFICER)
        sitting = create_sitting(
            session, batch=batch, centre=centre, name="上午", planned_start_at=PLANNED, rooms=[room],
            now=now, actor=OFFICER,
        )  # fmt: skip
        taken = session.scalars(select(SittingRoom)).one()
        return Day(app, clock, batch.ref, centre.ref, room.ref, sitting.ref, taken.ref)
