"""Choices in a workbook: a column each, as far as there are columns."""

from __future__ import annotations

from cbt.items.types.cells import LETTERS, Fields

CARRIED = frozenset({"choices", "answer"})


def back(data: Fields, _stem: str, _answer: str) -> Fields | None:
    """Return nothing else, None where there are more choices than columns."""
    return {} if len(data["choices"]) <= len(LETTERS) else None
