"""What an upgrade will do follows from what is there: steps, time, room, and what stands in its way."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cbt.ops import upgrade
from cbt.ops.upgrade import (
    DOUBT,
    DiskRoom,
    PlannedSitting,
    UpgradeFacts,
    UpgradePlan,
    hindrances,
    nearest,
    plan_upgrade,
    rooms_needed,
    step_seconds,
)
from cbt.paths import migrations_dir

NOON = datetime(2027, 1, 4, 4, tzinfo=UTC)
MIB = 1 << 20


def facts(**changed: Any) -> UpgradeFacts:
    """Return an installation between sittings, with what a case changes."""
    there: dict[str, Any] = {
        "revision": "0006",
        "bytes": 100 * MIB,
        "rows": dict.fromkeys(upgrade.TABLES, 0),
        "open_rooms": {},
        "planned": (),
        "writing": 0,
        "unscored": 0,
    }
    return UpgradeFacts(**{**there, **changed})


def plan(there: UpgradeFacts, *, rooms: tuple[DiskRoom, ...] = (), serving: str = "") -> UpgradePlan:
    """Return the plan of two steps."""
    return plan_upgrade(there, revisions=["0010", "0011"], rooms=rooms, serving=serving, backup=True)


@pytest.mark.parametrize(
    ("changed", "serving", "expected", "blocked"),
    [
        pytest.param({}, "", [], False, id="nothing"),
        pytest.param({}, "pid 4", ["serving"], True, id="a server"),
        pytest.param({"open_rooms": {"第 1 场": 2}}, "", ["room"], True, id="open rooms"),
        pytest.param({"writing": 1}, "", ["writing"], True, id="a paper being written"),
        pytest.param({"planned": (PlannedSitting("A", NOON, 0),)}, "", ["today"], True, id="today"),
        pytest.param({"planned": (PlannedSitting("A", NOON, 1),)}, "", ["tomorrow"], False, id="tomorrow"),
        pytest.param({"unscored": 3}, "", ["unscored"], False, id="unscored"),
    ],
)
def test_what_stands_in_the_way(
    changed: dict[str, Any], serving: str, expected: list[str], blocked: bool
) -> None:
    made = plan(facts(**changed), serving=serving)
    assert [one.what for one in made.hindrances] == expected
    assert made.blocked is blocked


def test_a_backup_without_a_place_stands_in_the_way() -> None:
    assert [one.what for one in hindrances(facts(), serving="", homeless=True)] == ["destination"]


@pytest.mark.parametrize(
    ("free", "blocked"),
    [pytest.param(100, False, id="just enough"), pytest.param(99, True, id="a byte less")],
)
def test_a_disk_without_room_blocks(free: int, blocked: bool) -> None:
    assert plan(facts(), rooms=(DiskRoom("/x", 100, free),)).blocked is blocked


def test_more_rows_take_longer_and_the_whole_is_the_sum_of_its_parts() -> None:
    many = facts(rows={**facts().rows, "attempt": 100_000, "journal": 10_000_000})
    made = plan(many)
    assert step_seconds("0010", many.rows) > 10 * step_seconds("0010", facts().rows)
    assert made.verify_seconds > plan(facts()).verify_seconds
    parts = made.backup_seconds + made.verify_seconds + sum(step.seconds for step in made.steps)
    assert made.seconds == pytest.approx(parts)
    assert made.backup_seconds > 0
    assert DOUBT >= 1


def test_every_measured_step_is_one_and_every_table_is_counted() -> None:
    names = {path.name[:4] for path in (migrations_dir() / "versions").glob("[0-9]*.py")}
    assert upgrade.STEPS.keys() <= names
    used = {table for rates in (*upgrade.STEPS.values(), upgrade.VERIFY) for table in rates}
    assert used <= set(upgrade.TABLES)


def test_room_is_asked_of_the_disks_that_are_written() -> None:
    needed = rooms_needed(100 * MIB, written=["/d", "/c"], backup="/b")
    assert needed.keys() == {"/d", "/c", "/b"}
    assert min(needed.values()) > 100 * MIB
    assert rooms_needed(100 * MIB, written=[], backup=None) == {}


def test_folders_on_one_disk_share_its_room(tmp_path: Path) -> None:
    one, other = str(tmp_path / "one"), str(tmp_path / "not" / "there")
    [room] = upgrade._rooms({one: 10, other: 20})
    assert room.needed == 30
    assert one in room.folder
    assert other in room.folder
    assert nearest(tmp_path / "not" / "there") == tmp_path
