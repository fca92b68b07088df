"""A backup is whole, encrypted, without a key, and made while the exam goes on."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cbt.application.backups import RETRY, back_up_when_due
from cbt.config import Settings, as_environment, read_settings
from cbt.errors import Conflict, InvalidInput, Unavailable
from cbt.jobs.worker import run_due
from cbt.ops.backup import snapshot
from cbt.ops.backup.snapshot import back_up, file_hash
from cbt.paths import product_dir
from cbt.storage import backup_folder
from cbt.storage.backup_folder import check_place
from tests.delivery.driver import Page
from tests.safety.conftest import files_below, settings_of
from tests.world import World

pytestmark = pytest.mark.past_sqlalchemy

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_the_manifest_says_what_is_in_the_copy(exam: Page, world: World, tmp_path: Path) -> None:
    folder, manifest = back_up(settings_of(world), tmp_path / "copies", now=NOON)
    assert folder.name == "cbt-20261124T120000Z"
    written = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert written["counts"] == {"attempts": len(world.sitters), "journal": 2}
    assert written["sha256"] == file_hash(folder / written["file"])
    assert written["made_at"] == "2026-11-24T12:00:00+00:00"
    assert written["revision"]
    assert sorted(path.name for path in folder.iterdir()) == sorted([manifest.file, "manifest.json"])


def test_nobody_else_may_read_it_and_no_key_is_in_it(exam: Page, world: World, tmp_path: Path) -> None:
    settings = settings_of(world)
    folder, _ = back_up(settings, tmp_path / "copies", now=NOON)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    keys = [path.read_bytes() for path in settings.keys.glob("*.key")]
    assert len(keys) >= 2
    for path in files_below(folder):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        body = path.read_bytes()
        assert not [key for key in keys if key in body or key.hex().encode() in body]
    if settings.embedded:
        assert not (folder / "cbt.db").read_bytes().startswith(b"SQLite format 3")
        with pytest.raises(Unavailable, match=r"db\.unreadable"):
            snapshot.read_facts(folder / "cbt.db", b"x" * 32)


# Only there: on PostgreSQL the snapshot is pg_dump's.
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_answers_saved_during_the_copying_are_taken_and_the_copy_is_of_one_instant(
    exam: Page, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(world)
    saved: list[int] = []

    def save(_step: int, _left: int, _pages: int) -> None:
        assert len(saved) < 200, "each save makes the copying begin again"
        position = len(saved) % 40 + 1
        saved.append(exam.answer(position, "A").status_code)

    monkeypatch.setattr(snapshot, "_pause", save)
    monkeypatch.setattr(snapshot, "PAGES_PER_STEP", 40)
    _, manifest = back_up(settings, tmp_path / "copies", now=NOON)
    assert len(saved) > 5
    assert set(saved) == {200}
    assert manifest.counts["journal"] == 2


@pytest.mark.parametrize("inside", ["data", "keys", "static", "templates"])
def test_a_place_that_is_served_or_lies_with_data_or_keys_is_refused(inside: str, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", key_dir=tmp_path / "keys")
    folder = product_dir(inside) if inside in ("static", "templates") else tmp_path / inside
    for place in (folder, folder / "deeper", folder / ".." / folder.name):
        with pytest.raises(InvalidInput, match=r"safety\.place"):
            check_place(settings, place)
    check_place(settings, folder.with_name(folder.name + "-copies"))


def test_a_link_does_not_lead_into_the_data_folder(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    with pytest.raises(InvalidInput, match=r"safety\.place"):
        check_place(Settings(data_dir=tmp_path / "data"), tmp_path / "link" / "copies")


def test_a_backup_that_fails_leaves_nothing_behind(world: World, tmp_path: Path) -> None:
    settings = settings_of(world)
    broken = (
        replace(settings, data_dir=tmp_path / "nowhere")
        if settings.embedded
        else replace(settings, database_url=settings.database_url + "_gone")
    )
    with pytest.raises(Unavailable):
        back_up(broken, tmp_path / "copies", now=NOON)
    assert list((tmp_path / "copies").iterdir()) == []


def test_two_in_one_second_are_refused_and_the_first_stays(world: World, tmp_path: Path) -> None:
    folder, _ = back_up(settings_of(world), tmp_path / "copies", now=NOON)
    with pytest.raises(Conflict, match=r"safety\.same_second"):
        back_up(settings_of(world), tmp_path / "copies", now=NOON)
    assert (folder / "manifest.json").is_file()


# Only there: the embedded database needs no tool.
@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_without_pg_dump_it_says_what_to_install(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match=r"safety\.tool_missing"):
        back_up(settings_of(world), tmp_path / "copies", now=NOON)


def _make(folder: Path, at: datetime, *, suffix: str = "") -> Path:
    path = folder / (backup_folder.copy_name(at) + suffix)
    path.mkdir(parents=True)
    (path / "cbt.db").touch()
    if not suffix:
        (path / "manifest.json").touch()
    return path


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        pytest.param(HOUR - timedelta(seconds=1), False, id="a second early"),
        pytest.param(HOUR, True, id="on the minute"),
        pytest.param(-HOUR, True, id="one from the future does not count"),
    ],
)
def test_when_the_next_is_due(tmp_path: Path, age: timedelta, expected: bool) -> None:
    _make(tmp_path, NOON - age)
    assert backup_folder.due(tmp_path, every=HOUR, now=NOON) is expected


def test_the_first_is_due_at_once_and_an_unfinished_one_is_none(tmp_path: Path) -> None:
    assert backup_folder.due(tmp_path / "not there", every=HOUR, now=NOON)
    _make(tmp_path, NOON, suffix=".part")
    assert backup_folder.due(tmp_path, every=HOUR, now=NOON)


def test_the_newest_are_kept_and_nothing_foreign_is_touched(tmp_path: Path) -> None:
    made = [_make(tmp_path, NOON - number * HOUR) for number in range(5)]
    fresh = _make(tmp_path, NOON - HOUR, suffix=".part")
    stale = _make(tmp_path, NOON - timedelta(days=1), suffix=".part")
    foreign = [tmp_path / "notes.txt", made[4] / "notes.txt"]
    for path in foreign:
        path.touch()
    backup_folder.prune(tmp_path, keep=2, now=NOON)
    assert backup_folder.copies(tmp_path) == [made[1], made[0]]
    assert fresh.exists()
    assert not stale.exists()
    assert all(path.exists() for path in foreign)


def test_settings_survive_the_way_through_the_environment(tmp_path: Path) -> None:
    settings = replace(
        read_settings({}), data_dir=tmp_path, backup_dir=tmp_path / "b", db_encryption=False, backup_keep=3
    )
    assert read_settings(as_environment(settings)) == settings


def test_the_leader_makes_one_when_it_is_due_and_not_again(world: World, tmp_path: Path) -> None:
    settings = settings_of(world)
    wanted = replace(settings, backup_dir=tmp_path / "copies", backup_minutes=60)
    world.app.extensions["cbt_settings"] = wanted
    (tmp_path / "copies").mkdir()
    now = world.clock.now()
    with world.app.app_context():
        assert back_up_when_due(now=now)
        assert not back_up_when_due(now=now), "it waits already"
        assert run_due(now=now) == 1
        assert not back_up_when_due(now=now)
        assert not back_up_when_due(now=now + RETRY)
    assert len(backup_folder.copies(tmp_path / "copies")) == 1


def test_without_a_folder_none_is_made(world: World) -> None:
    with world.app.app_context():
        assert not back_up_when_due(now=NOON)
