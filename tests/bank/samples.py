"""A bank of one item over two points, and what tests do with it."""

from __future__ import annotations

import flask

from cbt.bank import service, store
from cbt.bank.models import ImportRun
from cbt.db.unit_of_work import reading
from tests.bank.sheets import workbook
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


def bring(app: flask.Flask, clock: FakeClock, rows: list[list[object]]) -> ImportRun:
    """Upload rows to the sample bank and confirm them."""
    with app.app_context():
        ref = service.keep_draft(
            bank_ref=BANK, file_name="a.xlsx", content=workbook(rows), now=clock.now(), actor=ACTOR
        )
        return service.confirm_draft(bank_ref=BANK, draft_ref=ref, now=clock.now(), actor=ACTOR)


def published(app: flask.Flask) -> dict[str, int]:
    with app.app_context(), reading() as session:
        found = store.bank_by_ref(session, BANK)
        return {ref: version for ref, version, _sha in store.published(session, found.id)}


def undo(app: flask.Flask, clock: FakeClock, run: ImportRun) -> tuple[int, int, int]:
    with app.app_context():
        done = service.undo(bank_ref=BANK, run_ref=run.ref, now=clock.now(), actor=ACTOR)
    return done.withdrawn, done.returned, done.kept
