"""Tables from before 0016: rosters and banks kept their drafts apart, those of banks in clear."""

from __future__ import annotations

import io

from alembic import command
from sqlalchemy import select, text

from cbt.interchange.upload import pack
from cbt.spreadsheets.drafts import Drafts, SheetDraft
from cbt.storage.engine import WRITE
from cbt.storage.migrate import _config, migrate
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.bank.sheets import truth, workbook
from tests.candidates.rosters import row, xlsx
from tests.world import World

BEFORE = "0015"


def test_kept_files_wait_where_they_did_and_open_as_before(world: World) -> None:
    roster, bank = xlsx([row(1)]), workbook([truth()])
    author, drafts_of = world.staff("author"), Drafts("roster", gone="roster.draft_gone")
    subject = {"subject": f"sitting:{world.sitting_ref}", "actor": "staff:officer"}
    told = {"ref": "rd-kept", "file_name": "名册.xlsx", "now": world.clock.now(), "actor": subject["actor"]}
    with world.app.app_context(), drafts_of.brought(roster, **told) as draft, unit_of_work() as session:
        kept = drafts_of.keep(session, draft, subject=subject["subject"])
    upload = "/bank/customer-service-l3/import"
    sent = author.post(upload, data={"file": (io.BytesIO(bank), "题库.xlsx")}).location
    with world.app.app_context():
        with db.engine.execution_options(**{WRITE: True}).begin() as connection:
            command.downgrade(_config(connection), BEFORE)
            assert connection.execute(text("SELECT content FROM import_draft")).scalars().all() == [
                pack([("题库.xlsx", bank)])
            ]
            sealed = connection.execute(text("SELECT body_sealed FROM roster_draft")).scalar_one()
        migrate()
        with reading() as session:
            drafts = {one.file_name: one.sealed for one in session.scalars(select(SheetDraft))}
    assert drafts["名册.xlsx"] == bytes(sealed)
    assert bank not in drafts["题库.xlsx"]
    with world.app.app_context(), reading() as session:
        assert drafts_of.open(session, kept, **subject) == ("名册.xlsx", roster)
    # How far a bank's file was checked is of a later table: its author brings the file again.
    assert author.get(sent).status_code == 404
