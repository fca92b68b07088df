"""Entries in QTI: a 填空, or a 计算 where one number is asked for; and gaps for words."""

from __future__ import annotations

from typing import Any

from cbt.interchange import raw_items, text
from cbt.interchange.qti import interactions
from cbt.interchange.qti.interactions import Asking, Declaration, QtiReading, tolerance_of
from cbt.interchange.raw_items import LeftOut

_NUMBERS = frozenset({"float", "integer"})


def _entries(asking: Asking, block: Any, nodes: list[Any]) -> dict[str, Any]:
    """Return a 计算 for one number, else a 填空 for as many texts as there are."""
    marks = {id(node): f"{{{{{number}}}}}" for number, node in enumerate(nodes, 1)}
    stem = interactions.written(asking.found, [block], lambda one: marks.get(id(one)))
    keys = [asking.key(node) for node in nodes]
    if len(nodes) == 1 and keys[0].base in _NUMBERS:
        return _number(asking, stem, keys[0])
    for key in keys:
        if key.exact:
            asking.found.hint("open_case", asking.title)
    return raw_items.fill(stem, [[text for text in key.spellings() if text] for key in keys])


def _number(asking: Asking, stem: str, key: Declaration) -> dict[str, Any]:
    right = key.right()
    if len(right) != 1:
        raise LeftOut("open_numbers" if right else "open_no_key", asking.title)
    answer = raw_items.number(right[0])
    tolerance = tolerance_of(asking.root, key.name, answer) if answer is not None else None
    if answer is None or tolerance is None:
        raise LeftOut("open_number", right[0])
    return raw_items.numeric(stem, answer, tolerance)


def _gaps(asking: Asking, block: Any, nodes: list[Any]) -> dict[str, Any]:
    """Return a 填空 whose blanks are filled with words of the item."""
    node = nodes[0]
    if next(text.descendants(node, "gapImg"), None) is not None:
        raise LeftOut("open_type", "gapImg", name=asking.title)
    texts = asking.texts(node, "gapText")
    gaps = [one.get("identifier") or "" for one in text.descendants(node, "gap")]
    chosen: dict[str, str] = {}
    for pair in asking.key(node).right():
        word, _space, gap = pair.partition(" ")
        chosen[gap.strip()] = word
    if not set(gaps) <= chosen.keys() or not set(chosen.values()) <= texts.keys():
        raise LeftOut("open_no_key", asking.title)

    def special(element: Any) -> str | None:
        name = text.local(element)
        if name == "gap":
            return f"{{{{{gaps.index(element.get('identifier') or '') + 1}}}}}"
        return "" if name == "gapText" else None

    stem = interactions.written(asking.found, [block], special)
    return raw_items.fill(stem, [[texts[chosen[gap]]] for gap in gaps], list(dict.fromkeys(texts.values())))


MAPPING = QtiReading({"textEntryInteraction": _entries, "gapMatchInteraction": _gaps})
