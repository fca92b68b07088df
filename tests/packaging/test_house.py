"""The house keeps its measure: short modules, small folders, one meaning for each class's name."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = ("cbt", "torture", "bench", "bundle")
LONGEST, MOST = 250, 14
MIGRATIONS = CHECKOUT / "cbt" / "db" / "migrations" / "versions"
"""One a change of the tables, for ever."""


def modules() -> list[Path]:
    """Return every module of the product, of what breaks it and of what measures it."""
    found = [path for name in PACKAGES for path in (CHECKOUT / name).rglob("*.py")]
    return [path for path in found if MIGRATIONS not in path.parents]


def test_no_module_is_long() -> None:
    lengths = {
        str(path.relative_to(CHECKOUT)): len(path.read_text("utf-8").splitlines()) for path in modules()
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_no_folder_is_full() -> None:
    folders: defaultdict[str, int] = defaultdict(int)
    for path in modules():
        folders[str(path.parent.relative_to(CHECKOUT))] += path.name != "__init__.py"
    assert {name: count for name, count in folders.items() if count > MOST} == {}


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
