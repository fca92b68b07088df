"""The archive of a text bank comes in as it went out, by page and by command."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import flask
import pytest
from sqlalchemy import select

from cbt.bank import service, store
from cbt.bank.exports import export_bank, items_of
from cbt.bank.imports.checks import Looked, sheet_of
from cbt.errors import InvalidInput
from cbt.interchange import registry, text_bank
from cbt.interchange.text_bank import item_text
from cbt.items.models import ItemBank
from cbt.media import intake
from cbt.spreadsheets.findings import Severity
from cbt.storage.unit_of_work import reading
from tests.bank import drafts
from tests.bank.field_texts.direct import run_here
from tests.bank.open_samples import package
from tests.bank.samples import ACTOR, BANK, ITEMS, TAXONOMY, check
from tests.bank.test_pictures import png
from tests.helpers import FakeClock


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for room in (text_bank, intake):
        monkeypatch.setattr(room, "run", run_here)


def archive(files: Mapping[str, str | bytes]) -> bytes:
    return package({"sample/taxonomy.toml": TAXONOMY, "sample/items/A.toml": ITEMS, **files})


def test_a_backup_comes_in_again_and_changes_nothing(
    bank: flask.Flask, folder: Path, clock: FakeClock, tmp_path: Path
) -> None:
    with bank.app_context():
        (folder / "hall.png").write_bytes(png(400, 200))
        marked = item_text("A-001-P1", drafts.hotspot(picture="hall.png", size=[400, 200], point="A-001"))
        (folder / "more.toml").write_text(marked, "utf-8")
        service.import_bank(folder, now=clock.now(), actor=ACTOR)
        before = list(items_of(1, drawn=False))
        target = io.BytesIO()
        export_bank(target, bank_ref=BANK, form="text", now=clock.now(), actor=ACTOR)
        path = tmp_path / "backup.zip"
        path.write_bytes(target.getvalue())
        same = service.import_bank(path, now=clock.now(), actor=ACTOR, bank_ref=BANK)
        assert (same.added, same.changed, same.skipped) == (0, 0, 2)
        ref = check(bank, clock, ("backup.zip", target.getvalue()))
        with reading() as session:
            sheet = sheet_of(session, bank_ref=BANK, ref=ref, actor=ACTOR, looked=Looked())
        assert sheet.summary.total("near", "change", "add") == 0
        assert [one for one in sheet.findings if one.severity is Severity.ERROR] == []
        assert list(items_of(1, drawn=False)) == before


def test_a_bank_keeps_its_own_table_and_a_new_one_takes_that_of_the_archive(
    bank: flask.Flask, clock: FakeClock, tmp_path: Path
) -> None:
    path = tmp_path / "other.zip"
    path.write_bytes(archive({"sample/taxonomy.toml": TAXONOMY.replace("示例", "别的").replace("甲", "乙")}))
    with bank.app_context():
        service.import_bank(path, now=clock.now(), actor=ACTOR, bank_ref=BANK)
        service.import_bank(path, now=clock.now(), actor=ACTOR, bank_ref="other")
        with reading() as session:
            names = dict(session.execute(select(ItemBank.ref, ItemBank.name)).all())
            tables = [store.taxonomy_of(session, store.bank_by_ref(session, ref)) for ref in (BANK, "other")]
    assert names == {BANK: "示例（三级）", "other": "别的（三级）"}
    assert [one.ranges[0].name for one in tables] == ["甲", "乙"]


PLAN = '[[item]]\nref = "H"\ntype = "hotspot"\nstem = "标出。"\npicture = "{}"\nsize = [400, 200]\n'


def test_pictures_of_an_archive_lie_below_its_items_and_what_is_no_part_of_it_is_told() -> None:
    files = {"sample/items/p/a.png": png(400, 200), "sample/b.png": png(400, 200), "notes/x.xlsx": b"x"}
    found = registry.read(archive({**files, "sample/items/H.toml": PLAN.format("p/a.png")}), "b.zip")
    assert [one.ref for one in found.items] == ["A-001-T1", "H"]
    assert found.items[1].data["picture"].startswith("data:image/jpeg;base64,")
    assert [(one.code, one.value) for one in found.findings] == [
        ("file_beside", "sample/b.png"),
        ("file_beside", "notes/x.xlsx"),
    ]
    out = registry.read(archive({**files, "sample/items/H.toml": PLAN.format("../b.png")}), "b.zip")
    assert [one.ref for one in out.items] == ["A-001-T1"]
    assert ("picture_missing", "../b.png") in [(one.code, one.value) for one in out.findings]
    assert str(out.items[0].place("stem")) == "b.zip/sample/items/A.toml:6"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(archive({"other/taxonomy.toml": TAXONOMY}), "bank.several_banks", id="two banks"),
        pytest.param(archive({"../x.toml": ITEMS}), "bank.package_names", id="a name that leads elsewhere"),
        pytest.param(archive({"sample/more.zip": archive({})}), "bank.package_nested", id="an archive in it"),
    ],
)
def test_an_archive_that_is_no_single_bank_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        registry.read(content, "b.zip")
    assert refused.value.code == code


def test_a_text_that_is_no_toml_names_its_file_and_line() -> None:
    found = registry.read(archive({"sample/items/B.toml": '[[item]]\nref = "x\n'}), "b.zip")
    assert [(one.code, str(one.place)) for one in found.findings] == [
        ("file_unreadable", "b.zip/sample/items/B.toml:2")
    ]
