"""The registry of item types, a module each, and how an item's content is read by its type.

The bank stores an item's content as a mapping in the author's words (letters, texts in authored order).
Everything that scores or shows it works with an `ItemContent`, where keys are 0-based places in that order.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from cbt.errors import InvalidInput
from cbt.rules.items import inputs
from cbt.rules.items.content import ItemContent, ItemType, PartialCredit


def _class_of(kind: ItemType) -> type[ItemContent]:
    """Return the class of a type's rules, which are the module of its name."""
    values = vars(import_module(f"{__package__}.{kind}")).values()
    return next(one for one in values if isinstance(one, type) and vars(one).get("type") is kind)


# All are loaded at once: a child can open no file once it has a text to examine.
TYPES: Mapping[str, type[ItemContent]] = {kind: _class_of(kind) for kind in ItemType}


def credit_suits(kind: ItemType, credit: PartialCredit) -> bool:
    """Return whether a partial-credit rule means anything for a type. Source: R-52."""
    return credit in TYPES[kind].credits


def parse_content(data: Mapping[str, object]) -> ItemContent:
    """Read an item's content as an author writes it; return it with keys as places in authored order.

    Raises InvalidInput `item.<fault>` with the field at fault, in a part as `parts.2.answer` (counted from 1).

    Source: R-51.
    """
    name = inputs.text(data, "type")
    kind = TYPES.get(name)
    if kind is None:
        raise InvalidInput("item.type_unknown", field="type", value=name)
    return kind.read(data, inputs.common(data), parse_content)
