"""Tables from before 0016: rosters and banks kept their drafts apart, those of banks in clear."""

from __future__ import annotations

import io
import re

from alembic import command
from flask.testing import FlaskClient
from sqlalchemy import select, text

from cbt.bank.imports.bringing import pack
from cbt.db.engine import WRITE
from cbt.db.migrate import _config, migrate
from cbt.db.types import db
from cbt.db.unit_of_work import reading
from cbt.sheets.drafts import SheetDraft
from tests.bank.sheets import truth, workbook
from tests.candidates.rosters import row, xlsx
from tests.world import World

BEFORE = "0015"


def test_kept_files_wait_where_they_did_and_open_as_before(world: World) -> None:
    roster, bank = xlsx([row(1)]), workbook([truth()])
    officer, author = world.staff("officer"), world.staff("author")
    pages = f"/office/sittings/{world.sitting_ref}/roster", "/bank/customer-service-l3/import"
    kept = officer.post(pages[0], data={"file": (io.BytesIO(roster), "名册.xlsx")}).location
    sent = author.post(pages[1], data={"file": (io.BytesIO(bank), "题库.xlsx")}).location
    shown = page(officer, kept)
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
    assert page(officer, kept) == shown
    # How far a bank's file was checked is of a later table: its author brings the file again.
    assert author.get(sent).status_code == 404


def page(client: FlaskClient, address: str) -> str:
    """Return a page without its form token, which is another one each second."""
    reply = client.get(address)
    assert reply.status_code == 200
    return re.sub(r'name="csrf_token" value="[^"]+"', "", reply.text)
