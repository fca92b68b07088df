"""Pictures of packages and of Moodle come in with their items, drawn anew; what is none is told."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import flask
from PIL import Image
from sqlalchemy import func, select

from cbt.bank import service
from cbt.interchange import registry
from cbt.items.markup import to_html
from cbt.items.models import Media
from cbt.storage.unit_of_work import reading
from tests.bank.open_samples import QTI_ITEM, qti_package
from tests.bank.samples import ACTOR, BANK
from tests.helpers import FakeClock

STEM = '接通电话后首先应当（　　）。<img src="../images/a.png" alt="话机"/>'
PICTURED = QTI_ITEM.replace("接通电话后首先应当（　　）。", STEM)


def png(side: int = 40) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), "red").save(buffer, "PNG")
    return buffer.getvalue()


def test_a_picture_of_a_package_is_named_in_its_text() -> None:
    found = registry.read(qti_package(**{"items/i2.xml": PICTURED, "images/a.png": png()}), "a.zip")
    stem = found.items[1].data["stem"]
    name = re.search(r"!\[话机\]\(media:([0-9a-f]{32})\)", stem)
    assert name is not None
    assert list(found.media) == [name[1]]
    assert f'<img src="/item-media/{name[1]}" alt="话机">' in to_html(stem)
    assert found.findings == []


def test_what_is_called_a_picture_and_is_none_is_told_and_stands_as_its_words() -> None:
    found = registry.read(qti_package(**{"items/i2.xml": PICTURED, "images/a.png": b"MZ\x90\0"}), "a.zip")
    assert found.items[1].data["stem"].endswith("［图：话机］")
    assert [(said.code, said.value) for said in found.findings] == [("picture_not_kept", "话机")]
    assert found.media == {}


def test_a_picture_elsewhere_is_never_fetched() -> None:
    stem = STEM.replace("../images/a.png", "http://127.0.0.1/a.png")
    found = registry.read(
        qti_package(**{"items/i2.xml": QTI_ITEM.replace("接通电话后首先应当（　　）。", stem)}), "a"
    )
    assert [said.code for said in found.findings] == ["picture_not_kept"]


def test_a_file_beside_a_question_of_moodle_is_its_picture() -> None:
    file = f'<file name="a b.png" encoding="base64">{base64.b64encode(png()).decode()}</file>'
    stem = '&lt;p&gt;看图&lt;img src="@@PLUGINFILE@@/a%20b.png" alt="x"&gt;&lt;/p&gt;'
    body = (
        f'<quiz><question type="truefalse"><questiontext format="html"><text>{stem}</text>{file}</questiontext>'
        '<answer fraction="100"><text>true</text></answer></question></quiz>'
    )
    found = registry.read(body.encode(), "a.xml")
    assert re.fullmatch(r"看图!\[x\]\(media:[0-9a-f]{32}\)", found.items[0].data["stem"])
    assert len(found.media) == 1


def test_an_import_keeps_the_pictures_and_a_dry_run_none(
    bank: flask.Flask, clock: FakeClock, tmp_path: Path
) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(qti_package(**{"items/i2.xml": PICTURED, "images/a.png": png()}))
    with bank.app_context():
        service.import_bank(path, now=clock.now(), actor=ACTOR, bank_ref=BANK, dry_run=True)
        assert kept() == 0
        service.import_bank(path, now=clock.now(), actor=ACTOR, bank_ref=BANK)
        assert kept() == 1


def kept() -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(Media)) or 0
