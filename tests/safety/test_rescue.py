"""What a server holds of a database that was moved away under it is secured, and put back without harm."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cbt.config import Settings
from cbt.errors import CbtError, InvalidInput, Unavailable
from cbt.ops import reinstatement, salvage
from cbt.ops.backup.restore import check_whole
from cbt.ops.reinstatement import check_rescue, put_back
from cbt.ops.salvage import (
    RAW,
    SETTLED,
    WHOLE,
    FileKeeper,
    Rescue,
    make_whole,
    open_rescue,
    read_note,
    rescues,
)
from cbt.runner.close.closure import expire_overdue
from cbt.storage.crypto import load_key
from cbt.storage.engine import files_of
from cbt.storage.file_guard import Hold
from cbt.storage.raw_connection import open_to_read
from tests.conftest import close_engine
from tests.safety.conftest import begin_exam, settings_of
from tests.safety.held import aside, empty_log, held
from tests.world import PLANNED, World

__all__ = ["held"]
# Only there: PostgreSQL looks after its files itself.
pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"])


def hold_of(world: World) -> Hold:
    """Return the hold of a world."""
    files = files_of(world.app)
    assert files is not None
    assert files.hold is not None
    return files.hold


def finish(settings: Settings, folder: Path) -> bool:
    """Make a rescue whole in this process."""
    make_whole(settings, Rescue(folder, read_note(folder)), now=PLANNED)
    return True


def keeper_of(world: World, settings: Settings | None = None) -> FileKeeper:
    """Return a keeper that looks when a test tells it to."""
    return FileKeeper(settings or settings_of(world), hold_of(world), finish=finish, now=world.clock.now)


@pytest.fixture
def answered(held: World) -> World:
    """Two answers, one of which is in the database and one in its log."""
    page = begin_exam(held)
    assert page.answer(1, "A").status_code == 200
    empty_log(held)
    assert page.answer(2, "A").status_code == 200
    return held


def journal_of(path: Path, settings: Settings) -> int:
    """Return how many answers a database holds."""
    key = load_key(settings.keys, "database", may_create=False)
    with closing(open_to_read(path, key)) as connection:
        return int(connection.execute("SELECT count(*) FROM journal").fetchone()[0])


def lose(world: World) -> None:
    """Remove the database and its log."""
    for suffix in ("", "-wal"):
        (settings_of(world).data_dir / f"cbt.db{suffix}").unlink()


def test_what_was_removed_is_secured_whole_and_put_back(answered: World) -> None:
    settings = settings_of(answered)
    lose(answered)
    keeper = keeper_of(answered)
    keeper.look(at=0.0)
    keeper.look(at=1.0)
    [rescue] = rescues(settings)
    assert rescue.folder.parent == settings.data_dir.with_name("data.rescue")
    assert sorted(path.name for path in rescue.folder.iterdir()) == ["cbt.db", "manifest.json", "rescue.json"]
    assert rescue.note.state == WHOLE
    assert {path.stat().st_mode & 0o777 for path in rescue.folder.iterdir()} <= {0o600}
    with pytest.raises(Unavailable, match=r"rescue\.waiting"):
        check_rescue(settings)
    close_engine(answered.app)
    with pytest.raises(Unavailable, match=r"serve\.running"):
        put_back(settings, None, now=PLANNED)  # this process still holds what was removed
    done = _put_back(settings)
    assert done.manifest.counts["journal"] == 2
    assert journal_of(settings.data_dir / "cbt.db", settings) == 2
    check_rescue(settings)
    assert open_rescue(settings) is None


def _put_back(settings: Settings) -> Any:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reinstatement, "_check_unserved", lambda _settings: None)
        return put_back(settings, None, now=PLANNED)


def test_what_lies_there_now_is_kept(answered: World) -> None:
    settings = settings_of(answered)
    other = aside(settings.data_dir / "cbt.db", "older.db")
    body = other.read_bytes()
    other.rename(settings.data_dir / "cbt.db")
    keeper_of(answered).look(at=0.0)
    with pytest.raises(Unavailable, match=r"rescue\.waiting"):
        check_rescue(settings)
    close_engine(answered.app)
    done = _put_back(settings)
    assert done.aside is not None
    assert (done.aside / "cbt.db").read_bytes() == body
    assert (done.aside / "cbt.db-wal").is_file()
    assert journal_of(settings.data_dir / "cbt.db", settings) == 2


def test_files_that_came_back_need_no_rescue(answered: World) -> None:
    settings = settings_of(answered)
    there, away = settings.data_dir / "cbt.db", settings.data_dir / "away"
    there.rename(away)
    keeper = keeper_of(answered)
    keeper.look(at=0.0)
    away.rename(there)
    keeper.look(at=1.0)
    assert [one.note.state for one in rescues(settings)] == [SETTLED]


def test_a_start_on_the_very_files_goes_on_by_itself(answered: World) -> None:
    settings = settings_of(answered)
    there, away = settings.data_dir / "cbt.db", settings.data_dir / "away"
    there.rename(away)
    keeper_of(answered).look(at=0.0)
    away.rename(there)  # after the server ended
    check_rescue(settings)
    assert open_rescue(settings) is None


def test_a_database_that_went_on_is_not_taken_back(answered: World) -> None:
    settings = settings_of(answered)
    there, away = settings.data_dir / "cbt.db", settings.data_dir / "away"
    there.rename(away)
    keeper_of(answered).look(at=0.0)
    [rescue] = rescues(settings)
    away.rename(there)
    with answered.app.app_context():
        expire_overdue(now=PLANNED + timedelta(hours=6))
    with pytest.raises(CbtError, match=r"rescue\.older"):
        _put_back(settings)
    salvage.settle(rescue)


@pytest.mark.parametrize("refused", ["beside", "everywhere"])
def test_a_place_that_refuses_is_followed_by_the_next(
    answered: World, tmp_path: Path, refused: str, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    settings = replace(settings_of(answered), backup_dir=tmp_path / "backups")
    settings.data_dir.with_name("data.rescue").touch()
    lose(answered)
    keeper = keeper_of(answered, settings)
    if refused == "everywhere":
        with monkeypatch.context() as patched:
            patched.setattr(salvage, "_copy", _no_room)
            keeper.look(at=0.0)
        assert "rescue.no_room" in caplog.text
        assert rescues(settings) == []
        keeper.look(at=5.0)
        assert rescues(settings) == []
    keeper.look(at=10.0)
    [rescue] = rescues(settings)
    assert rescue.folder.parent == tmp_path / "backups" / "rescue"
    assert rescue.note.state == WHOLE


def _no_room(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_of_what_was_written_over_the_bytes_are_kept_and_nothing_is_promised(answered: World) -> None:
    settings = settings_of(answered)
    shutil.copyfile(aside(settings.data_dir / "cbt.db", "older.db"), settings.data_dir / "cbt.db")
    os.truncate(settings.data_dir / "cbt.db-wal", 0)
    keeper_of(answered).look(at=0.0)
    [rescue] = rescues(settings)
    assert (rescue.note.trouble, rescue.note.state) == ("db.overwritten", RAW)
    with pytest.raises(Unavailable, match=r"rescue\.overwritten"):
        check_rescue(settings)
    with pytest.raises(Unavailable, match=r"rescue\.overwritten"):
        _put_back(settings)


def test_by_hand_it_is_found_by_its_path_and_secured(answered: World, tmp_path: Path) -> None:
    settings = settings_of(answered)
    with pytest.raises(InvalidInput, match=r"rescue\.not_needed"):
        reinstatement.rescue_by_hand(settings, None, now=PLANNED)
    lose(answered)
    rescue, manifest = reinstatement.rescue_by_hand(settings, tmp_path / "stick", now=PLANNED)
    assert rescue.folder.parent == tmp_path / "stick"
    assert manifest.counts["journal"] == 2
    key = load_key(settings.keys, "database", may_create=False)
    assert check_whole(rescue.folder / "cbt.db", key, rescue.folder).journal == 2
    keeper_of(answered).look(at=0.0)
    again, _ = reinstatement.rescue_by_hand(settings, None, now=PLANNED)
    assert [again] == rescues(settings)
    with pytest.raises(Unavailable, match=r"rescue\.no_server"):
        reinstatement.rescue_by_hand(replace(settings, data_dir=tmp_path / "none"), None, now=PLANNED)
