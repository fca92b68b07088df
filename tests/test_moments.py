"""A copied moment of an exam is the one its steps bring about, and takes nothing away that was stored before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flask
import psycopg
import pytest
from sqlalchemy import MetaData, func, select, text

from cbt.audit.models import AuditEntry
from cbt.candidates.models import Registration
from cbt.runner.models import Attempt
from cbt.sittings.models import SittingRoom
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading
from tests.conftest import Templates, installation
from tests.databases import PostgresServer
from tests.helpers import FakeClock
from tests.proctoring.desk import change, registration
from tests.world import START, World


def stored(world: World) -> dict[str, Any]:
    """Return how many rows each table has, and what tells how far everybody is."""
    with world.app.app_context(), reading() as session:
        tables = MetaData()
        tables.reflect(db.engine)
        told = {
            name: session.scalar(select(func.count()).select_from(table))
            for name, table in tables.tables.items()
        }
        seen = [
            select(Registration.id, Registration.arrived_at, Registration.signed_in_at),
            select(SittingRoom.id, SittingRoom.state, SittingRoom.started_at),
            select(Attempt.id, Attempt.state),
            select(AuditEntry.id, AuditEntry.act, AuditEntry.at),
        ]
        return told | {str(query): sorted(tuple(row) for row in session.execute(query)) for query in seen}


@pytest.mark.parametrize("moments", [("admit_all",), ("admit_all", "start")], ids=["admitted", "running"])
def test_a_copy_is_what_the_steps_bring_about(
    templates: Templates, database_kind: str, tmp_path: Path, moments: tuple[str, ...]
) -> None:
    found = []
    for way in ("by steps", "copied"):
        with installation(templates, database_kind, tmp_path / way, FakeClock(START)) as (_, world):
            assert world is not None
            if way == "by steps":
                stored(world)
            for step in moments:
                getattr(world, step)()
            found.append((world.clock.now(), stored(world)))
    assert found[0] == found[1]


def test_what_was_stored_before_stays(world: World) -> None:
    change(world, "late", accommodation_note="sits by the door")
    world.admit_all()
    late = registration(world, "late")
    assert (late.accommodation_note, late.arrived_at is None) == ("sits by the door", False)


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_a_connection_that_the_server_ended_is_replaced(app: flask.Flask, postgres: PostgresServer) -> None:
    """The tests ask a server for a connection only where something came of it (tests/app_cache.py)."""
    mine = text("SELECT pg_backend_pid()")
    with app.app_context(), psycopg.connect(postgres.admin_url, autocommit=True) as admin:
        with reading() as session:
            former = session.scalar(mine)
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", [former])
        with reading() as session:
            assert session.scalar(mine) not in {None, former}
