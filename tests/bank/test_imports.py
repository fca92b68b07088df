"""Imports: whole or not at all, known content skipped, changed content a new version, an undo of it all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import flask
import pytest
from msgspec.structs import replace
from sqlalchemy import select

from cbt.audit.models import AuditEntry
from cbt.bank import service, store
from cbt.bank.imports.checks import Looked, sheet_of
from cbt.bank.imports.plan import PLAINLY, Review
from cbt.errors import Conflict, InvalidInput
from cbt.items.models import ImportRun, Item, ItemBank
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.change_set import put_down_in
from tests.bank.samples import ACTOR, BANK, ITEMS, TAXONOMY, bring, check, published
from tests.bank.sheets import single, truth, workbook
from tests.helpers import FakeClock


def test_a_folder_makes_its_bank_with_its_taxonomy(bank: flask.Flask) -> None:
    with bank.app_context(), reading() as session:
        found = store.bank_by_ref(session, BANK)
        taxonomy = store.taxonomy_of(session, found)
    assert found.name == "示例（三级）"
    assert taxonomy.weights == {"A": 100}
    assert taxonomy.importances == {"A-001": "X", "A-002": "Y"}
    assert published(bank) == {"A-001-T1": 1}


def test_a_repeat_of_the_same_folder_stores_nothing(
    bank: flask.Flask, folder: Path, clock: FakeClock
) -> None:
    with bank.app_context():
        made = service.import_bank(folder, now=clock.now(), actor=ACTOR)
        with reading() as session:
            runs = session.scalars(select(ImportRun)).all()
    assert (made.added, made.changed, made.skipped) == (0, 0, 1)
    assert len(runs) == 1


def test_changed_content_is_a_new_version_and_the_old_one_stays(
    bank: flask.Flask, folder: Path, clock: FakeClock
) -> None:
    (folder / "items.toml").write_text(ITEMS.replace("如实介绍商品", "主动介绍商品"), "utf-8")
    with bank.app_context():
        made = service.import_bank(folder, now=clock.now(), actor=ACTOR)
        with reading() as session:
            bank_id = store.bank_by_ref(session, BANK).id
            both = store.contents(session, [("A-001-T1", 1), ("A-001-T1", 2)], bank_id)
    assert (made.added, made.changed) == (0, 1)
    assert published(bank) == {"A-001-T1": 2}
    assert both["A-001-T1", 1].stem == "客服员应当如实介绍商品。"
    assert both["A-001-T1", 2].stem == "客服员应当主动介绍商品。"


def test_a_dry_run_stores_nothing(app: flask.Flask, folder: Path, clock: FakeClock) -> None:
    with app.app_context():
        made = service.import_bank(folder, now=clock.now(), actor=ACTOR, dry_run=True)
        with reading() as session:
            assert session.scalars(select(ItemBank)).all() == []
    assert made.added == 1


def test_one_error_keeps_the_whole_folder_out(app: flask.Flask, folder: Path, clock: FakeClock) -> None:
    (folder / "more.toml").write_text(ITEMS.replace("T1", "T2").replace("true\n", '"对"\n'), "utf-8")
    with app.app_context():
        with pytest.raises(InvalidInput) as refused:
            service.import_bank(folder, now=clock.now(), actor=ACTOR)
        with reading() as session:
            assert session.scalars(select(ItemBank)).all() == []
    review = refused.value.params["review"]
    assert isinstance(review, Review)
    assert [found.code for found in review.errors] == ["answer"]


def test_items_without_errors_can_be_brought_in_alone(
    app: flask.Flask, folder: Path, clock: FakeClock
) -> None:
    (folder / "more.toml").write_text(ITEMS.replace("T1", "T2").replace("true\n", '"对"\n'), "utf-8")
    with app.app_context():
        service.import_bank(folder, now=clock.now(), actor=ACTOR, terms=replace(PLAINLY, partial=True))
    assert published(app) == {"A-001-T1": 1}


def test_nothing_is_half_imported_when_storing_fails(
    bank: flask.Flask, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> bool:
        assert put_down_in(*args)
        raise RuntimeError("the disk is gone")

    monkeypatch.setattr("cbt.bank.imports.execution.put_down_in", fail)
    with pytest.raises(RuntimeError):
        bring(bank, clock, [single(point="A-001"), single("挂机前应（　　）。", point="A-002")])
    assert published(bank) == {"A-001-T1": 1}
    with bank.app_context(), reading() as session:
        assert len(session.scalars(select(ImportRun)).all()) == 1


def test_a_sheet_finds_its_items_again_by_point_type_and_stem(bank: flask.Flask, clock: FakeClock) -> None:
    rows = [
        single(point="A-001"),
        single("挂机前应（　　）。", point="A-001"),
        truth("应当主动问候客户。", point="A-002"),
    ]
    first = bring(bank, clock, rows)
    assert (first.added, first.changed, first.skipped) == (3, 0, 0)
    assert published(bank) == {"A-001-T1": 1, "A-001-S1": 1, "A-001-S2": 1, "A-002-T1": 1}
    rows[0] = single(point="A-001", answer="C")
    again = bring(bank, clock, rows)
    assert (again.added, again.changed, again.skipped) == (0, 1, 2)
    assert published(bank) == {"A-001-T1": 1, "A-001-S1": 2, "A-001-S2": 1, "A-002-T1": 1}


def test_a_sheet_with_nothing_new_makes_no_run(bank: flask.Flask, clock: FakeClock) -> None:
    first = bring(bank, clock, [single(point="A-001")])
    assert bring(bank, clock, [single(point="A-001")]).ref == first.ref


def test_an_import_is_recorded_and_audited_without_any_key(bank: flask.Flask, clock: FakeClock) -> None:
    run = bring(bank, clock, [single(point="A-001")])
    assert (run.file_name, run.form, run.actor, run.at) == ("a.xlsx", "tables", ACTOR, clock.now())
    with bank.app_context(), reading() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "bank.import")).all()[-1]
    assert json.loads(entry.after) == {
        "added": 1,
        "changed": 0,
        "skipped": 0,
        "file": "a.xlsx",
        "run": run.ref,
    }
    assert entry.subject == f"item_bank:{BANK}"


def test_a_bank_changed_after_the_check_is_not_written_over(
    bank: flask.Flask, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = service.review_for

    def meanwhile(*args: object, **named: object) -> Review:
        made = original(*args, **named)  # type: ignore[arg-type]  # passed on as it came
        with unit_of_work() as session:
            session.scalars(select(Item)).one().state = "retired"
        return made

    monkeypatch.setattr(service, "review_for", meanwhile)
    with pytest.raises(Conflict) as refused:
        bring(bank, clock, [single(point="A-001")])
    assert refused.value.code == "bank.changed_meanwhile"


def test_a_point_that_items_ask_about_cannot_leave_the_taxonomy(
    bank: flask.Flask, folder: Path, clock: FakeClock
) -> None:
    (folder / "taxonomy.toml").write_text(TAXONOMY.replace('"A-001"', '"A-003"'), "utf-8")
    (folder / "items.toml").write_text(ITEMS.replace("A-001", "A-002"), "utf-8")
    with bank.app_context(), pytest.raises(Conflict) as refused:
        service.import_bank(folder, now=clock.now(), actor=ACTOR)
    assert refused.value.params["point"] == "A-001"


def test_a_stem_of_the_bank_is_recognised_in_a_new_sheet(bank: flask.Flask, clock: FakeClock) -> None:
    ref = check(bank, clock, ("a.xlsx", workbook([truth("客服员应当如实地介绍商品。", point="A-002")])))
    with bank.app_context(), reading() as session:
        sheet = sheet_of(session, bank_ref=BANK, ref=ref, actor=ACTOR, looked=Looked())
    assert [(found.code, found.params["other"]) for found in sheet.findings] == [
        ("near_duplicate", "A-001-T1")
    ]
    near = sheet.lines[0].entry.near
    assert near is not None
    assert (sheet.entries, near.other, near.stem) == ("near", "A-001-T1", "客服员应当如实介绍商品。")
