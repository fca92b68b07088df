"""Reading an item's content as its author writes it.

The bank stores an item's content as a mapping in the author's words (letters, texts in authored order).
Everything that scores or shows it works with an `ItemContent`, where keys are 0-based places in that order.
"""

from __future__ import annotations

from collections.abc import Mapping

from cbt.errors import InvalidInput
from cbt.rules.items.basis import authored
from cbt.rules.items.basis.content import ItemContent
from cbt.rules.items.registry import TYPES


def parse_content(data: Mapping[str, object]) -> ItemContent:
    """Read an item's content as an author writes it; return it with keys as places in authored order.

    Raises InvalidInput `item.<fault>` with the field at fault, in a part as `parts.2.answer` (counted from 1).

    Source: R-51.
    """
    name = authored.text(data, "type")
    kind = TYPES.get(name)
    if kind is None:
        raise InvalidInput("item.type_unknown", field="type", value=name)
    return kind.read(data, authored.common(data), parse_content)
