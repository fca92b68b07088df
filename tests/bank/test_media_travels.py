"""Pictures and sounds go out with the items that name them, and come in again as the very same."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import flask
import pytest
from PIL import Image
from sqlalchemy import select

from cbt.bank import service
from cbt.bank.exports import export_bank, items_of, outlook
from cbt.bank.imports.models import ImportCheck
from cbt.bank.service import bring
from cbt.interchange import intake, registry
from cbt.interchange import moodle_reader as moodle
from cbt.interchange.format import Export
from cbt.interchange.text_bank import item_text
from cbt.items.draft import ItemDraft
from cbt.items.models import Media
from cbt.media import intake as pictures
from cbt.storage.unit_of_work import reading
from tests.bank import drafts
from tests.bank.exporting import TAXONOMY
from tests.bank.field_texts.direct import run_here
from tests.bank.samples import ACTOR, BANK, ITEMS, check
from tests.bank.test_media import mp3, picture
from tests.helpers import FakeClock

FORMS = ("moodle", "qti22", "qti30")


def kept() -> dict[str, str]:
    with reading() as session:
        return dict(session.execute(select(Media.name, Media.mimetype)).all())


def photo() -> bytes:
    """Return a picture of many colours: it is kept as a JPEG, and drawn anew it would be another."""
    buffer = io.BytesIO()
    bands = [Image.radial_gradient("L").rotate(turn) for turn in (0, 45, 90)]
    Image.merge("RGB", bands).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for room in (pictures, pictures, intake):
        monkeypatch.setattr(room, "run", run_here)


@pytest.fixture
def drawn(bank: flask.Flask, folder: Path, clock: FakeClock) -> dict[str, Any]:
    """Have the one item of a bank name a plan, a photo and a sound; return what it says."""
    with bank.app_context():
        plan, photo_of, sound = (
            bring(body, bank_ref=BANK, now=clock.now(), actor=ACTOR).name
            for body in (picture(), photo(), mp3())
        )
        stem = f"看图![平面图](media:{plan})和![照片](media:{photo_of})，听![来电录音](media:{sound})。"
        choice = ITEMS.replace('"true_false"', '"single_choice"').replace("= true", '= "A"')
        lines = [line for line in choice.splitlines() if not line.startswith(("stem", "explanation"))]
        lines += [f'stem = "{stem}"', f'choices = ["![甲图](media:{plan})", "乙", "丙"]']
        lines += [f'explanation = "见![照片](media:{photo_of})。"']
        (folder / "items.toml").write_text("\n".join(lines) + "\n", "utf-8")
        service.import_bank(folder, now=clock.now(), actor=ACTOR)
        (found,) = items_of(1, drawn=False)
        assert set(kept().values()) == {"image/png", "image/jpeg", "audio/mpeg"}
        return dict(found.data)


def state_of(ref: str) -> str:
    with reading() as session:
        return session.scalars(select(ImportCheck.state).where(ImportCheck.ref == ref)).one()


def sent(form: str, clock: FakeClock) -> tuple[bytes, list[tuple[str, ...]]]:
    target = io.BytesIO()
    export = export_bank(target, bank_ref=BANK, form=form, now=clock.now(), actor=ACTOR)
    return target.getvalue(), [one.fields for one in export.left]


def test_an_item_comes_in_again_with_the_same_pictures(
    bank: flask.Flask, drawn: dict[str, Any], clock: FakeClock, tmp_path: Path
) -> None:
    with bank.app_context():
        before = kept()
        for form in FORMS:
            body, left = sent(form, clock)
            assert left == []
            assert outlook(bank_ref=BANK, form=form).fields == {}
            path = tmp_path / f"out{registry.out_form(form).ending}"
            path.write_bytes(body)
            same = service.import_bank(path, now=clock.now(), actor=ACTOR, bank_ref=BANK)
            assert (form, same.added, same.changed, same.skipped) == (form, 0, 0, 1)
            if form == "moodle":
                assert state_of(check(bank, clock, ("out.xml", body))) == "ready"
            assert kept() == before, "nothing is kept a second time, by hand or by page"
            if path.suffix == ".zip":
                holds_each_file_once(body)
        for form in ("gift", "common", "text"):
            assert sent(form, clock)[1] == [("media",)]
            assert outlook(bank_ref=BANK, form=form).fields == {"media": 1}
        elsewhere = registry.read(sent("moodle", clock)[0], "a.xml")
    assert (elsewhere.findings, len(elsewhere.media)) == ([], 3)
    plan = next(name for name, taken in elsewhere.media.items() if taken.mimetype == "image/png")
    assert f"media:{plan}" in drawn["stem"], "a plan is the same picture when it is drawn anew"


def test_a_picture_to_be_marked_comes_in_again_as_the_same(
    bank: flask.Flask, folder: Path, clock: FakeClock, tmp_path: Path
) -> None:
    with bank.app_context():
        name = bring(photo(), bank_ref=BANK, now=clock.now(), actor=ACTOR).name
        (folder / "hall.png").write_bytes(photo())
        items = [
            ("A-001-P1", drafts.hotspot(picture=f"media:{name}", size=[256, 256], point="A-001")),
            ("A-001-P2", drafts.hotspot(picture="hall.png", size=[256, 256], point="A-001")),
        ]
        (folder / "items.toml").write_text("\n".join(item_text(*one) for one in items), "utf-8")
        service.import_bank(folder, now=clock.now(), actor=ACTOR)
        for form in ("qti22", "qti30"):
            body, left = sent(form, clock)
            assert left == [("picture",)], "one whose picture lies in it is drawn anew elsewhere"
            path = tmp_path / f"{form}.zip"
            path.write_bytes(body)
            same = service.import_bank(path, now=clock.now(), actor=ACTOR, bank_ref=BANK)
            assert (same.added, same.changed, same.skipped) == (0, 0, 3)


def holds_each_file_once(body: bytes) -> None:
    archive = zipfile.ZipFile(io.BytesIO(body))
    files = [name for name in archive.namelist() if name.startswith("media/")]
    assert sorted(Path(name).suffix for name in files) == [".jpg", ".mp3", ".png"]
    manifest = archive.read("imsmanifest.xml").decode()
    assert all(f'<file href="{name}"/>' in manifest for name in files)
    with reading() as session:
        stored = session.scalar(select(Media.body).where(Media.name == files[0][6:38]))
    assert stored == archive.read(files[0])


def test_a_text_of_moodle_in_markdown_has_its_files() -> None:
    held = '<file name="a b.pdf" encoding="base64">JVBERg==</file>'
    body = (
        '<quiz><question type="truefalse"><questiontext format="markdown"><text>看![x](@@PLUGINFILE@@/no.png)'
        f"和[规程](@@PLUGINFILE@@/a%20b.pdf)。</text>{held}</questiontext>"
        '<answer fraction="100"><text>true</text></answer></question></quiz>'
    )
    found = registry.read(body.encode(), "a.xml")
    assert found.items[0].data["stem"] == "看［图：x］和规程。"
    assert [(one.code, one.value) for one in found.findings] == [
        ("picture_not_kept", "no.png"),
        ("media_not_kept", "a b.pdf"),
    ]


def test_right_sides_of_a_matching_are_words_in_moodle() -> None:
    name = "0" * 32
    data = {"type": "matching", "stem": "配对", "pairs": [["甲", f"![图甲](media:{name})"], ["乙", "丙"]]}
    export = Export(
        "bank", "示例", TAXONOMY, iter([ItemDraft("A-001-1", data, {})]), medium=lambda _: ("image/png", b"x")
    )
    buffer = io.BytesIO()
    registry.out_form("moodle").write(export, buffer)
    assert [one.fields for one in export.left] == [("media",)]
    assert moodle.gather(buffer.getvalue()).items[0].data["pairs"] == [["甲", "［图甲］"], ["乙", "丙"]]
