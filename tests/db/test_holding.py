"""What it means when a database's files are not those a server holds, and how others find out which those are."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cbt.storage import file_guard
from cbt.storage.file_guard import (
    HELD,
    PAGE,
    AtPath,
    Emptying,
    FileId,
    Hold,
    Holding,
    Trouble,
    find_hold,
    handed_down,
    read_hold,
    read_pages,
    trouble_of,
)
from cbt.storage.wal import HEADER, read_end, read_numbers

SAME, OTHER, NONE = AtPath.SAME, AtPath.OTHER, AtPath.NONE


@pytest.mark.parametrize(
    ("found", "overwritten", "expected"),
    [
        pytest.param((SAME, SAME, SAME), None, None, id="everything in its place"),
        pytest.param((NONE, SAME, SAME), None, Trouble("db.gone", ""), id="the database is gone"),
        pytest.param((SAME, NONE, SAME), None, Trouble("db.gone", "-wal"), id="the log is gone"),
        pytest.param((SAME, SAME, NONE), None, Trouble("db.gone", "-shm"), id="the index is gone"),
        pytest.param((NONE, NONE, NONE), None, Trouble("db.gone", ""), id="the folder is gone"),
        pytest.param((OTHER, SAME, SAME), None, Trouble("db.exchanged", ""), id="another database"),
        pytest.param((SAME, OTHER, SAME), None, Trouble("db.exchanged", "-wal"), id="another log"),
        pytest.param((NONE, OTHER, SAME), None, Trouble("db.exchanged", "-wal"), id="exchanged before gone"),
        pytest.param((SAME, SAME, SAME), "", Trouble("db.overwritten", ""), id="written over in its place"),
        pytest.param((NONE, SAME, SAME), "-wal", Trouble("db.gone", ""), id="written over, then gone"),
    ],
)
def test_what_lies_at_the_paths_decides(
    found: tuple[AtPath, ...], overwritten: str | None, expected: Trouble | None
) -> None:
    paths = dict(zip(("", "-wal", "-shm"), found, strict=True))
    assert trouble_of(paths, overwritten=overwritten) == expected


@pytest.mark.parametrize(
    ("now", "explains"),
    [
        pytest.param(Emptying(b"a", 5, 5), False, id="nothing was emptied"),
        pytest.param(Emptying(b"a", 9, 9), True, id="emptied further"),
        pytest.param(Emptying(b"b", 5, 5), True, id="another log began"),
        pytest.param(Emptying(b"a", 5, 9), True, id="emptying was cut off"),
    ],
)
def test_only_emptying_the_log_explains_a_database_that_was_written(now: Emptying, explains: bool) -> None:
    assert now.explains(Emptying(b"a", 5, 5)) is explains


def test_a_logs_index_says_which_page_each_of_its_frames_holds(tmp_path: Path) -> None:
    """More frames than three blocks of the index have room for."""
    path = tmp_path / "any.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("CREATE TABLE kept (id INTEGER PRIMARY KEY, what BLOB)")
        for _ in range(4):
            connection.execute("INSERT INTO kept (what) VALUES (zeroblob(10000000))")
        with path.with_name("any.db-shm").open("rb", buffering=0) as index:
            end = read_end(index)
            assert end is not None
            assert end.frames > 2 * 4096
            numbers = read_numbers(index, end.frames)
        log = path.with_name("any.db-wal").read_bytes()
    places = range(HEADER, HEADER + end.frames * end.frame_size, end.frame_size)
    assert numbers == [int.from_bytes(log[place : place + 4], "big") for place in places]


def test_pages_have_the_same_digest_whatever_was_known_of_them_before(tmp_path: Path) -> None:
    path = tmp_path / "pages"
    path.write_bytes(bytes(range(256)) * 16 * 5)
    with path.open("r+b", buffering=0) as pages:
        before = read_pages(pages.fileno(), 5 * PAGE)
        os.pwrite(pages.fileno(), b"other", 2 * PAGE)
        size = path.stat().st_size
        after = read_pages(pages.fileno(), size, before)
        assert after.digest == read_pages(pages.fileno(), size).digest != before.digest
        assert after.digests[1] is before.digests[1], "what is as it was is not worked out again"


def test_a_hold_is_handed_down_as_a_text() -> None:
    hold = Hold("/srv/cbt.db", "00ff", 7, (FileId(1, 2), FileId(1, 3), FileId(1, 4)), (5, 6, 7, 8))
    assert read_hold(hold.as_text()) == hold
    for text in ("", "7", "[1]", '["a", "b", 1, [[1]], []]'):
        with pytest.raises(ValueError, match=r"."):
            read_hold(text)


@pytest.fixture
def holding(tmp_path: Path) -> Iterator[Holding]:
    """A hold on files of no content."""
    (tmp_path / "cbt.db").touch()
    holding = Holding(tmp_path / "cbt.db", tmp_path / "write.lock")
    yield holding
    holding.release()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system does not show open files")
def test_others_find_the_hold_by_its_path_whatever_became_of_the_files(
    holding: Holding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_guard, "LOOKED_AT", 10_000)  # a process of tests has opened many files before
    hold = holding.take()
    for path in tmp_path.iterdir():
        path.unlink()
    assert find_hold(tmp_path / "cbt.db") == hold
    assert find_hold(tmp_path / "other.db") is None
    assert os.fstat(hold.descriptors[0]).st_ino == hold.ids[0].inode
    assert handed_down(tmp_path / "cbt.db") == hold
    assert handed_down(tmp_path / "other.db") is None
    monkeypatch.delenv(HELD)
    assert handed_down(tmp_path / "cbt.db") is None


def test_letting_go_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "cbt.db").touch()
    holding = Holding(tmp_path / "cbt.db", tmp_path / "write.lock")
    hold = holding.take()
    holding.release()
    assert find_hold(tmp_path / "cbt.db") is None
    assert HELD not in os.environ
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(hold.descriptors[0])
