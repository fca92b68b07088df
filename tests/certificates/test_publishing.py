"""The published look-up site: found by who knows number and name, a list for nobody (R-94)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import delete, func, select

from cbt.audit.models import AuditEntry
from cbt.candidates.models import Candidate
from cbt.certificates import look_up
from cbt.certificates.commands import certificates as certificates_command
from cbt.certificates.look_up import PublishedSite, publish
from cbt.certificates.models import Certificate, LookUpKey
from cbt.certificates.register import revoke
from cbt.errors import Conflict, InvalidInput
from cbt.http.app_context import register_factory
from cbt.http.i18n import local_day
from cbt.rules.certificates import KeyStretch, opened, record_ref, stretched
from cbt.storage.crypto import DOCUMENT, open_sealed
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.certificates.test_certificates import BOTH, given, qualify, set_parts
from tests.world import World

FRAME = {"index.html", "en.html", "site.css", "site.js", "site.json"}


@pytest.fixture
def certified(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world whose two have their certificates; guessing is as easy as can be."""
    monkeypatch.setattr(look_up, "ITERATIONS", 1)
    qualify(world)
    set_parts(world)
    given(world, *BOTH)
    return world


def published(world: World, folder: Path) -> PublishedSite:
    folder.mkdir(exist_ok=True)
    now = world.clock.now()
    with world.app.app_context():
        return publish(folder, today=local_day(now), now=now, actor="cli", tell=lambda *_: None)


def certificates(world: World) -> list[tuple[str, str, str]]:
    """Return number, name and whole document number of each certificate."""
    with world.app.app_context(), reading() as session:
        query = select(Certificate.number, Certificate.name, Candidate.document_sealed).join(Candidate)
        return [
            (number, name, open_sealed(sealed, DOCUMENT)) for number, name, sealed in session.execute(query)
        ]


def asked(folder: Path, number: str, name: str) -> list[dict[str, object]]:
    """Return what the site answers, as its page works it out; raise FileNotFoundError for what it has not."""
    told = json.loads((folder / "site.json").read_bytes())
    key = stretched(number, name, KeyStretch(bytes.fromhex(told["salt"]), told["iterations"]))
    ref = record_ref(key)
    path = folder / "records" / ref[:2] / ref
    found: list[dict[str, object]] = json.loads(opened(path.read_bytes(), key))["certificates"]
    return found


def test_who_knows_number_and_name_finds_what_the_print_shows(certified: World, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    assert published(certified, folder) == PublishedSite(certificates=2, records=4, written=9)
    with certified.app.app_context(), reading() as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert entry is not None
        assert (entry.act, json.loads(entry.after or "{}")) == ("certificate.publish", {"certificates": 2})
    assert {path.name for path in folder.iterdir()} == FRAME | {"records"}
    records = list(folder.glob("records/*/*"))
    assert len({path.stat().st_size for path in records}) == 1
    whole = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for number, name, document in certificates(certified):
        for typed in (number, document):
            (found,) = asked(folder, typed, name)
            assert found["number"] == number
            assert found["revoked"] is False
            assert document not in json.dumps(found)
        with pytest.raises(FileNotFoundError):
            asked(folder, number, f"{name}一")
        for told in (number, name, document):
            assert told.encode() not in whole


def test_publishing_again_writes_what_changed_and_takes_away_what_is_gone(
    certified: World, tmp_path: Path
) -> None:
    folder = tmp_path / "site"
    published(certified, folder)
    assert published(certified, folder).written == 0
    (number, name, _), _ = certificates(certified)
    with certified.app.app_context():
        with reading() as session:
            ref = session.scalars(select(Certificate.ref).where(Certificate.number == number)).one()
        revoke(ref, reason="更正", now=certified.clock.now(), actor="staff:test")
    stale = folder / "records" / "ab" / "ab01"
    stale.parent.mkdir(exist_ok=True)
    stale.write_bytes(b"")
    assert published(certified, folder).written == 2
    assert not stale.exists()
    (found,) = asked(folder, number, name)
    assert found["revoked"] is True


def test_a_folder_with_anything_else_is_left_alone(certified: World, tmp_path: Path) -> None:
    for name, text in (("index.html", "<p>"), ("site.json", "[]"), ("site.json", '{"format": "other"}')):
        folder = tmp_path / f"{name}{len(text)}"
        folder.mkdir()
        (folder / name).write_text(text)
        with pytest.raises(Conflict, match="publish_folder"):
            published(certified, folder)
        assert [path.name for path in folder.iterdir()] == [name]


def test_keys_are_stretched_once_after_issue_and_anew_where_theirs_was_lost(
    certified: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, now = certified.app, certified.clock.now()
    monkeypatch.setattr(look_up, "AT_ONCE", 1)
    with app.app_context():
        assert [look_up.stretch_waiting(now=now) for _ in range(3)] == [1, 1, 0]
        monkeypatch.setattr(look_up, "keys_of", lambda *_: pytest.fail("stretched twice"))
        published(certified, tmp_path / "one")
        monkeypatch.undo()
        with unit_of_work() as session:
            first = session.scalars(select(func.min(LookUpKey.certificate_id))).one()
            session.execute(delete(LookUpKey).where(LookUpKey.certificate_id == first))
            last = session.scalars(select(LookUpKey)).one()
            last.by_number = bytes(len(last.by_number))
    published(certified, tmp_path / "two")
    for folder in ("one", "two"):
        for number, name, _ in certificates(certified):
            assert asked(tmp_path / folder, number, name)


def test_a_certificate_issued_while_others_are_published_is_there_the_next_time(
    certified: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look_up, "AT_ONCE", 1)
    with certified.app.app_context():
        assert look_up.stretch_waiting(now=certified.clock.now()) == 1
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(look_up, "_stretch_all", lambda *_: None)
        assert published(certified, tmp_path / "site").certificates == 1
    assert published(certified, tmp_path / "site").certificates == 2


def test_a_record_that_was_changed_does_not_open(certified: World, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    published(certified, folder)
    (number, name, document), _ = certificates(certified)
    for path in folder.glob("records/*/*"):
        path.write_bytes(bytes(64))
    for typed in (number, document):
        with pytest.raises(InvalidInput, match=r"certificate\.record"):
            asked(folder, typed, name)


def test_the_command_says_what_it_wrote_and_that_https_is_needed(certified: World, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    register_factory(lambda: certified.app)
    runner = CliRunner()
    told = runner.invoke(certificates_command, ["publish", str(folder)])
    assert told.exit_code == 0, told.output
    assert "证书 2 份，记录 4 条" in told.output
    assert "https" in told.output
    refused = runner.invoke(certificates_command, ["publish", str(tmp_path)])
    assert isinstance(refused.exception, Conflict)
