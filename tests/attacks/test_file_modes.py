"""Another user of the machine opens nothing: every file the product makes is its owner's, whatever the umask."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cbt.application.app import create_app
from cbt.audit.anchor import Anchor
from cbt.audit.chain import record
from cbt.config import Settings
from cbt.http.health import write_probe
from cbt.ops.backup.restore import rebuild, restore
from cbt.ops.backup.snapshot import back_up
from cbt.ops.file_permissions import mend_modes
from cbt.ops.keys import rotate, rotate_audit_key
from cbt.storage.engine import begin_installation
from cbt.storage.migrate import migrate
from cbt.storage.unit_of_work import unit_of_work
from tests.conftest import base_settings, close_engine
from tests.tables import make_tables_at_once

AT = datetime(2026, 11, 24, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _tables_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    make_tables_at_once(monkeypatch)


@pytest.fixture(params=[0o000, 0o002, 0o022], ids=["umask 000", "umask 002", "umask 022"])
def loose(request: pytest.FixtureRequest) -> Iterator[None]:
    """A umask that lets others in."""
    former = os.umask(request.param)
    yield
    os.umask(former)


def installed(settings: Settings, then: Callable[[], object] = lambda: None) -> None:
    """Begin an installation, write to it, and do `then` while its database is open."""
    begin_installation(settings)
    app = create_app(settings)
    with app.app_context():
        migrate()
        with unit_of_work() as session:
            record(session, at=AT, actor="cli", act="begin", subject="room:1")
        then()
    close_engine(app)


def open_to_others(folder: Path) -> list[str]:
    found = [folder, *folder.rglob("*")]
    return [
        f"{path.name} {stat.S_IMODE(path.stat().st_mode):o}" for path in found if path.stat().st_mode & 0o077
    ]


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_database_its_log_and_the_keys(tmp_path: Path, loose: None) -> None:
    settings = base_settings(tmp_path)

    def look() -> None:
        assert {"cbt.db", "cbt.db-wal", "cbt.db-shm", "write.lock"} <= files(settings.data_dir)
        assert files(settings.keys) == {"database.key", "personal.key", "cookies.key", "audit.key"}
        assert open_to_others(settings.data_dir) == []

    installed(settings, look)
    assert open_to_others(settings.keys) == []


def test_a_database_in_clear(tmp_path: Path, loose: None) -> None:
    settings = replace(base_settings(tmp_path), db_encryption=False)
    with pytest.warns(UserWarning, match="in clear"):
        installed(settings, lambda: (open_to_others(settings.data_dir) == []) or pytest.fail("open"))
    assert open_to_others(settings.data_dir) == []


def test_a_backup_and_what_is_restored_from_it(tmp_path: Path, loose: None) -> None:
    settings = base_settings(tmp_path)
    installed(settings)
    folder, _ = back_up(settings, tmp_path / "backups", now=AT)
    assert open_to_others(tmp_path / "backups") == []
    restore(replace(settings, data_dir=tmp_path / "again"), folder)
    assert open_to_others(tmp_path / "again") == []


def test_the_second_copy_and_what_is_rebuilt_from_it(tmp_path: Path, loose: None) -> None:
    settings = replace(base_settings(tmp_path), journal_copy_dir=tmp_path / "copy")
    installed(settings)
    assert {"copy.json", "cbt-00000001.log"} <= files(tmp_path / "copy")
    assert open_to_others(tmp_path / "copy") == []
    rebuild(replace(settings, data_dir=tmp_path / "again", journal_copy_dir=None), tmp_path / "copy")
    assert open_to_others(tmp_path / "again") == []


def test_new_keys(tmp_path: Path, loose: None) -> None:
    settings = base_settings(tmp_path)
    installed(settings, lambda: rotate_audit_key(lost=False, now=AT))
    rotate(settings)
    assert len(files(settings.keys)) == 6
    assert open_to_others(settings.keys) == []
    assert open_to_others(settings.data_dir) == []


def test_the_anchor_and_its_mark(tmp_path: Path, loose: None) -> None:
    (tmp_path / "other").mkdir(mode=0o700)
    Anchor(tmp_path / "other" / "heads.txt", tmp_path / "mark").follow("1")
    Anchor(tmp_path / "away" / "heads.txt", tmp_path / "mark").follow("1")
    assert (tmp_path / "mark").exists()
    assert open_to_others(tmp_path / "other") == []
    assert not (tmp_path / "mark").stat().st_mode & 0o077


def test_the_probe_of_the_disk(tmp_path: Path, loose: None, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    fsync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda number: (seen.append(os.fstat(number).st_mode & 0o777), fsync(number))
    )
    write_probe(tmp_path)
    assert seen == [0o600]


@pytest.fixture
def wide(tmp_path: Path) -> Settings:
    """An installation with a backup and a second copy, all of it open to everybody."""
    settings = replace(
        base_settings(tmp_path), backup_dir=tmp_path / "backups", journal_copy_dir=tmp_path / "copy"
    )
    installed(settings)
    back_up(settings, tmp_path / "backups", now=AT)
    for folder in ("data", "keys", "backups", "copy"):
        for path in [tmp_path / folder, *(tmp_path / folder).rglob("*")]:
            path.chmod(0o777 if path.is_dir() else 0o666)
    return settings


@pytest.mark.parametrize("folder", ["data", "keys", "copy", "backups/cbt-20261124T010000Z"])
def test_what_was_made_wider_is_closed_at_the_start(wide: Settings, tmp_path: Path, folder: str) -> None:
    assert open_to_others(tmp_path / folder)
    mend_modes(wide)
    assert open_to_others(tmp_path / folder) == []


def test_what_was_closed_is_told_once(
    wide: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "cbt.ops.file_permissions"):
        closed = mend_modes(wide)
    assert tmp_path / "keys" / "personal.key" in closed
    assert tmp_path / "data" / "cbt.db" in closed
    assert len(caplog.records) == len(closed)
    assert mend_modes(wide) == []


@pytest.mark.parametrize("name", ["backups/theirs.txt", "copy/theirs.txt", "backups"])
def test_what_is_not_the_products_stays_as_it_is(wide: Settings, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if not path.is_dir():
        path.touch()
        path.chmod(0o644)
    before = path.stat().st_mode
    mend_modes(wide)
    assert path.stat().st_mode == before


def test_a_link_among_the_data_does_not_close_what_it_leads_to(wide: Settings, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir(mode=0o755)
    (tmp_path / "theirs" / "file").touch()
    (tmp_path / "theirs" / "file").chmod(0o644)
    (tmp_path / "data" / "link").symlink_to(tmp_path / "theirs")
    mend_modes(wide)
    assert (tmp_path / "theirs").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "theirs" / "file").stat().st_mode & 0o777 == 0o644
