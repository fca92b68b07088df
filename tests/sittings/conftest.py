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

from cbt.demo.world import Hall, build_premises, plan_sitting
from cbt.sittings.models import Sitting, SittingRoom
from cbt.storage.unit_of_work import reading, unit_of_work
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
        premises = build_premises(
            session,
            [Hall("一号机房", 6, 1)],
            centre="东区考点",
            batch="2026 年第 4 批",
            second_by_password=True,
            now=now,
            actor=OFFICER,
        )
        sitting, (taken,) = plan_sitting(
            session, premises, name="上午", at=PLANNED, published=False, now=now, actor=OFFICER
        )
        (room,) = premises.rooms
        return Day(app, clock, premises.batch.ref, premises.centre.ref, room.ref, sitting.ref, taken.ref)
