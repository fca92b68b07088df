"""A bank of one item over two points, and what tests do with it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import flask
from msgspec.structs import replace
from sqlalchemy import select

from cbt.bank import service, store
from cbt.bank.imports import bank_import as checks
from cbt.bank.imports.plan import PLAINLY
from cbt.items.models import ImportRun
from cbt.rules.states import ItemState
from cbt.storage.unit_of_work import reading
from tests.bank.sheets import workbook
from tests.file_jobs import work_on
from tests.helpers import FakeClock

BANK = "sample"
ACTOR = "staff:st-author"
TAXONOMY = """\
[taxonomy]
occupation = "示例"
level = "三级"

[[range]]
code = "A"
name = "甲"
weight = 100

[[point]]
code = "A-001"
name = "一"
importance = "X"

[[point]]
code = "A-002"
name = "二"
importance = "Y"
"""
ITEMS = """\
[[item]]
ref = "A-001-T1"
type = "true_false"
point = "A-001"
difficulty = 2
stem = "客服员应当如实介绍商品。"
answer = true
explanation = "如实介绍。"
"""


def bring(
    app: flask.Flask, clock: FakeClock, rows: list[list[object]], state: ItemState = ItemState.REVIEWED
) -> ImportRun:
    """Bring rows to the sample bank from the command line, and return the run."""
    with app.app_context(), TemporaryDirectory() as folder:
        path = Path(folder) / "a.xlsx"
        path.write_bytes(workbook(rows))
        service.import_bank(
            path, bank_ref=BANK, now=clock.now(), actor=ACTOR, terms=replace(PLAINLY, state=state)
        )
        return last_run()


def last_run() -> ImportRun:
    """Return the run that was recorded last."""
    with reading() as session:
        return session.scalars(select(ImportRun).order_by(ImportRun.id.desc()).limit(1)).one()


def check(app: flask.Flask, clock: FakeClock, *files: tuple[str, bytes], actor: str = ACTOR) -> str:
    """Send files to the sample bank and have them checked, as a worker does; return the draft's ref."""
    with app.app_context():
        ref = checks.keep(bank_ref=BANK, files=files, locale="zh", now=clock.now(), actor=actor)
        work_on(ref, clock=clock.now)
    return ref


def published(app: flask.Flask) -> dict[str, int]:
    with app.app_context(), reading() as session:
        found = store.bank_by_ref(session, BANK)
        return {ref: version for ref, version, _sha in store.published(session, found.id)}


def undo(app: flask.Flask, clock: FakeClock, run: ImportRun) -> tuple[int, int, int]:
    with app.app_context():
        done = service.undo(bank_ref=BANK, run_ref=run.ref, now=clock.now(), actor=ACTOR)
    return done.withdrawn, done.returned, done.kept
