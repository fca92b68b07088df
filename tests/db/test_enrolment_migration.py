"""An installation of before applications, certificates and fees goes on; who was accepted is charged."""

from __future__ import annotations

from datetime import date

from alembic import command
from flask.testing import FlaskClient
from sqlalchemy import inspect, select

from cbt.enrolment.models import FeeCharge, MemberUnit, UnitAgreement, UnitApplication
from cbt.storage.engine import WRITE
from cbt.storage.migrate import _config, migrate
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading
from tests.enrolment.test_applications import Desk, desk, people_of, unit
from tests.enrolment.test_units import officer
from tests.world import World

__all__ = ["desk", "officer", "unit"]

NEW = {
    "0051": {"fee_charge", "fee_payment"},
    "0050": {"certificate"},
    "0049": {"unit_application", "applicant"},
}


def test_units_applications_and_people_are_carried_along(
    world: World, officer: FlaskClient, desk: Desk, unit: str
) -> None:
    desk.enter()
    desk.step("submit")
    desk.decide(people_of(world))
    assert desk.step("accept").status_code == 303
    back_to(world, "0051")
    assert officer.get(desk.page).status_code == 200
    with world.app.app_context(), reading() as session:
        assert session.scalars(select(UnitApplication.charged_on)).all() == [None]
        assert session.scalars(select(FeeCharge)).all() == []
    assert "陆遥" in officer.get(desk.page).text
    assert officer.post("/office/fees/charge").status_code == 303
    with world.app.app_context(), reading() as session:
        assert session.scalars(select(FeeCharge.fen)).all() == [28000]
    back_to(world, "0049")
    with world.app.app_context(), reading() as session:
        assert session.scalars(select(MemberUnit.ref)).all() == [unit]
        assert session.scalars(select(UnitAgreement.last_on)).all() == [date(2027, 11, 20)]
        assert session.scalars(select(UnitApplication)).all() == []
    assert desk.begin(unit=unit).status_code == 303
    assert desk.enter().status_code == 303


def back_to(world: World, revision: str) -> None:
    """Take the tables back to a revision, see that what came after it is gone, and bring them forward."""
    with world.app.app_context():
        with db.engine.execution_options(**{WRITE: True}).begin() as connection:
            command.downgrade(_config(connection), revision)
            gone = set().union(*(names for of, names in NEW.items() if of >= revision))
            assert not gone & set(inspect(connection).get_table_names())
        migrate()
