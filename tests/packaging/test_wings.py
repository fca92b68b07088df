"""A wing is entered by what its `__init__` offers in `__all__`: nothing else of it is imported from outside.

A wing is a folder within a room, or within a wing. Whatever names a module counts: imports, and addresses in text
by which a module is loaded later.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.sources import nodes_of, tree_of

CHECKOUT = Path(__file__).resolve().parents[2]
NOT_WINGS = "cbt.storage.migrations"
Uses = dict[tuple[str, str], set[str]]
"""By (wing, the part of it that is used): the modules outside that use it."""


@cache
def product() -> dict[str, ast.Module]:
    """Return every module of the product, parsed, by its dotted name; a package by its own."""
    found = {}
    for path in (CHECKOUT / "cbt").rglob("*.py"):
        name = ".".join(path.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__")
        if not name.startswith(NOT_WINGS):
            found[name] = tree_of(path)
    return found


def named(tree: ast.Module, modules: dict[str, ast.Module]) -> Iterator[str]:
    """Yield the modules of the product that a module names."""
    for node in nodes_of(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for one in node.names:
                full = f"{node.module}.{one.name}"
                yield full if full in modules else node.module
        elif isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.partition(":")[0]


def wings(modules: dict[str, ast.Module]) -> set[str]:
    """Return the folders below a room."""
    folders = {name.rpartition(".")[0] for name in modules}
    return {name for name in folders if name.count(".") >= 2}


@cache
def uses() -> Uses:
    """Return who uses which part of which wing from outside of it."""
    modules = product()
    found: Uses = defaultdict(set)
    inside = wings(modules)
    for name, tree in modules.items():
        for target in set(named(tree, modules)) & modules.keys():
            parts = target.split(".")
            for depth in range(3, len(parts)):
                wing = ".".join(parts[:depth])
                if wing in inside and name != wing and not name.startswith(f"{wing}."):
                    found[wing, parts[depth]].add(name)
    return found


def offers(tree: ast.Module) -> set[str]:
    """Return what `__all__` of a package names."""
    lists = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    return {name for one in lists for name in ast.literal_eval(one)}


def test_a_wing_is_entered_by_what_it_offers() -> None:
    modules = product()
    offered = {wing: offers(modules[wing]) for wing in wings(modules)}
    found = {f"{wing}.{part}": who for (wing, part), who in uses().items() if part not in offered[wing]}
    assert found == {}, "imported from outside, and not in __all__ of the wing's __init__"


def test_a_wing_offers_nothing_that_nobody_uses() -> None:
    modules = product()
    used = uses().keys()
    idle = {
        f"{wing}.{part}"
        for wing in wings(modules)
        for part in offers(modules[wing])
        if (wing, part) not in used
    }
    assert idle == set()


def test_a_wing_says_what_happens_there() -> None:
    modules = product()
    assert [wing for wing in sorted(wings(modules)) if not ast.get_docstring(modules[wing])] == []
