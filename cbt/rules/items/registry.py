"""The registry of item types, one line each, and how an item's content is read by its type.

The bank stores an item's content as a mapping in the author's words (letters, texts in authored order).
Everything that scores or shows it works with an `ItemContent`, where keys are 0-based places in that order.
"""

from __future__ import annotations

from collections.abc import Mapping

from cbt.errors import InvalidInput
from cbt.rules.items import inputs
from cbt.rules.items.case import Case
from cbt.rules.items.content import ItemContent, ItemType, PartialCredit
from cbt.rules.items.fill_blank import FillBlank
from cbt.rules.items.hotspot import Hotspot
from cbt.rules.items.matching import Matching
from cbt.rules.items.multiple_choice import MultipleChoice
from cbt.rules.items.numeric import Numeric
from cbt.rules.items.ordering import Ordering
from cbt.rules.items.short_answer import ShortAnswer
from cbt.rules.items.single_choice import SingleChoice
from cbt.rules.items.true_false import TrueFalse

TYPES: Mapping[str, type[ItemContent]] = {
    ItemType.TRUE_FALSE: TrueFalse,
    ItemType.SINGLE_CHOICE: SingleChoice,
    ItemType.MULTIPLE_CHOICE: MultipleChoice,
    ItemType.FILL_BLANK: FillBlank,
    ItemType.NUMERIC: Numeric,
    ItemType.MATCHING: Matching,
    ItemType.ORDERING: Ordering,
    ItemType.CASE: Case,
    ItemType.SHORT_ANSWER: ShortAnswer,
    ItemType.HOTSPOT: Hotspot,
}


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
