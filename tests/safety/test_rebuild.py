"""A database that is damaged or gone is rebuilt from its second copy: every acknowledged save is there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cbt.application.app import create_app
from cbt.config import Settings
from cbt.errors import CbtError
from cbt.ops.backup.restore import rebuild
from tests.conftest import close_engine
from tests.safety.conftest import begin_exam, settings_of
from tests.safety.harm import flip_bits, run_cbt
from tests.world import World

# Only there: PostgreSQL keeps its second copy itself.
pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"])


@pytest.fixture
def copy(copied: World, tmp_path: Path) -> Path:
    """The copy of an exam in three logs, which nobody has tidied."""
    page = begin_exam(copied)
    copier = copied.app.extensions["cbt_gate"].copy
    with copier._log._tidying():
        for position in range(1, 7):
            if position % 2:
                copier._log._empty_at = 1
            assert page.answer(position, "A").status_code == 200
        shutil.copytree(tmp_path / "copy", tmp_path / "taken")
    assert len(list((tmp_path / "taken").glob("*.log"))) == 4
    return tmp_path / "taken"


def empty_place(world: World, tmp_path: Path) -> Settings:
    """Return settings of an empty place that has the keys."""
    return replace(settings_of(world), data_dir=tmp_path / "place" / "data", journal_copy_dir=None)


def test_logs_that_nobody_tidied_are_all_applied(copied: World, copy: Path, tmp_path: Path) -> None:
    done = rebuild(empty_place(copied, tmp_path), copy)
    assert (done.torn, done.damaged, done.personal_key_fits) == (False, "", True)
    assert done.facts.journal == 6


def test_tidying_that_was_cut_off_in_the_middle_is_done_again(
    copied: World, copy: Path, tmp_path: Path
) -> None:
    base = next(copy.glob("*.base"))
    log = next(iter(sorted(copy.glob("*.log"))))
    body = log.read_bytes()
    for at in range(32, len(body), 4120):  # pages of the log are in the base, the log is still there
        page = int.from_bytes(body[at : at + 4], "big")
        with base.open("rb+") as handle:
            handle.seek((page - 1) * 4096)
            handle.write(body[at + 24 : at + 24 + 4096])
            if at > len(body) // 2:
                break
    (copy / f"{base.name}-wal").write_bytes(body[: len(body) // 2])
    assert rebuild(empty_place(copied, tmp_path), copy).facts.journal == 6


def _flip_bit(path: Path, at: float) -> None:
    body = bytearray(path.read_bytes())
    body[int(len(body) * at)] ^= 1
    path.write_bytes(body)


def _logs(copy: Path) -> list[Path]:
    return sorted(copy.glob("*.log"))


DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a log is missing": (lambda copy: _logs(copy)[1].unlink(), "copy.log_missing"),
    "the newest log is missing": (lambda copy: _logs(copy)[-1].unlink(), "copy.log_missing"),
    "a bit of an older log": (lambda copy: _flip_bit(_logs(copy)[1], 0.5), "copy.damaged"),
    "a bit of the newest log, many commits before its end": (
        lambda copy: _flip_bit(_logs(copy)[-1], 0.1),
        "copy.damaged",
    ),
    "an older log is cut": (
        lambda copy: _logs(copy)[1].write_bytes(_logs(copy)[1].read_bytes()[:-1]),
        "copy.damaged",
    ),
    "a bit of the base": (lambda copy: _flip_bit(next(copy.glob("*.base")), 0.5), "copy.damaged"),
    "the base is missing": (lambda copy: next(copy.glob("*.base")).unlink(), "copy.base_missing"),
    "its description": (lambda copy: (copy / "copy.json").write_text("[]"), "copy.manifest"),
    "another product's": (lambda copy: (copy / "copy.json").write_text('{"product": "x"}'), "copy.manifest"),
    "no description": (lambda copy: (copy / "copy.json").unlink(), "copy.none"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_copy_that_is_not_whole_is_refused_in_words_and_nothing_is_left(
    copied: World, copy: Path, tmp_path: Path, damage: str
) -> None:
    work, code = DAMAGES[damage]
    work(copy)
    settings = empty_place(copied, tmp_path)
    with pytest.raises(CbtError) as refused:
        rebuild(settings, copy)
    assert refused.value.code == code
    assert not list(settings.data_dir.glob("cbt.db*"))


def test_up_to_the_damage_what_was_before_it_is_saved(copied: World, copy: Path, tmp_path: Path) -> None:
    _flip_bit(_logs(copy)[2], 0.5)
    done = rebuild(empty_place(copied, tmp_path), copy, up_to_damage=True)
    assert done.damaged == str(_logs(copy)[2])
    assert 2 <= done.facts.journal < 6


def test_the_torn_end_of_the_newest_log_is_left_out(copied: World, copy: Path, tmp_path: Path) -> None:
    log = _logs(copy)[-1]
    log.write_bytes(log.read_bytes()[:-100])
    done = rebuild(empty_place(copied, tmp_path), copy)
    assert done.torn
    assert done.facts.journal == 5


def test_it_overwrites_nothing_and_needs_the_right_keys(copied: World, copy: Path, tmp_path: Path) -> None:
    settings = empty_place(copied, tmp_path)
    settings.data_dir.mkdir(parents=True)
    (settings.data_dir / "cbt.db-wal").touch()
    with pytest.raises(CbtError, match=r"safety\.not_empty"):
        rebuild(settings, copy)
    for name, body, code in (
        ("no keys", None, "db.key_missing"),
        ("foreign keys", b"x" * 32, "safety.other_key"),
    ):
        keys = tmp_path / name
        shutil.copytree(settings.keys, keys)
        (keys / "database.key").unlink()
        if body:
            (keys / "database.key").write_bytes(body)
        with pytest.raises(CbtError) as refused:
            rebuild(replace(settings, data_dir=tmp_path / "free", key_dir=keys), copy)
        assert refused.value.code == code
        assert not (tmp_path / "free").exists()


def test_what_was_rebuilt_goes_on_with_the_same_copy(copied: World, tmp_path: Path) -> None:
    page = begin_exam(copied)
    assert page.answer(1, "A").status_code == 200
    close_engine(copied.app)
    settings = replace(empty_place(copied, tmp_path), journal_copy_dir=tmp_path / "copy")
    rebuild(settings, tmp_path / "copy")
    app = create_app(settings, clock=copied.clock)
    page.go_on_at(app)
    assert page.answer(2, "B").status_code == 200
    assert not app.extensions["cbt_gate"].copy.behind
    close_engine(app)
    done = rebuild(replace(settings, data_dir=tmp_path / "third"), tmp_path / "copy")
    assert done.facts.journal == 2


def test_the_command_wants_one_source(world: World, tmp_path: Path) -> None:
    for arguments in ([], [str(tmp_path), "--from-copy", str(tmp_path)]):
        told = run_cbt(settings_of(world), "restore", *arguments)
        assert told.returncode == 2
        assert "cbt restore --from-copy" in told.stderr


def test_a_damaged_page_is_said_in_words_when_it_is_read(world: World) -> None:
    page = begin_exam(world)
    close_engine(world.app)
    data = settings_of(world).data_dir
    flip_bits(data)
    (data / "cbt.db-wal").unlink(missing_ok=True)
    reply = page.start()
    assert reply.status_code == 503
    assert "cbt verify" in reply.get_data(as_text=True)
