"""What became of an item: right, partly, wrong, blank, void, to be marked."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cbt.rules.item_marks import ItemMark, mark_of


@pytest.mark.parametrize(
    ("earned", "answered", "void", "mark"),
    [
        pytest.param("2", True, False, ItemMark.RIGHT, id="all of its points"),
        pytest.param("1.99", True, False, ItemMark.PARTIAL, id="a hundredth short of all"),
        pytest.param("0.01", True, False, ItemMark.PARTIAL, id="a hundredth of it"),
        pytest.param("0", True, False, ItemMark.WRONG, id="answered, and nothing of it"),
        pytest.param("0", False, False, ItemMark.BLANK, id="no answer"),
        pytest.param("2", False, False, ItemMark.RIGHT, id="points given to everybody"),
        pytest.param(None, True, False, ItemMark.PENDING, id="people mark it"),
        pytest.param("2", True, True, ItemMark.VOID, id="void, whatever was earned"),
        pytest.param(None, True, True, ItemMark.VOID, id="void before it was marked"),
    ],
)
def test_a_mark_is_told_by_points_and_answer(
    earned: str | None, answered: bool, void: bool, mark: ItemMark
) -> None:
    found = mark_of(
        earned=None if earned is None else Decimal(earned), points=Decimal(2), answered=answered, void=void
    )
    assert found is mark
