"""Of each page that is damaged it is said what cannot be read any more: which table, how many rows, or an index."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cbt.config import Settings
from cbt.ops.backup import damage
from cbt.ops.backup.damage import DamagedObject, damaged_objects, way_back
from cbt.ops.backup.snapshot import database_key
from cbt.storage.engine import begin_installation, database_path
from cbt.storage.mirror import COPY_MANIFEST
from cbt.storage.raw_connection import DATABASE_ERRORS, open_raw, open_to_read, quiet
from tests.conftest import base_settings

PAGE = 4096
ROWS = 120


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation of one table with an index, in which some rows fill more than a page."""
    settings = base_settings(tmp_path)
    begin_installation(settings)
    path = database_path(settings)
    path.touch()
    with closing(open_raw(path, database_key(settings))) as connection:
        connection.execute("CREATE TABLE answer (id INTEGER PRIMARY KEY, code TEXT, body TEXT)")
        connection.execute("CREATE INDEX ix_code ON answer (code)")
        connection.execute("BEGIN")
        for number in range(1, ROWS + 1):
            connection.execute("INSERT INTO answer VALUES (?, ?, ?)", _row(number))
        connection.execute("COMMIT")
    return settings


def _row(number: int) -> tuple[int, str, str]:
    return 3 * number, f"{number:060}", "x" * (6000 if number % 40 == 0 else 150)


def _lost(settings: Settings) -> int:
    """Return how many rows cannot be read, by asking for each."""
    lost = 0
    with quiet():
        for number in range(1, ROWS + 1):
            with closing(open_to_read(database_path(settings), database_key(settings))) as connection:
                try:
                    query = "SELECT * FROM answer NOT INDEXED WHERE id = ?"
                    lost += connection.execute(query, (3 * number,)).fetchone() != _row(number)
                except DATABASE_ERRORS:
                    lost += 1
    return lost


def _flip(settings: Settings, page: int) -> None:
    with database_path(settings).open("rb+") as file:
        file.seek((page - 1) * PAGE + 1000)
        [byte] = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def test_each_page_is_told_by_what_it_takes_with_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert damaged_objects(settings) == (2, [])
    seen: dict[str, set[int | None]] = {"answer": set(), "ix_code": set()}
    for page in range(2, database_path(settings).stat().st_size // PAGE + 1):
        _flip(settings, page)
        [found] = damaged_objects(settings)[1]
        seen[found.name].add(found.rows)
        if found.is_table:
            assert found == DamagedObject("answer", is_table=True, rows=_lost(settings))
        _flip(settings, page)
    assert seen["ix_code"] == {0}
    assert {1, ROWS} < seen["answer"], "a page of one row, one of some rows, and the one that leads to all"
    _flip(settings, 2)
    monkeypatch.setattr(damage, "MOST_READS", 1)
    [found] = damaged_objects(settings)[1]
    assert (found.name, found.rows, found.exact) == ("answer", ROWS, False)


def test_without_a_whole_index_the_number_is_the_most_it_may_be(settings: Settings) -> None:
    with closing(open_raw(database_path(settings), database_key(settings))) as connection:
        connection.execute("DROP INDEX ix_code")
        connection.execute("VACUUM")
    unknown = 0
    for page in range(2, database_path(settings).stat().st_size // PAGE + 1):
        _flip(settings, page)
        [found] = damaged_objects(settings)[1]
        assert not found.exact
        if found.rows is None:
            unknown += 1
        else:
            lost = _lost(settings)
            assert lost <= found.rows <= 3 * lost, "every third number is a row"
        _flip(settings, page)
    assert unknown == 2, "the page that leads to all, and the last"


def test_the_way_back_is_the_copy_then_a_rescue_then_the_backup(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_copy = replace(settings, journal_copy_dir=tmp_path / "copy")
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / COPY_MANIFEST).touch()
    assert way_back(settings).endswith("cbt restore BACKUP")
    monkeypatch.setattr(damage, "open_rescue", lambda _settings: object())
    assert way_back(settings) == "cbt restore --from-rescue"
    assert way_back(with_copy).endswith(f"cbt restore --from-copy {tmp_path / 'copy'}")
