"""When a second copy is refused, and whom it is shown to."""

from __future__ import annotations

import shutil
import stat
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from cbt.config import Settings
from cbt.errors import CbtError, InvalidInput, Unavailable
from cbt.ops.preparation import prepare_app
from cbt.storage.types import db
from cbt.storage.unit_of_work import unit_of_work
from cbt.storage.write_queue.write_lock import Gate
from tests.conftest import close_engine
from tests.safety.conftest import begin_exam, files_below, settings_of, with_copy
from tests.world import World

# Only there: PostgreSQL keeps its second copy itself.
pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"])
Query = "SELECT attempt_id, lease_epoch, seq, value FROM journal ORDER BY id"


def _elsewhere(world: World, folder: Path, *leave: str) -> Settings:
    """Return settings of an image of the data folder, as after a disk was changed."""
    close_engine(world.app)
    settings = settings_of(world)
    shutil.copytree(settings.data_dir, folder, ignore=shutil.ignore_patterns("*-shm", *leave))
    return replace(settings, data_dir=folder, journal_copy_dir=None)


def _refusal(settings: Settings, copy: Path, world: World) -> CbtError:
    with pytest.raises(CbtError) as refused:
        app = with_copy(settings, copy, world.clock)
        with app.app_context(), unit_of_work():
            pass
    return refused.value


def test_a_database_that_lost_its_log_does_not_overwrite_the_copy(copied: World, tmp_path: Path) -> None:
    page = begin_exam(copied)
    assert page.answer(1, "A").status_code == 200
    settings = _elsewhere(copied, tmp_path / "image", "cbt.db-wal")
    before = {path: path.read_bytes() for path in files_below(tmp_path / "copy")}
    assert _refusal(settings, tmp_path / "copy", copied).code == "copy.ahead"
    assert {path: path.read_bytes() for path in files_below(tmp_path / "copy")} == before


def test_a_log_with_a_flipped_bit_ends_early_and_that_is_seen(copied: World, tmp_path: Path) -> None:
    page = begin_exam(copied)
    assert page.answer(1, "A").status_code == 200
    settings = _elsewhere(copied, tmp_path / "image")
    log = settings.data_dir / "cbt.db-wal"
    body = bytearray(log.read_bytes())
    body[-2000] ^= 1
    log.write_bytes(body)
    assert _refusal(settings, tmp_path / "copy", copied).code == "copy.ahead"


def test_a_lost_database_is_not_begun_anew_beside_its_copy(copied: World, tmp_path: Path) -> None:
    begin_exam(copied)
    settings = settings_of(copied)
    settings = replace(settings, data_dir=tmp_path / "new disk", journal_copy_dir=tmp_path / "copy")
    with pytest.raises(CbtError) as refused:
        prepare_app(settings)
    assert refused.value.code == "copy.orphan"
    assert not (tmp_path / "new disk").exists()


def test_another_databases_copy_is_left_alone(copied: World, tmp_path: Path) -> None:
    begin_exam(copied)
    path = tmp_path / "copy" / "copy.json"
    path.write_text(path.read_text("utf-8").replace('"salt": "', '"salt": "0'), "utf-8")
    close_engine(copied.app)
    settings = replace(settings_of(copied), journal_copy_dir=None)
    assert _refusal(settings, tmp_path / "copy", copied).code == "copy.other_database"


def test_no_key_is_in_it_and_nobody_else_reads_it(copied: World, tmp_path: Path) -> None:
    begin_exam(copied)
    keys = [path.read_bytes() for path in settings_of(copied).keys.iterdir()]
    for path in files_below(tmp_path / "copy"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        body = path.read_bytes()
        assert not body.startswith(b"SQLite format 3")
        assert "服务".encode() not in body
        assert not any(key in body or key.hex().encode() in body for key in keys)
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o700


def test_it_may_not_lie_with_the_data_and_needs_the_embedded_database(world: World, tmp_path: Path) -> None:
    settings = settings_of(world)
    with pytest.raises(InvalidInput, match=r"safety\.place"):
        with_copy(settings, settings.data_dir / "copy", world.clock)
    with pytest.raises(InvalidInput, match=r"copy\.embedded_only"):
        with_copy(
            replace(settings, database_url="postgresql+psycopg://x@127.0.0.1:1/x"), tmp_path, world.clock
        )


def test_without_the_setting_nothing_follows_and_sqlite_empties_its_log(world: World) -> None:
    assert cast(Gate, world.app.extensions["cbt_gate"]).copy is None
    with world.app.app_context(), db.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA wal_autocheckpoint").scalar() == 1000


def test_a_description_that_cannot_be_read_stops_saving(copied: World, tmp_path: Path) -> None:
    page = begin_exam(copied)
    (tmp_path / "copy" / "copy.json").write_text("{", "utf-8")
    assert page.answer(1, "A").status_code == 503
    with copied.app.app_context(), pytest.raises(Unavailable, match=r"copy\.behind"), unit_of_work():
        pass
