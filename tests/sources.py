"""The product's sources, parsed once for all tests of a process that read them."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path


@cache
def tree_of(path: Path) -> ast.Module:
    """Return the syntax of a module; whoever asks leaves it as it is."""
    return ast.parse(path.read_text("utf-8"))
