"""An installation of every released version is upgraded: all or nothing, proved, and with a way back.

Source: R-54; I6, I7, I8.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import flask
import pytest
from sqlalchemy import text

from cbt.application.app import create_app
from cbt.audit.models import AuditEntry
from cbt.config import Settings
from cbt.errors import Conflict, InvalidInput, Unavailable
from cbt.jobs.scheduler import AdvisoryLock
from cbt.ops import upgrade as carrying
from cbt.ops.backup import snapshot
from cbt.ops.backup.restore import restore
from cbt.ops.backup.snapshot import back_up
from cbt.ops.backup.verification import ANY_VERSION, all_findings, verify_everything
from cbt.ops.host_resources import DataDirLock
from cbt.ops.preparation import in_child, prepare
from cbt.ops.upgrade import Upgraded, look, read_facts, upgrade
from cbt.ops.worker import has_other_tables
from cbt.releases import RELEASES, newest_revision
from cbt.storage.migrate import UPGRADED, check_migrated, database_revision, revisions_after
from cbt.storage.raw_connection import open_raw
from cbt.storage.types import db, to_micros
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.conftest import close_engine
from tests.helpers import FakeClock
from tests.safety.released import RELEASED, lay_out, read_again, stored

LATER = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
ONE_DATABASE = pytest.mark.parametrize("database_kind", ["sqlite"])
"""For what no statement of SQL decides."""
REVISIONS = {release.version: release.revision for release in RELEASES}


@pytest.fixture(params=RELEASED)
def version(request: pytest.FixtureRequest) -> str:
    """Return a released version."""
    return str(request.param)


@pytest.fixture
def settings(version: str, database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """Return the settings of an installation of that version, stopped."""
    server = request.getfixturevalue("postgres") if database_kind == "postgresql" else None
    return lay_out(version, database_kind, tmp_path / "old", server)


@pytest.fixture
def opened(settings: Settings) -> Iterator[flask.Flask]:
    """Yield the app of this version on it."""
    app = create_app(settings, clock=FakeClock(LATER))
    with app.app_context():
        yield app
    close_engine(app)


def quietly(_what: str, _done: Upgraded) -> None:
    """Tell nobody."""


def run(app: flask.Flask, folder: Path | None, *, anyway: bool = False) -> Upgraded:
    """Upgrade the installation of `app` after a backup in `folder`."""
    settings: Settings = app.extensions["cbt_settings"]
    return upgrade(settings, backup=folder, anyway=anyway, now=LATER, told=quietly)


def test_there_is_an_installation_of_every_release() -> None:
    assert sorted(REVISIONS) == RELEASED


def test_all_verifies_and_scores_and_results_are_the_same_bytes(
    opened: flask.Flask, version: str, database_kind: str, tmp_path: Path
) -> None:
    before = stored(version, database_kind)
    assert before["scores"]
    assert before["results"]
    assert read_again() == before
    done = run(opened, tmp_path / "backups")
    assert list(all_findings(done.checks)) == []
    assert [check.name for check in done.checks if check.waits] == []
    assert list(done.steps) == revisions_after(REVISIONS[version])
    assert read_again() == before
    check_migrated()
    with reading() as session:
        entry = session.query(AuditEntry).order_by(AuditEntry.id.desc()).first()
    assert entry is not None
    assert entry.act == UPGRADED
    assert f'"revision":"{newest_revision()}"' in entry.after
    assert run(opened, tmp_path / "backups").steps == {}, "a repeat does nothing"


def test_the_backup_from_before_is_the_way_back_and_forward_again(
    opened: flask.Flask, settings: Settings, version: str, database_kind: str, tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    done = run(opened, tmp_path / "backups")
    assert done.backup is not None
    assert done.made_log_key
    made = (settings.keys / "audit.key").read_bytes()
    elsewhere = replace(settings, data_dir=tmp_path / "new" / "data")
    if not settings.embedded:
        server = request.getfixturevalue("postgres")
        elsewhere = replace(elsewhere, database_url=server.create(f"back_{os.getpid()}_{tmp_path.name}"))
    back = restore(elsewhere, done.backup)
    assert back.manifest.revision == REVISIONS[version]
    app = create_app(elsewhere, clock=FakeClock(LATER))
    with app.app_context():
        checks = verify_everything()
        assert list(all_findings(checks)) == []
        assert {check.name for check in checks if not check.waits} == ANY_VERSION
        assert read_again() == stored(version, database_kind)
        again = run(app, None)
        assert again.ok
        assert again.former_log_key is not None
        assert again.former_log_key.read_bytes() == made, "no key is ever lost"
        assert read_again() == stored(version, database_kind)
    close_engine(app)


def _killed(settings: Settings, after: str) -> None:
    """Upgrade in a process of its own, which is killed once the step to `after` is done."""
    app = create_app(settings, clock=FakeClock(LATER))

    def told(what: str, _done: Upgraded) -> None:
        if what == after:
            os.kill(os.getpid(), signal.SIGKILL)

    with app.app_context():
        upgrade(settings, backup=None, anyway=False, now=LATER, told=told)


def test_one_that_is_killed_in_the_middle_left_everything_as_it_was_and_goes_through_again(
    settings: Settings, version: str, database_kind: str
) -> None:
    for after in ("0012", newest_revision())[: 2 if settings.embedded else 1]:  # and right before the COMMIT
        child = multiprocessing.get_context("fork").Process(target=_killed, args=(settings, after))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
    app = create_app(settings, clock=FakeClock(LATER))
    with app.app_context():
        assert database_revision() == REVISIONS[version]
        assert read_again() == stored(version, database_kind)
        assert run(app, None).ok
        assert read_again() == stored(version, database_kind)
    close_engine(app)


@pytest.mark.parametrize(
    ("code", "said"), [(errno.EIO, "upgrade.failed"), (errno.ENOSPC, "upgrade.disk_full")]
)
@ONE_DATABASE
def test_a_step_that_fails_is_taken_back_with_all_before_it(
    opened: flask.Flask, version: str, database_kind: str, tmp_path: Path, code: int, said: str
) -> None:
    def told(what: str, _done: Upgraded) -> None:
        if what == "0012":
            raise OSError(code, "No space left on device")

    settings: Settings = opened.extensions["cbt_settings"]
    with pytest.raises(Unavailable) as refused:
        upgrade(settings, backup=tmp_path / "backups", anyway=False, now=LATER, told=told)
    assert refused.value.code == said
    assert Path(str(refused.value.params["backup"])).is_dir()
    assert database_revision() == REVISIONS[version]
    assert read_again() == stored(version, database_kind)
    assert run(opened, None).ok


@ONE_DATABASE
def test_a_backup_that_finds_its_disk_full_says_so_and_nothing_was_begun(
    opened: flask.Flask, version: str, database_kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_little_room(path: Path, key: bytes | None) -> Any:
        connection = open_raw(path, key)
        if path.is_relative_to(tmp_path / "backups"):
            connection.execute("PRAGMA max_page_count = 20")
        return connection

    monkeypatch.setattr(snapshot, "open_raw", with_little_room)
    with pytest.raises(Unavailable) as refused:
        run(opened, tmp_path / "backups")
    assert refused.value.code == "safety.no_room"
    assert list((tmp_path / "backups").iterdir()) == []
    assert database_revision() == REVISIONS[version]
    assert read_again() == stored(version, database_kind)


@ONE_DATABASE
def test_a_second_copy_that_fails_after_the_commit_does_not_call_it_failed(
    opened: flask.Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = carrying.migrate

    def late(told: object) -> None:
        real(told)  # type: ignore[arg-type]  # what is handed in is handed on
        raise Unavailable("copy.behind")

    monkeypatch.setattr(carrying, "migrate", late)
    assert run(opened, None).ok


@ONE_DATABASE
def test_a_server_process_of_this_version_serves_nobody_on_it(
    opened: flask.Flask, settings: Settings
) -> None:
    assert has_other_tables(opened)
    assert run(opened, None).ok
    assert not has_other_tables(opened)
    db.engine.dispose()
    (settings.data_dir / "cbt.db").write_bytes(bytes(4096))
    assert not has_other_tables(opened), "what cannot be read is told in its own words"


@ONE_DATABASE
def test_a_start_refuses_it_and_changes_nothing(settings: Settings, version: str) -> None:
    with pytest.raises(Unavailable) as refused:
        in_child(prepare, settings)
    assert refused.value.code == "db.older"
    assert version in str(refused.value.params["found"])
    app = create_app(settings, clock=FakeClock(LATER))
    with app.app_context():
        assert database_revision() == REVISIONS[version]
    close_engine(app)


def test_a_backup_is_made_as_it_stands(opened: flask.Flask, settings: Settings, tmp_path: Path) -> None:
    _, manifest = back_up(settings, tmp_path / "backups", now=LATER)
    assert manifest.counts == {"attempts": 7, "journal": 333}
    assert "audit" not in manifest.keys
    assert not (settings.keys / "audit.key").exists()


HINDRANCES = {
    "UPDATE sitting_room SET state = 'running' WHERE id = 1": ["room"],
    "UPDATE sitting_room SET state = 'held' WHERE id = 1": ["room"],
    "UPDATE attempt SET state = 'suspended' WHERE id = 1": ["writing"],
    "UPDATE attempt SET state = 'closed' WHERE id = 1": ["unscored"],
}
"""What a statement makes of an installation between sittings, and what stands in the way then."""
NOTHING = ("UPDATE sitting_room SET state = 'released'", "UPDATE attempt SET state = 'scored'")


def test_what_stands_in_the_way_is_read_from_its_tables(
    opened: flask.Flask, settings: Settings, tmp_path: Path
) -> None:
    for change, expected in HINDRANCES.items():
        with unit_of_work() as session:
            for statement in (*NOTHING, change):
                session.execute(text(statement))
        _, plan = look(settings, backup=tmp_path, wanted=True, now=LATER)
        assert [one.what for one in plan.hindrances] == expected
        assert plan.blocked is (expected != ["unscored"])
    with unit_of_work() as session:
        session.execute(text(next(iter(HINDRANCES))))
    with pytest.raises(Conflict, match=r"upgrade\.blocked"):
        run(opened, None)


@ONE_DATABASE
def test_it_may_be_done_beside_a_sitting_by_who_says_so(opened: flask.Flask) -> None:
    with unit_of_work() as session:
        session.execute(text("UPDATE sitting_room SET state = 'held'"))
    assert run(opened, None, anyway=True).steps


PLANNED = {
    LATER.replace(hour=15, minute=59): ["today"],
    LATER.replace(hour=16): ["tomorrow"],
    LATER.replace(hour=16) + timedelta(days=1, microseconds=-1): ["tomorrow"],
    LATER.replace(hour=16) + timedelta(days=1): [],
    LATER.replace(hour=16) - timedelta(days=1, seconds=1): [],
}
"""When a sitting is planned, and what that is; the zone is UTC+8, its midnight is 16:00 UTC."""


def test_a_planned_sitting_of_today_blocks_and_one_of_tomorrow_is_told(
    opened: flask.Flask, settings: Settings, tmp_path: Path
) -> None:
    for at, expected in PLANNED.items():
        value = at if not settings.embedded else to_micros(at)
        with unit_of_work() as session:
            planned = text("UPDATE sitting SET state = 'published', planned_start_at = :at")
            session.execute(planned, {"at": value})
        _, plan = look(settings, backup=tmp_path, wanted=True, now=LATER)
        assert [one.what for one in plan.hindrances] == expected
        assert plan.blocked is (expected == ["today"])


@ONE_DATABASE
def test_a_disk_without_room_is_refused_before_anything_is_written(
    opened: flask.Flask, settings: Settings, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = carrying.shutil.disk_usage(tmp_path)._replace(free=1 << 20)
    monkeypatch.setattr(carrying.shutil, "disk_usage", lambda _folder: usage)
    with pytest.raises(Unavailable) as refused:
        run(opened, tmp_path / "backups", anyway=True)
    assert refused.value.code == "upgrade.no_room"
    assert not (tmp_path / "backups").exists()
    assert database_revision() == REVISIONS[version]


# Only there: the embedded database has its folder's lock.
@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_nodes_that_run_are_not_upgraded_under(
    opened: flask.Flask, settings: Settings, tmp_path: Path
) -> None:
    node = AdvisoryLock(db.engine)
    assert node.take()
    _, plan = look(settings, backup=tmp_path, wanted=True, now=LATER)
    assert [one.what for one in plan.hindrances] == ["serving"]
    with pytest.raises(Unavailable, match=r"upgrade\.nodes"):
        run(opened, None, anyway=True)
    node.release()
    assert run(opened, None).ok
    assert node.take(), "the lock is given back"
    node.release()


def test_a_lock_that_nobody_holds_has_no_holder(tmp_path: Path) -> None:
    lock = DataDirLock(tmp_path)
    assert lock.holder() == ""
    assert not (tmp_path / "server.lock").exists()


@ONE_DATABASE
def test_a_backup_of_a_later_version_is_refused_with_the_version_that_can(
    opened: flask.Flask, settings: Settings, tmp_path: Path
) -> None:
    folder, _ = back_up(settings, tmp_path / "backups", now=LATER)
    manifest = folder / "manifest.json"
    said = manifest.read_text("utf-8").replace('"revision": "0006"', '"revision": "9999"')
    manifest.write_text(said.replace('"version": "', '"version": "9.'), "utf-8")
    elsewhere = replace(settings, data_dir=tmp_path / "new" / "data")
    with pytest.raises(Unavailable) as refused:
        restore(elsewhere, folder)
    assert refused.value.code == "safety.newer"
    assert str(refused.value.params["version"]).startswith("9.")
    assert not elsewhere.data_dir.exists()


def test_a_later_database_names_the_version_that_can(opened: flask.Flask) -> None:
    run(opened, None)
    with unit_of_work() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Unavailable) as refused:
        read_facts(opened.extensions["cbt_settings"], now=LATER)
    assert (refused.value.code, refused.value.params["revision"]) == ("db.newer", "(9999)")
    with unit_of_work() as session:
        known = {"after": '{"revision":"9999","version":"9.1.0"}', "act": UPGRADED}
        session.execute(text("UPDATE audit_entry SET after = :after WHERE act = :act"), known)
    with pytest.raises(Unavailable) as refused:
        check_migrated()
    assert refused.value.params["revision"] == "9.1.0 (9999)"


def test_a_backup_without_a_place_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"upgrade\.no_destination"):
        carrying.destination(None, wanted=True)
    assert carrying.destination(tmp_path, wanted=True) == tmp_path
    assert carrying.destination(tmp_path, wanted=False) is None
