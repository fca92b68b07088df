"""A bank goes out by command and by page: to its authors only, on record, and in again as new versions."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import flask
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from cbt.audit.models import AuditEntry
from cbt.bank import service
from cbt.bank.commands import bank as commands
from cbt.bank.exports import export_bank, items_of, outlook
from cbt.http import app_context
from cbt.interchange import registry
from cbt.interchange.text_bank import item_text
from cbt.storage.unit_of_work import reading
from tests.bank import drafts
from tests.bank.open_samples import package
from tests.bank.samples import ACTOR, BANK, ITEMS
from tests.helpers import FakeClock
from tests.world import World

SHIPPED = "customer-service-l3"


@pytest.fixture
def sample(bank: flask.Flask, monkeypatch: pytest.MonkeyPatch) -> flask.Flask:
    """Return the app of the sample bank, where commands find it."""
    monkeypatch.setattr(app_context, "_factory", [lambda: bank])
    return bank


def exports(app: flask.Flask) -> list[str]:
    with app.app_context(), reading() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.act == "bank.export")).all()
        return [f"{one.actor} {one.subject} {json.loads(one.after or '{}').get('form')}" for one in entries]


def test_the_shipped_bank_goes_out_in_every_form_and_the_page_says_what_stays(world: World) -> None:
    client = world.staff("author")
    page = client.get(f"/bank/{SHIPPED}/export?form=gift").text
    assert "整题没有写出" in page
    assert "整题没有写出" not in client.get(f"/bank/{SHIPPED}/export?form=text").text
    with client.post(f"/bank/{SHIPPED}/export", data={"form": "text"}) as sent:
        assert sent.headers["Content-Disposition"].startswith(f'attachment; filename="{SHIPPED}-text.zip"')
        names = zipfile.ZipFile(io.BytesIO(sent.data)).namelist()
    assert names[0] == f"{SHIPPED}/taxonomy.toml"
    assert len(exports(world.app)) == 1
    assert world.staff("reviewer").get(f"/bank/{SHIPPED}/export").status_code == 403
    assert world.staff("reviewer").post(f"/bank/{SHIPPED}/export").status_code == 403
    assert len(exports(world.app)) == 1


def edited(body: bytes) -> bytes:
    """Return a file in which somebody changed the stem by hand, in an archive too."""
    if not body.startswith(b"PK"):
        return body.replace("如实介绍商品".encode(), "如实说明商品".encode())
    archive = zipfile.ZipFile(io.BytesIO(body))
    return package({name: edited(archive.read(name)) for name in archive.namelist()})


def brought(path: Path, body: bytes) -> Path:
    path.write_bytes(body)
    return path


@pytest.mark.parametrize("form", ["common", "national", "text", "moodle", "gift", "qti22", "qti30"])
def test_what_went_out_comes_in_as_the_same_items_and_a_change_as_a_new_version(
    form: str, sample: flask.Flask, clock: FakeClock, tmp_path: Path
) -> None:
    path = tmp_path / f"out{registry.out_form(form).ending}"
    done = CliRunner().invoke(commands, ["export", BANK, str(path), "--form", form, "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert (said["written"], said["left"]) == (1, [])
    assert path.stat().st_mode & 0o777 == 0o600
    assert exports(sample) == [f"cli item_bank:{BANK} {form}"]
    with sample.app_context():
        again = brought(tmp_path / f"{form}.1", path.read_bytes())
        same = service.import_bank(again, now=clock.now(), actor=ACTOR, bank_ref=BANK, dry_run=True)
        assert (same.added, same.changed, same.skipped) == (0, 0, 1)
        other = brought(tmp_path / f"{form}-2.x", edited(path.read_bytes()))
        changed = service.import_bank(other, now=clock.now(), actor=ACTOR, bank_ref=BANK)
        assert (changed.added, changed.changed) == (0, 1)
        (draft,) = items_of(1, drawn=False)
        assert (draft.ref, draft.data["stem"]) == ("A-001-T1", "客服员应当如实说明商品。")


@pytest.mark.parametrize("form", ["common", "national", "moodle"])
def test_what_a_form_cannot_hold_is_kept_when_the_item_comes_in_again(
    form: str, sample: flask.Flask, folder: Path, clock: FakeClock, tmp_path: Path
) -> None:
    items = folder / "items.toml"
    choice = (
        ITEMS.replace('"true_false"', '"fill_blank"')
        .replace("。", "{{1}}。", 1)
        .replace("= true", '= [["甲"]]')
    )
    other = ITEMS.replace("-T1", "-T2").replace("如实介绍", "热情接待")
    kept = 'law = "《规程》第三条"\nword_bank = ["甲", "乙"]\nenemies = ["A-001-T2"]\n'
    items.write_text(f"{choice}{kept}{other}", "utf-8")
    path = tmp_path / f"out{registry.out_form(form).ending}"
    with sample.app_context():
        service.import_bank(folder, now=clock.now(), actor=ACTOR)
        assert CliRunner().invoke(commands, ["export", BANK, str(path), "--form", form]).exit_code == 0
        path.write_bytes(edited(path.read_bytes()))
        service.import_bank(path, now=clock.now(), actor=ACTOR, bank_ref=BANK)
        draft, _other = items_of(1, drawn=False)
        assert draft.data["stem"] == "客服员应当如实说明商品{{1}}。"
        assert (draft.data["law"], draft.data["word_bank"]) == ("《规程》第三条", ["甲", "乙"])
        assert draft.data["enemies"] == ["A-001-T2"]


def test_what_is_said_before_is_what_is_left_behind(
    sample: flask.Flask, folder: Path, clock: FakeClock
) -> None:
    items = [
        {**drafts.single("问（　　）。"), "fixed_order": True, "law": "<规程>"},
        drafts.single("选（　　）。", choices=["[html]", "%50%乙", "丙 > 丁", "<b>"], answer="A"),
        {"type": "fill_blank", "stem": "{{1}}和{{2}}", "answer": [["甲"], ["a->b"]]},
        {"type": "fill_blank", "stem": "填{{1}}", "answer": [["a->b"]]},
        {"type": "matching", "stem": "配", "pairs": [["甲", "$x^2$"], ["乙", "**重**"]]},
        {"type": "ordering", "stem": "排", "steps": ["一", "二"]},
        {"type": "true_false", "stem": "甲  乙", "answer": True},
    ]
    texts = [item_text(f"A-001-B{n}", {**one, "point": "A-001"}) for n, one in enumerate(items, 1)]
    (folder / "more.toml").write_text("\n".join(texts), "utf-8")
    with sample.app_context():
        service.import_bank(folder, now=clock.now(), actor=ACTOR)
        for form in registry.out_forms():
            made = export_bank(io.BytesIO(), bank_ref=BANK, form=form, now=clock.now(), actor=ACTOR)
            before = outlook(bank_ref=BANK, form=form)
            assert (form, before.shown) == (form, made.left)
            assert before.whole == sum(not one.fields for one in made.left)
            assert before.looked == before.items == len(items) + 1
            assert sum(before.fields.values()) == sum(len(one.fields) for one in made.left)
        left = {one.ref[-2:]: one.fields for one in outlook(bank_ref=BANK, form="gift").shown}
    assert left == {
        "B1": ("fixed_order", "law"),
        "B3": (),
        "B4": (),
        "B5": ("formatting",),
        "B6": (),
        "B7": ("markup",),
    }


def test_an_existing_file_is_kept_and_a_bank_nobody_knows_leaves_none(
    sample: flask.Flask, tmp_path: Path
) -> None:
    path = tmp_path / "out.gift"
    refused = CliRunner().invoke(commands, ["export", "nobody", str(path), "--form", "gift"])
    assert refused.exit_code != 0
    assert not path.exists()
    path.write_bytes(b"mine")
    assert CliRunner().invoke(commands, ["export", BANK, str(path), "--form", "gift"]).exit_code != 0
    assert path.read_bytes() == b"mine"
    assert exports(sample) == []
