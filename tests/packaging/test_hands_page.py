"""The table of faults by hand in docs/operations.md: what a row names as its trial exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from torture.registry import FAULTS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
TABLE = PAGE.partition("## 人为故障")[2].partition("\n## ")[0]
TRIALS = re.findall(r"\| `([^`|]+)` \|$", TABLE, re.MULTILINE)


def test_every_row_names_a_trial_and_loses_nothing() -> None:
    rows = [line for line in TABLE.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(TRIALS) >= 12
    assert all(re.search(r"\| 0(?: with a second copy)? \|", row) for row in rows)


@pytest.mark.parametrize("trial", TRIALS)
def test_the_trial_exists(trial: str) -> None:
    file, _, name = trial.partition("::")
    if not name:
        assert any(fault.name == file and fault.in_short for fault in FAULTS)
        return
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
