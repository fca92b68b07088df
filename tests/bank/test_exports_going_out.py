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
from cbt.bank.exports import items_of
from cbt.http import app_context
from cbt.interchange import registry
from cbt.storage.unit_of_work import reading
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
    """Return what an import takes: the file, or the folder that an archive of a text bank holds."""
    path.write_bytes(body)
    if not path.name.startswith("text"):
        return path
    with zipfile.ZipFile(path) as archive:
        archive.extractall(path.parent / path.stem)
    return path.parent / path.stem / BANK


@pytest.mark.parametrize("form", ["common", "text", "moodle", "gift", "qti22", "qti30"])
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


@pytest.mark.parametrize("form", ["common", "moodle"])
def test_what_a_form_cannot_hold_is_kept_when_the_item_comes_in_again(
    form: str, sample: flask.Flask, folder: Path, clock: FakeClock, tmp_path: Path
) -> None:
    items = folder / "items.toml"
    choice = (
        ITEMS.replace('"true_false"', '"fill_blank"')
        .replace("。", "{{1}}。", 1)
        .replace("= true", '= [["甲"]]')
    )
    items.write_text(f'{choice}law = "《规程》第三条"\nword_bank = ["甲", "乙"]\n', "utf-8")
    path = tmp_path / f"out{registry.out_form(form).ending}"
    with sample.app_context():
        service.import_bank(folder, now=clock.now(), actor=ACTOR)
        assert CliRunner().invoke(commands, ["export", BANK, str(path), "--form", form]).exit_code == 0
        path.write_bytes(edited(path.read_bytes()))
        service.import_bank(path, now=clock.now(), actor=ACTOR, bank_ref=BANK)
        (draft,) = items_of(1, drawn=False)
        assert draft.data["stem"] == "客服员应当如实说明商品{{1}}。"
        assert (draft.data["law"], draft.data["word_bank"]) == ("《规程》第三条", ["甲", "乙"])


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
