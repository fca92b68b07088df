"""排序 in QTI."""

from __future__ import annotations

from typing import Any

from cbt.interchange import raw_items
from cbt.interchange.qti.interactions import Asking, QtiReading
from cbt.interchange.raw_items import LeftOut


def _read(asking: Asking, block: Any, nodes: list[Any]) -> dict[str, Any]:
    node = nodes[0]
    key, texts = asking.key(node), asking.texts(node, "simpleChoice")
    if not key.correct:
        raise LeftOut("open_no_key", asking.title)
    if sorted(key.correct) != sorted(texts):
        raise LeftOut("open_key_unknown", ", ".join(key.correct))
    return raw_items.ordering(asking.stem(block, node), [texts[name] for name in key.correct])


MAPPING = QtiReading({"orderInteraction": _read})
