"""Who comes to the door and an act of staff at once, on PostgreSQL: one waits for the other, and neither fails."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text
from werkzeug.test import TestResponse

from cbt.candidates.models import Registration
from cbt.rules.states import SittingState
from cbt.sittings.models import SittingRoom
from cbt.storage.types import db
from tests.delivery.test_reminders import PATIENCE, beside
from tests.door.door import SIGN_IN_OPEN, machine_at, sign_in, work
from tests.proctoring.desk import row
from tests.world import World

pytestmark = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)


def test_a_first_sign_in_takes_its_turn_behind_an_act(world: World) -> None:
    """The first who comes opens the doors. With their own row in hand they would wait for the room, which an act of
    staff has, and that act for them: a circle."""
    client = machine_at(world, world.sitters["theory"].seat)
    world.clock.set(SIGN_IN_OPEN)
    answers: list[TestResponse] = []
    with work(world) as session:  # as every act of staff does it: the room, then its people
        session.scalars(select(SittingRoom).with_for_update()).all()
        coming = beside(lambda: answers.append(sign_in(world, client, "theory")))
        session.scalars(select(Registration).with_for_update()).all()
    coming.join(20)
    [answer] = answers
    assert answer.status_code < 500, answer.text
    assert row(world, SittingRoom, ref=world.room_ref).state == SittingState.ADMITTING


def test_whoever_loses_in_a_circle_is_told_to_come_again(world: World) -> None:
    """An act against the order, which nothing of the product is: PostgreSQL ends one of the two (40P01)."""
    client = machine_at(world, world.sitters["theory"].seat)
    world.clock.set(SIGN_IN_OPEN)
    with world.app.app_context():
        name = db.engine.url.database
        with db.engine.connect() as connection:  # the sign-in looks for a circle once the other waits as well
            connection.execute(
                text(f"ALTER DATABASE \"{name}\" SET deadlock_timeout = '{2 * PATIENCE:.0f}s'")
            )
            connection.commit()
        db.engine.dispose()
    answers: list[TestResponse] = []
    with work(world) as session:
        session.execute(text("SET LOCAL deadlock_timeout = '1h'"))
        session.scalars(select(Registration).with_for_update()).all()
        coming = beside(lambda: answers.append(sign_in(world, client, "theory")))
        session.scalars(select(SittingRoom).with_for_update()).all()
    coming.join(20)
    [answer] = answers
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert sign_in(world, client, "theory").status_code < 500
