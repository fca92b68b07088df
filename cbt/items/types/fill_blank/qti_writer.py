"""填空 in QTI: a text entry for each blank."""

from __future__ import annotations

from cbt.interchange.export import block
from cbt.interchange.qti.response import Fields, Made, QtiWriting, Response22, entry


def _write(data: Fields, name: str, _picture: str) -> Made:
    names = [f"{name}-{number}" for number in range(1, len(data["answer"]) + 1)]
    responses = [
        Response22(one, "single", "string", words[:1], dict.fromkeys(words, "1"))
        for one, words in zip(names, data["answer"], strict=True)
    ]
    return responses, block(str(data["stem"]), lambda number: entry(names[number - 1]))


MAPPING = QtiWriting(frozenset({"answer"}), _write)
