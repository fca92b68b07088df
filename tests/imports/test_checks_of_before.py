"""Files that wait, or came to nothing, in a database of the version whose checks had a queue of their own."""

from __future__ import annotations

import flask
from alembic import command
from sqlalchemy import select, text

from cbt.bank.imports import bank_import
from cbt.bank.imports.checks import standing_of
from cbt.items.models import Item
from cbt.jobs.models import Job, JobState
from cbt.storage.engine import WRITE
from cbt.storage.migrate import _config, migrate
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading
from tests.bank.conftest import bank, folder  # noqa: F401  # fixtures
from tests.bank.samples import BANK
from tests.bank.sheets import truth, workbook
from tests.file_jobs import add_author, end_of, work_on
from tests.helpers import FakeClock

FILE = ("a.xlsx", workbook([truth("应当主动问候客户。", point="A-002")]))
BEFORE = {
    "a": ("reading", "", ("waiting", "")),
    "b": ("failed", "bank.check_died", ("failed", "bank.check_died")),
    "c": ("ready", "", ("ready", "")),
}
"""How the file of each person stood, and how it does now."""


def test_a_file_goes_on_where_it_stood(bank: flask.Flask, clock: FakeClock) -> None:  # noqa: F811
    refs = dict[str, str]()
    with bank.app_context():
        for actor in BEFORE:
            add_author(actor, now=clock.now())
            refs[actor] = bank_import.keep(
                bank_ref=BANK, files=[FILE], locale="zh", now=clock.now(), actor=f"staff:{actor}"
            )
        with db.engine.execution_options(**{WRITE: True}).begin() as connection:
            connection.execute(text("DELETE FROM job"))
            command.downgrade(_config(connection), "0064")
            for actor, (state, error, _now) in BEFORE.items():
                stood = {"state": state, "error": error, "ref": refs[actor]}
                connection.execute(
                    text("UPDATE import_check SET state = :state, error = :error WHERE ref = :ref"), stood
                )
        migrate()
        for actor, (*_before, now) in BEFORE.items():
            with reading() as session:
                standing = standing_of(session, bank_ref=BANK, ref=refs[actor], actor=f"staff:{actor}")
            assert end_of(standing) == now
        with reading() as session:
            assert session.scalars(select(Job.state).order_by(Job.id)).all() == ["waiting", "failed"]
        assert work_on(refs["a"], clock=clock.now)
        with reading() as session:
            assert session.scalars(select(Job.state).order_by(Job.id)).all() == [
                JobState.DONE,
                JobState.FAILED,
            ]
            assert len(session.scalars(select(Item.id)).all()) == 1
