"""The large database is whole and in order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import text

from bench.growth import BYTES_PER_ATTEMPT, fitting
from bench.history import LOG_LINES, SAVES, Years
from bench.installation import installation
from cbt.storage.types import bind_instant, db


def silent(_text: str) -> None:
    """Say nothing."""


def test_the_past_is_whole_and_lies_before_the_people_of_today(
    database_kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = ""
    if database_kind == "postgresql":
        url = request.getfixturevalue("postgres").create(f"past{os.getpid()}")
    past = Years(attempts=150, items=500)
    with (
        installation(tmp_path, attempts=12, database_url=url, years=past, tell=silent) as built,
        db.engine.connect() as connection,
    ):

        def number(sql: str, **values: object) -> int:
            return int(connection.scalar(text(sql), values) or 0)

        assert number("SELECT count(*) FROM attempt WHERE state = 'scored'") == 150
        assert number("SELECT count(*) FROM journal") == 150 * SAVES
        assert number("SELECT count(DISTINCT position) FROM journal WHERE attempt_id = 77") == 100
        assert (
            number("SELECT count(*) FROM journal WHERE value NOT IN ('\"A\"', '\"B\"', '\"C\"', '\"D\"')")
            == 0
        )
        assert number("SELECT count(*) FROM item JOIN item_version v ON v.item_id = item.id") >= 500
        assert number("SELECT count(*) FROM item WHERE bank_id > 1") == 500
        assert number("SELECT count(DISTINCT sitting_room_id) FROM attempt WHERE state = 'scored'") == 2
        now = bind_instant(built.app.extensions["cbt_clock"].now(), connection.dialect.name)
        assert number("SELECT count(*) FROM journal WHERE received_at >= :now", now=now) == 0
        log_end = number("SELECT last_id FROM audit_head")
        assert log_end == number("SELECT max(id) FROM audit_entry") >= 150 * LOG_LINES
        assert [sitter.attempt_id for sitter in built.sitters] == list(range(151, 163))
        if database_kind == "sqlite":
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
            assert connection.scalar(text("PRAGMA integrity_check")) == "ok"
            assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
            assert connection.scalar(text("PRAGMA synchronous")) == 2


@pytest.mark.parametrize(
    ("wanted", "free", "chosen"),
    [
        pytest.param(1_000_000, 10**12, 1_000_000, id="room enough"),
        pytest.param(
            1_000_000, 2 * 123_456 * BYTES_PER_ATTEMPT, 123_000, id="half of the disk, in thousands"
        ),
        pytest.param(200, 10**12, 200, id="as few as wanted"),
    ],
)
def test_the_disk_decides_how_much_past_there_is(wanted: int, free: int, chosen: int) -> None:
    assert fitting(wanted, free) == chosen
