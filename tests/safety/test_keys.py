"""The rehearsal of the chapter on keys: apart from the data, on another machine, on paper, exchanged."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.application.app import create_app
from cbt.config import Settings
from cbt.errors import CbtError, InvalidInput, Unavailable
from cbt.ops import keys
from cbt.ops.backup.restore import rebuild, restore
from cbt.ops.backup.snapshot import back_up
from cbt.ops.backup.verification import all_findings, verify_everything
from cbt.ops.keys import key_files, paper_lines, read_paper, rotate
from cbt.ops.preflight import ask
from cbt.storage.raw_connection import open_raw
from tests.conftest import close_engine
from tests.delivery.driver import Page
from tests.packaging.served import Installation
from tests.safety.conftest import begin_exam, end_everything, settings_of, with_copy
from tests.world import World

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
only_embedded = pytest.mark.parametrize("database_kind", ["sqlite"])  # PostgreSQL has no database key


def findings(settings: Settings, world: World) -> list[tuple[str, str]]:
    """Return what verifying an installation finds."""
    app = create_app(settings, clock=world.clock)
    with app.app_context():
        found = [(one.what, one.where) for one in all_findings(verify_everything())]
    close_engine(app)
    return found


@only_embedded
def test_the_rehearsal_of_the_chapter(exam: Page, world: World, tmp_path: Path) -> None:
    """Back up, keys on another medium, a new machine: not without the keys, not with others, with them."""
    end_everything(world)
    settings = settings_of(world)
    source, manifest = back_up(settings, tmp_path / "disk of backups", now=NOON)
    shutil.copytree(settings.keys, tmp_path / "stick of keys")
    assert manifest.keys == {
        one.name: one.fingerprint for one in key_files(settings) if one.name != "cookies"
    }

    new = replace(settings, data_dir=tmp_path / "new" / "data", key_dir=tmp_path / "new" / "keys")
    new.data_dir.parent.mkdir()
    with pytest.raises(Unavailable, match=r"db\.key_missing"):
        restore(new, source)
    new.keys.mkdir()
    (new.keys / "database.key").write_bytes(os.urandom(32))
    (new.keys / "personal.key").write_bytes(os.urandom(32))
    with pytest.raises(Unavailable, match=r"safety\.other_key"):
        restore(new, source)
    assert not new.data_dir.exists(), "refused before anything was written"
    shutil.rmtree(new.keys)
    shutil.copytree(tmp_path / "stick of keys", new.keys)
    assert restore(new, source).personal_key_fits
    assert findings(new, world) == []


def test_a_key_on_paper_brings_the_data_back(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    assert installation.run("migrate", "--new").returncode == 0
    keys = {path: path.read_bytes() for path in installation.keys.iterdir()}
    sheets = {}
    for path in [path for path in keys if path.stem != "cookies"]:  # a lost one of those is made anew
        printed = installation.run("key", "print", path.stem)
        assert printed.returncode == 0
        sheets[path.stem] = printed.stdout
        path.unlink()
    assert installation.run("verify").returncode == 2
    for name, sheet in sheets.items():
        entered = installation.run("key", "enter", name, entered=sheet)
        assert entered.returncode == 0, entered.stderr
        again = installation.run("key", "enter", name, entered=sheet)
        assert again.returncode == 2, "nothing is overwritten"
    assert {path: path.read_bytes() for path in keys if path.stem in sheets} == {
        path: key for path, key in keys.items() if path.stem in sheets
    }
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in keys)
    assert installation.run("verify").returncode == 0


@given(st.binary(min_size=32, max_size=32))
def test_a_key_survives_paper_in_any_spacing(key: bytes) -> None:
    lines = paper_lines(key)
    assert read_paper(lines) == key
    assert read_paper([f"  {line.upper().replace(' ', '  ')}\n" for line in lines] + ["\n"]) == key


@given(st.binary(min_size=32, max_size=32), st.data())
def test_a_slip_of_the_pen_is_found_on_its_line(key: bytes, data: st.DataObject) -> None:
    lines = paper_lines(key)
    number = data.draw(st.integers(0, 3))
    places = [at for at, letter in enumerate(lines[number]) if at > 1 and letter in "0123456789abcdef"]
    at = data.draw(st.sampled_from(places))
    other = data.draw(st.sampled_from([one for one in "0123456789abcdef" if one != lines[number][at]]))
    lines[number] = lines[number][:at] + other + lines[number][at + 1 :]
    with pytest.raises(InvalidInput) as refused:
        read_paper(lines)
    assert refused.value.params["number"] == number + 1


@pytest.mark.parametrize("count", [0, 3, 5])
def test_a_sheet_with_lines_too_few_or_too_many_is_refused(count: int) -> None:
    with pytest.raises(InvalidInput, match=r"key\.lines"):
        read_paper((paper_lines(bytes(32)) * 2)[:count])


@only_embedded
def test_a_new_database_key_opens_it_and_the_former_does_not(
    exam: Page, world: World, tmp_path: Path
) -> None:
    settings = settings_of(world)
    source, manifest = back_up(settings, tmp_path / "copies", now=NOON)
    close_engine(world.app)
    former = (settings.keys / "database.key").read_bytes()
    kept, fresh = rotate(settings)
    assert kept.read_bytes() == former != (settings.keys / "database.key").read_bytes()
    assert stat.S_IMODE((settings.keys / "database.key").stat().st_mode) == 0o600
    assert fresh != manifest.keys["database"]
    assert manifest.keys["database"] in kept.name, "the file is found by what a backup asks for"
    assert findings(settings, world) == []
    with pytest.raises(Exception, match="not a database"):
        open_raw(settings.data_dir / "cbt.db", former).execute("SELECT count(*) FROM sqlite_master")
    new = replace(settings, data_dir=tmp_path / "new" / "data", key_dir=tmp_path / "new" / "keys")
    shutil.copytree(settings.keys, new.keys)
    away = kept.rename(tmp_path / "away.key")
    (new.keys / kept.name).unlink()
    with pytest.raises(Unavailable, match=r"safety\.other_key"):
        restore(new, source)
    away.rename(new.keys / kept.name)
    before = {path: path.read_bytes() for path in new.keys.iterdir()}
    restore(new, source)
    assert {path: path.read_bytes() for path in new.keys.iterdir()} == before, (
        "the present key stays the present"
    )
    assert findings(new, world) == []
    with pytest.raises(Exception, match="not a database"):
        open_raw(new.data_dir / "cbt.db", former).execute("SELECT count(*) FROM sqlite_master")
    ask(new)


@only_embedded
def test_a_second_copy_of_before_a_new_key_is_rebuilt_under_the_new_one(
    copied: World, tmp_path: Path
) -> None:
    begin_exam(copied)
    close_engine(copied.app)
    settings = settings_of(copied)
    rotate(settings)
    new = replace(settings, data_dir=tmp_path / "new" / "data", journal_copy_dir=None)
    new.data_dir.parent.mkdir()
    rebuild(new, tmp_path / "copy")
    assert findings(new, copied) == []


@only_embedded
def test_a_rotation_cut_off_between_its_last_two_steps_is_finished_by_the_next(
    exam: Page, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    close_engine(world.app)
    settings = settings_of(world)
    with monkeypatch.context() as cut:
        cut.setattr(keys, "_take_over", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            rotate(settings)
    with pytest.raises(Unavailable, match=r"db\.unreadable"):
        findings(settings, world)
    rotate(settings)
    assert findings(settings, world) == []
    assert len(list(settings.keys.glob("database*"))) == 2


@only_embedded
def test_a_rotation_that_fails_leaves_everything_as_it_was(
    exam: Page, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    close_engine(world.app)
    settings = settings_of(world)
    former = (settings.keys / "database.key").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copyfile", full)
        with pytest.raises(Unavailable, match=r"safety\.no_room"):
            rotate(settings)
    assert (settings.keys / "database.key").read_bytes() == former
    assert not (settings.keys / "database.key.new").exists()
    assert findings(settings, world) == []


@only_embedded
def test_the_second_copy_begins_anew_under_the_new_key(copied: World, tmp_path: Path) -> None:
    page = begin_exam(copied)
    assert page.answer(1, "A").status_code == 200
    close_engine(copied.app)
    settings = replace(settings_of(copied), journal_copy_dir=None)
    _, fresh = rotate(settings)
    app = with_copy(settings, tmp_path / "copy", copied.clock)
    page.go_on_at(app)
    assert page.answer(2, "B").status_code == 200
    close_engine(app)
    assert fresh in (tmp_path / "copy" / "copy.json").read_text("utf-8")


def test_a_running_server_keeps_its_key(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    with installation.serving():
        told = installation.run("key", "rotate")
        assert told.returncode == 2
    listed = installation.run("key", "list").stdout
    assert [line.split()[0] for line in listed.splitlines()] == ["database", "personal", "audit", "cookies"]


def test_what_has_no_database_key_says_so(world: World) -> None:
    settings = replace(settings_of(world), db_encryption=False)
    with pytest.raises(CbtError, match=r"key\.no_database_key"):
        rotate(settings)


@only_embedded
def test_a_key_that_others_may_read_is_told(world: World) -> None:
    settings = settings_of(world)
    assert not any(one.open_to_others for one in key_files(settings))
    (settings.keys / "personal.key").chmod(0o640)
    assert [one.name for one in key_files(settings) if one.open_to_others] == ["personal"]
