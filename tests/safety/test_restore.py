"""A backup is brought back into an empty place only, and what was written there goes on."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import flask
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from cbt.accounts.audit_log import in_words
from cbt.application.app import create_app
from cbt.audit.chain import ensure_keyed
from cbt.audit.models import AuditEntry
from cbt.cli import build
from cbt.config import Settings, as_environment
from cbt.errors import CbtError, Unavailable
from cbt.ops.backup.restore import NAME, RESTORED, restore
from cbt.ops.backup.snapshot import back_up
from cbt.ops.backup.verification import all_findings, verify_everything
from cbt.ops.keys import give_up_personal, rotate_audit_key
from cbt.ops.preparation import begin
from cbt.rules.clock import OutageKind
from cbt.runner.attempt_changes import refresh_clocks
from cbt.runner.close.outage import beat
from cbt.runner.models import JournalEntry
from cbt.sittings.models import SittingRoom
from cbt.sittings.room_clock import resume_room
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.conftest import close_engine
from tests.databases import PostgresServer
from tests.delivery.driver import Page
from tests.helpers import FakeClock
from tests.packaging.served import Installation
from tests.safety.conftest import end_everything, settings_of
from tests.world import World

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
_names = itertools.count()


@dataclass
class Elsewhere:
    """Another place for the same exam: a backup, and settings of an empty installation."""

    source: Path
    settings: Settings

    def bring_keys(self, world: World, *names: str) -> None:
        """Copy key files from the first place."""
        self.settings.keys.mkdir(exist_ok=True)
        for name in names or ("database", "personal", "cookies", "audit"):
            path = settings_of(world).keys / f"{name}.key"
            if path.exists():
                shutil.copy(path, self.settings.keys / path.name)


@pytest.fixture
def elsewhere(exam: Page, world: World, tmp_path: Path, request: pytest.FixtureRequest) -> Elsewhere:
    """A backup of the running exam, and an empty place without keys."""
    settings = settings_of(world)
    source, _ = back_up(settings, tmp_path / "copies", now=NOON)
    url = ""
    if not settings.embedded:
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.create(f"r{os.getpid()}_{next(_names)}")
    folder = tmp_path / "elsewhere"
    return Elsewhere(
        source,
        replace(settings, data_dir=folder / "data", key_dir=folder / "keys", database_url=url),
    )


@pytest.fixture
def moved(elsewhere: Elsewhere, world: World) -> Iterator[World]:
    """The exam on its second place, ten minutes after the backup."""
    elsewhere.settings.data_dir.parent.mkdir()
    elsewhere.bring_keys(world)
    done = restore(elsewhere.settings, elsewhere.source)
    assert done.personal_key_fits
    app = create_app(elsewhere.settings, clock=world.clock)
    app.testing = True
    app.config["WTF_CSRF_ENABLED"] = False
    world.clock.advance(timedelta(minutes=10))
    yield world.on(app, world.clock)
    close_engine(app)


def findings(app: flask.Flask) -> list[tuple[str, str]]:
    """Return what verifying finds."""
    with app.app_context():
        return [(one.what, one.where) for one in all_findings(verify_everything())]


def refusal(elsewhere: Elsewhere) -> CbtError:
    """Return why restoring is refused."""
    with pytest.raises(CbtError) as refused:
        restore(elsewhere.settings, elsewhere.source)
    return refused.value


def test_the_exam_goes_on_elsewhere_with_the_same_lease_and_its_scores_verify(
    exam: Page, moved: World
) -> None:
    now = moved.clock.now()
    with moved.app.app_context():
        assert beat(now=now) is OutageKind.HOLD  # the time away is ours
        with unit_of_work() as session:
            for room in session.scalars(select(SittingRoom)):
                resume_room(session, room, now=now, actor="staff:test")
                refresh_clocks(session, now=now, sitting_room_id=room.id)
    exam.go_on_at(moved.app)
    assert exam.answer(3, "A").status_code == 200
    moved.clock.advance(timedelta(seconds=30))  # silent long enough for another sign-in here
    again = Page(moved, "theory")
    assert again.start().status_code == 200
    assert sorted(again.opened["journal"]["answers"]) == ["1", "2", "3"]
    end_everything(moved)
    assert findings(moved.app) == []


# Only there: PostgreSQL has no database key.
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_without_the_database_key_it_is_refused_with_the_way_out(
    elsewhere: Elsewhere, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere.settings.data_dir.parent.mkdir()
    elsewhere.bring_keys(world, "personal")
    refused = refusal(elsewhere)
    assert refused.code == "db.key_missing"
    assert refused.params["path"] == str(elsewhere.settings.keys / "database.key")
    assert not elsewhere.settings.data_dir.exists()
    assert not (elsewhere.settings.keys / "database.key").exists()


# Only there: PostgreSQL has no database key.
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_another_databases_key_is_refused_before_anything_is_written(
    elsewhere: Elsewhere, world: World
) -> None:
    elsewhere.settings.data_dir.parent.mkdir()
    elsewhere.bring_keys(world)
    (elsewhere.settings.keys / "database.key").write_bytes(b"x" * 32)
    assert refusal(elsewhere).code == "safety.other_key"
    assert not elsewhere.settings.data_dir.exists()


def test_a_wrong_personal_key_is_told_and_found_by_verify(elsewhere: Elsewhere, world: World) -> None:
    elsewhere.settings.data_dir.parent.mkdir()
    elsewhere.bring_keys(world)
    (elsewhere.settings.keys / "personal.key").write_bytes(b"x" * 32)
    assert not restore(elsewhere.settings, elsewhere.source).personal_key_fits
    app = create_app(elsewhere.settings, clock=world.clock)
    assert findings(app) == [("personal_key", "personal.key")]
    close_engine(app)


def test_a_lost_personal_key_is_said_to_be_lost_and_then_given_up_for_another(
    exam: Page, elsewhere: Elsewhere, world: World
) -> None:
    """Refused until it is said; then everything is there but the numbers, and the exam goes on under a new key."""
    elsewhere.settings.data_dir.parent.mkdir()
    elsewhere.bring_keys(world, "database", "cookies", "audit")
    assert refusal(elsewhere).code == "safety.personal_missing"
    assert not elsewhere.settings.data_dir.exists()
    runner = CliRunner(env=as_environment(replace(elsewhere.settings, locale="en")))
    done = runner.invoke(build(), ["restore", str(elsewhere.source), "--personal-lost", "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert (said["personal_key_fits"], said["log_key_fits"]) == (False, True)
    assert said["next"] == "cbt key lost personal"
    assert "Put the former key back" not in done.output
    with pytest.raises(CbtError):
        create_app(elsewhere.settings, clock=world.clock)
    give_up_personal(elsewhere.settings)
    app = create_app(elsewhere.settings, clock=world.clock)
    app.testing, app.config["WTF_CSRF_ENABLED"] = True, False
    assert findings(app) == []
    exam.go_on_at(app)
    assert exam.answer(3, "A").status_code == 200
    close_engine(app)


def test_without_the_logs_key_it_is_brought_back_and_told_and_goes_on_once_it_is_given_up(
    elsewhere: Elsewhere, world: World
) -> None:
    """A lost `audit.key` must not keep an exam from going on: that is what the one next command is for."""
    elsewhere.settings.data_dir.parent.mkdir()
    elsewhere.bring_keys(world, "database", "personal", "cookies")
    assert not restore(elsewhere.settings, elsewhere.source).log_key_fits
    app = create_app(elsewhere.settings, clock=world.clock)
    assert findings(app) == [("audit_key", "audit.key")]
    with app.app_context():
        with pytest.raises(Unavailable, match=r"audit\.key_missing"), unit_of_work() as session:
            ensure_keyed(session, at=NOON)
        rotate_audit_key(lost=True, now=NOON)
    assert findings(app) == []
    close_engine(app)


def test_it_overwrites_nothing(moved: World, elsewhere: Elsewhere) -> None:
    assert refusal(elsewhere).code == "safety.not_empty"
    assert findings(moved.app) == []


# Only there: PostgreSQL's data is not in the folder.
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_foreign_file_in_the_folder_is_reason_enough(elsewhere: Elsewhere, world: World) -> None:
    elsewhere.settings.data_dir.mkdir(parents=True)
    elsewhere.bring_keys(world)
    (elsewhere.settings.data_dir / "cbt.db-wal").write_bytes(b"")
    assert refusal(elsewhere).code == "safety.not_empty"
    assert not (elsewhere.settings.data_dir / "cbt.db").exists()


def _flip(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(_flip, id="one bit flipped"),
        pytest.param(_cut, id="the last byte lost"),
        pytest.param(Path.unlink, id="gone"),
    ],
)
def test_a_damaged_copy_is_refused(elsewhere: Elsewhere, world: World, damage: Any) -> None:
    elsewhere.settings.data_dir.parent.mkdir()
    elsewhere.bring_keys(world)
    name = json.loads((elsewhere.source / "manifest.json").read_text("utf-8"))["file"]
    damage(elsewhere.source / name)
    assert refusal(elsewhere).code == "safety.damaged"
    assert not elsewhere.settings.data_dir.exists()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param({"product": "another"}, "safety.format", id="another product's"),
        pytest.param({"format": 2}, "safety.format", id="a later format"),
        pytest.param({"file": "../../etc/passwd"}, "safety.manifest", id="a name that leads elsewhere"),
        pytest.param({"keys": {"../x": "0"}}, "safety.manifest", id="a key that leads elsewhere"),
        pytest.param({"counts": None}, "safety.manifest", id="half of it"),
    ],
)
def test_a_manifest_that_cannot_be_trusted_is_refused(
    elsewhere: Elsewhere, change: dict[str, Any], code: str
) -> None:
    path = elsewhere.source / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | change), "utf-8")
    assert refusal(elsewhere).code == code


def test_text_that_is_no_json_and_a_folder_that_is_no_backup(elsewhere: Elsewhere, tmp_path: Path) -> None:
    (elsewhere.source / "manifest.json").write_text("{", "utf-8")
    assert refusal(elsewhere).code == "safety.manifest"
    assert refusal(Elsewhere(tmp_path, elsewhere.settings)).code == "safety.no_backup"


def test_the_other_kind_of_database_is_refused(elsewhere: Elsewhere, world: World) -> None:
    url = "" if elsewhere.settings.database_url else "postgresql+psycopg://nobody@127.0.0.1/nothing"
    settings = replace(elsewhere.settings, database_url=url)
    assert refusal(Elsewhere(elsewhere.source, settings)).code == "safety.other_database"


def test_the_command_says_what_it_did_and_what_comes_next(elsewhere: Elsewhere, world: World) -> None:
    elsewhere.settings.data_dir.parent.mkdir()
    elsewhere.bring_keys(world)
    runner = CliRunner(env=as_environment(replace(elsewhere.settings, locale="en")))
    into = ["--into", str(elsewhere.settings.data_dir)] if elsewhere.settings.embedded else []
    done = runner.invoke(build(), ["restore", str(elsewhere.source), *into])
    assert done.exit_code == 0, done.output
    assert "cbt verify" in done.output
    assert f"{len(world.sitters)} attempts and 2 journal rows" in done.output


def test_a_restore_goes_into_the_log_as_the_server_next_begins(elsewhere: Elsewhere, world: World) -> None:
    elsewhere.settings.data_dir.parent.mkdir()
    elsewhere.bring_keys(world)
    runner = CliRunner(env=as_environment(elsewhere.settings))
    done = runner.invoke(build(), ["restore", str(elsewhere.source)])
    assert done.exit_code == 0, done.output
    note = elsewhere.settings.data_dir / NAME
    for _ in ("the start", "one that was cut off behind its commit"):
        kept = note.read_text("utf-8")
        begun = create_app(elsewhere.settings, clock=FakeClock(NOON))
        try:
            with begun.app_context():
                begin(elsewhere.settings, now=NOON)
                assert not note.exists()
                assert not any(all_findings(verify_everything()))
                with reading() as session:
                    [entry] = session.scalars(select(AuditEntry).where(AuditEntry.act == RESTORED))
                    stored = entry.after
            with begun.test_request_context():
                words = dict(in_words(stored, "system:", {}))
                assert words["恢复自"] == "备份"
                assert words["来源文件夹"] == elsewhere.source.name
        finally:
            close_engine(begun)
        note.write_text(kept, "utf-8")


def test_a_running_servers_folder_is_refused_by_its_lock(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    with installation.serving() as server:
        made = installation.run("backup", str(tmp_path / "copies"))
        assert made.returncode == 0, made.stderr
        source = next((tmp_path / "copies").iterdir())
        refused = installation.run("restore", str(source))
        assert server.process.poll() is None
    assert refused.returncode == 2
    assert f"pid {server.process.pid}" in refused.stderr


def test_into_another_folder_with_its_keys_beside_it(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    assert installation.run("migrate", "--new").returncode == 0
    assert installation.run("backup", str(tmp_path / "copies")).returncode == 0
    source = next((tmp_path / "copies").iterdir())
    target = tmp_path / "second"
    beside = tmp_path / "second.keys"
    as_a_service = {"CBT_KEY_DIR": str(installation.keys)}
    kept = (installation.keys / "database.key").rename(tmp_path / "kept")
    refused = installation.run("restore", str(source), "--into", str(target), settings=as_a_service)
    assert refused.returncode == 2
    assert str(beside / "database.key") in refused.stderr
    assert not beside.exists(), "what was brought is taken away again"
    kept.rename(installation.keys / "database.key")
    before = {path: path.read_bytes() for path in installation.keys.iterdir()}
    done = installation.run("restore", str(source), "--into", str(target), settings=as_a_service)
    assert done.returncode == 0, done.stderr
    assert str(beside) in done.stdout
    assert {path: path.read_bytes() for path in installation.keys.iterdir()} == before
    assert {path.name for path in beside.iterdir()} == {"database.key", "personal.key", "audit.key"}
    assert {path.stat().st_mode & 0o777 for path in beside.iterdir()} == {0o600}
    there = {"CBT_DATA_DIR": str(target), "CBT_KEY_DIR": str(beside)}
    checked = installation.run("verify", settings=there)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_restored_database_keeps_every_row_of_the_journal(moved: World) -> None:
    with moved.app.app_context(), reading() as session:
        rows = session.execute(select(JournalEntry.position, JournalEntry.value)).all()
    assert [row.position for row in rows] == [1, 2]
