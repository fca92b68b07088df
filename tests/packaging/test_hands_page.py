"""The table of faults by hand in both pages of operations: what a row names as its trial exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from torture.registry import FAULTS

ROOT = Path(__file__).parents[2]
PAGES = ("operations.md", "operations.zh-CN.md")


def table(page: str) -> str:
    """Return the section that the table stands in."""
    return (ROOT / "docs" / page).read_text("utf-8").partition("## 人为故障")[2].partition("\n## ")[0]


def trials(page: str) -> list[str]:
    """Return what the last column names, by row."""
    return re.findall(r"\| `([^`|]+)` \|$", table(page), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_every_row_names_a_trial_and_loses_nothing(page: str) -> None:
    rows = [line for line in table(page).splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(trials(page)) >= 12
    assert all(re.search(r"\| (?:有第二份副本时 )?0(?: with a second copy)? \|", row) for row in rows)
    assert trials(page) == trials(PAGES[0])


@pytest.mark.parametrize("trial", trials(PAGES[0]))
def test_the_trial_exists(trial: str) -> None:
    file, _, name = trial.partition("::")
    if not name:
        assert any(fault.name == file and fault.in_short for fault in FAULTS)
        return
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
