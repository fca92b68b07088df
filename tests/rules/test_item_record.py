"""The record of an item: its uses put together, and what is worth a look."""

from __future__ import annotations

from datetime import date

import pytest

from cbt.rules.item_record import ItemUse, record_of

DAY = date(2026, 11, 24)


def use(people: int, difficulty: float, d: float | None = 0.4, *, on: date = DAY) -> ItemUse:
    return ItemUse(people, difficulty, d, on)


def test_uses_weigh_as_much_as_their_people() -> None:
    record = record_of([use(30, 0.9, 0.5), use(10, 0.5, 0.1, on=date(2027, 5, 1)), use(5, 0.5, None)])
    assert record is not None
    assert (record.uses, record.people, record.last_used_on) == (3, 45, date(2027, 5, 1))
    assert record.difficulty == pytest.approx(34.5 / 45)
    assert record.discrimination == pytest.approx(0.4)
    assert record_of([]) is record_of([use(0, 0.0, None)]) is None


@pytest.mark.parametrize(
    ("share", "level"), [(0.85, 1), (0.8499, 2), (0.70, 2), (0.50, 3), (0.30, 4), (0.2999, 5), (0.0, 5)]
)
def test_the_share_of_the_points_says_a_level(share: float, level: int) -> None:
    record = record_of([use(30, share)])
    assert record is not None
    assert record.level == level


@pytest.mark.parametrize(
    ("people", "d", "few", "weak", "misjudged"),
    [
        pytest.param(9, 0.1, True, False, False, id="too few"),
        pytest.param(29, 0.1, False, False, False, id="not enough to judge"),
        pytest.param(30, 0.19, False, True, True, id="enough"),
        pytest.param(30, 0.20, False, False, True, id="D on the bound"),
        pytest.param(30, None, False, False, True, id="no D"),
    ],
)
def test_what_is_worth_a_look_needs_people(
    people: int, d: float | None, few: bool, weak: bool, misjudged: bool
) -> None:
    record = record_of([use(people, 0.9, d)])
    assert record is not None
    assert (record.few, record.weak, record.misjudged(3)) == (few, weak, misjudged)
    assert not record.misjudged(2)
