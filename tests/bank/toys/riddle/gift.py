"""谜语 in GIFT: `{?word}`."""

from __future__ import annotations

from typing import Any

from cbt.interchange.gift_answer import Braces, GiftMapping, escaped, shown


def _read(braces: Braces) -> dict[str, Any]:
    return {"type": "riddle", "stem": braces.stem(" "), "answer": shown(braces.plain[1:])}


MAPPING = GiftMapping(
    frozenset({"answer"}),
    lambda braces: braces.plain.startswith("?"),
    _read,
    lambda data, _texts: f"?{escaped(data['answer'])}",
)
