"""An installation from before the second person's own page: its centres go on, and time given before counts."""

from __future__ import annotations

from datetime import timedelta

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import select

from cbt.proctoring.desk import given_alone
from cbt.sittings.models import Centre
from cbt.storage.engine import WRITE
from cbt.storage.migrate import _config, migrate
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading
from tests.attacks.second_scene import allow
from tests.proctoring.desk import Desk, done, refused, running
from tests.world import World

TIME = {"kind": "general", "reason_code": "power"}


def test_existing_centres_keep_their_way_and_what_was_given_counts(world: World) -> None:
    running(world, "theory", "second")
    allow(world, by_password=False)
    desk = Desk(world)
    done(desk.act("adjust_room", **TIME, minutes="6"))
    done(desk.act("adjust", "theory", **TIME, minutes="2"))
    with world.app.app_context():
        with db.engine.execution_options(**{WRITE: True}).begin() as connection:
            config = _config(connection)
            before = ScriptDirectory.from_config(config).get_revision("0013").down_revision
            command.downgrade(config, before)
        migrate()
        with reading() as session:
            assert session.scalars(select(Centre.second_by_password)).one() is True
            given = given_alone(session, world.sitting_room_id)
    theory = world.sitters["theory"].registration_id
    assert sorted((one.amount, one.whom or frozenset()) for one in given) == [
        (timedelta(minutes=2), frozenset({theory})),
        (timedelta(minutes=6), frozenset()),
    ]
    assert refused(desk.act("adjust_room", **TIME, minutes="3")) == "second.needed"
    done(desk.act("adjust_room", **TIME, minutes="2"))
