"""匹配 in QTI."""

from __future__ import annotations

from typing import Any

from cbt.interchange import raw_items, text
from cbt.interchange.qti.interactions import Asking, QtiReading
from cbt.interchange.raw_items import LeftOut


def _read(asking: Asking, block: Any, nodes: list[Any]) -> dict[str, Any]:
    """Return a 匹配; either set may be the one whose every member has just one partner."""
    node = nodes[0]
    sets = [asking.texts(one, "simpleAssociableChoice") for one in text.children(node, "simpleMatchSet")]
    pairs = [tuple(pair.split()) for pair in asking.key(node).right()]
    if len(sets) != 2 or any(len(pair) != 2 for pair in pairs):
        raise LeftOut("open_no_key", asking.title)
    for place in (0, 1):
        lefts, rights = sets[place], sets[1 - place]
        chosen = {pair[place]: pair[1 - place] for pair in pairs}
        if len(chosen) == len(pairs) == len(lefts) and chosen.keys() == lefts.keys():
            if not set(chosen.values()) <= rights.keys():
                break
            answers = [(text, rights[chosen[name]]) for name, text in lefts.items()]
            return raw_items.matching(asking.stem(block, node), answers, rights.values())
    raise LeftOut("open_type", "matchInteraction n:m", name=asking.title)


MAPPING = QtiReading({"matchInteraction": _read})
