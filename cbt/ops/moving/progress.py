"""How far a move is, as a line of `cbt.console.saying.Progress`."""

from __future__ import annotations

from cbt.console.texts import text as _

_WIDTH = 30


def bar(done: int, of: int) -> str:
    """Return `done` of `of` as a bar."""
    full = _WIDTH if of <= 0 else min(_WIDTH, _WIDTH * done // of)
    return f"[{'#' * full}{'-' * (_WIDTH - full)}]"


def line(what: str, name: str, done: int, of: int) -> str:
    """Return what is done (`copy`, `compare`, `check`), to which table or check, and how much of how much."""
    return f"{bar(done, of)} {_(f'move.step.{what}')} {name} {done}/{of}"
