"""谜语 in QTI: a riddle interaction."""

from __future__ import annotations

from typing import Any

from cbt.interchange.qti.interactions import Asking, QtiReading


def _read(asking: Asking, block: Any, asked: list[Any]) -> dict[str, Any]:
    (word,) = asking.key(asked[0]).right()
    return {"type": "riddle", "stem": asking.stem(block, asked[0]), "answer": word}


MAPPING = QtiReading({"riddleInteraction": _read})
