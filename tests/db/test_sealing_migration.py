"""Tables from before 0015: the last four characters seen at the door were in clear, and the log had no key."""

from __future__ import annotations

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import select, text

from cbt.audit.models import AuditEntry, AuditHead
from cbt.audit.verification import verify
from cbt.candidates.models import Registration
from cbt.storage.engine import WRITE
from cbt.storage.migrate import _config, migrate
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading
from tests.world import World

REVISION = "0015"


def test_rows_that_are_there_are_sealed_and_read_as_before(world: World) -> None:
    world.admit_all()
    with world.app.app_context():
        with db.engine.execution_options(**{WRITE: True}).begin() as connection:
            config = _config(connection)
            before = ScriptDirectory.from_config(config).get_revision(REVISION).down_revision
            command.downgrade(config, str(before))
            shown = connection.execute(text("SELECT document_last_four FROM registration")).scalars().all()
        assert set(shown) == {"0001"}
        migrate()
        with reading() as session:
            rows = session.scalars(select(Registration)).all()
            assert {row.document_last_four for row in rows} == {"0001"}
            assert all(b"0001" not in (row.document_last_four_sealed or b"") for row in rows)
            assert len({row.document_last_four_sealed for row in rows}) == len(rows)


def test_a_log_that_is_there_stays_and_has_no_key_yet(world: World) -> None:
    """What 0010 wrote is hashed without one; the head's new columns say so."""
    with world.app.app_context():
        with db.engine.execution_options(**{WRITE: True}).begin() as connection:
            config = _config(connection)
            before = ScriptDirectory.from_config(config).get_revision(REVISION).down_revision
            entries = connection.execute(text("SELECT count(*) FROM audit_entry")).scalar()
            command.downgrade(config, str(before))
        migrate()
        with reading() as session:
            head = session.scalars(select(AuditHead)).one()
            assert (head.last_id, head.key_print, head.mac) == (entries, "", "")
            assert len(session.scalars(select(AuditEntry.id)).all()) == entries
            assert verify(session).broken_at is not None, "keyed entries do not pass for ones without a key"
