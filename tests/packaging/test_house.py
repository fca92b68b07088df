"""The house keeps its measure: one meaning for each class's name."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = ("cbt", "torture", "bench", "bundle")
MIGRATIONS = CHECKOUT / "cbt" / "storage" / "migrations" / "versions"
"""One a change of the tables, for ever."""


def modules() -> list[Path]:
    """Return every module of the product, of what breaks it and of what measures it."""
    found = [path for name in PACKAGES for path in (CHECKOUT / name).rglob("*.py")]
    return [path for path in found if MIGRATIONS not in path.parents]


def test_a_class_of_one_name_is_one_class() -> None:
    homes: defaultdict[str, list[str]] = defaultdict(list)
    for path in modules():
        if path.relative_to(CHECKOUT).parts[0] != "cbt":
            continue
        text = path.read_text("utf-8")
        for node in ast.parse(text).body if "class " in text else ():
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(str(path.relative_to(CHECKOUT)))
    assert {name: where for name, where in homes.items() if len(where) > 1} == {}
