"""简答 in QTI: what markers are told is its model answer."""

from __future__ import annotations

from typing import Any

from cbt.interchange import raw_items
from cbt.interchange.qti import interactions
from cbt.interchange.qti.interactions import Asking, QtiReading

_LIMITS = range(10, 5001)


def _read(asking: Asking, block: Any, nodes: list[Any]) -> dict[str, Any]:
    node = nodes[0]
    reference = interactions.for_markers(asking.found, block)
    key = asking.keys.get(node.get("responseIdentifier") or "")
    answer = reference or "\n".join(key.correct if key is not None else [])
    wanted = node.get("expectedLength") or ""
    limit = int(wanted) if wanted.isascii() and wanted.isdigit() and int(wanted[:6]) in _LIMITS else 0
    return raw_items.short_answer(asking.stem(block, node), answer, limit if len(answer) <= limit else 0)


MAPPING = QtiReading({"extendedTextInteraction": _read})
