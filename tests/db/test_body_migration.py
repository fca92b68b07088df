"""From before 0067: who never named their body was the notice's; an installation in use keeps that name."""

from __future__ import annotations

import flask
from alembic import command
from sqlalchemy import delete

from cbt.enrolment.body import BodyDetails, body
from cbt.enrolment.models import AssessmentBody
from cbt.storage.engine import WRITE
from cbt.storage.migrate import _config, migrate
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.world import World


def upgraded(app: flask.Flask) -> BodyDetails:
    """Return the body after an upgrade of an installation that never said who it is."""
    with app.app_context():
        with unit_of_work() as session:
            session.execute(delete(AssessmentBody))
        with db.engine.execution_options(**{WRITE: True}).begin() as connection:
            command.downgrade(_config(connection), "0066")
        migrate()
        with reading() as session:
            return body(session)


def test_who_works_already_goes_on_in_the_name_on_their_papers(world: World) -> None:
    assert upgraded(world.app) == BodyDetails(
        "上海市商业联合会", "上海市静安区新闻路945号315室", website="http://www.sca.org.cn"
    )


def test_an_installation_that_did_nothing_yet_is_nobodys(app: flask.Flask) -> None:
    assert upgraded(app).name == ""
