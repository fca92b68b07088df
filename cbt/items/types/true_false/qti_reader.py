"""判断 in QTI: two choices that say right and wrong; whose question it is, the choices say (`single_choice`)."""

from __future__ import annotations

from collections.abc import Mapping

_TRUE = frozenset({"true", "t", "对", "正确", "√", "是"})
_FALSE = frozenset({"false", "f", "错", "错误", "×", "否"})


def truths(texts: Mapping[str, str]) -> dict[str, bool] | None:
    """Return which of two choices says right and which wrong, None where they say something else."""
    plain = {name: text.lower() for name, text in texts.items()}
    if not any(text in _TRUE for text in plain.values()) or not any(
        text in _FALSE for text in plain.values()
    ):
        return None
    return {name: text in _TRUE for name, text in plain.items()}
