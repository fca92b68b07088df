"""The types of an item there are: one line each."""

from __future__ import annotations

from collections.abc import Mapping

from cbt.rules.items.basis.content import ItemContent
from cbt.rules.items.case import Case
from cbt.rules.items.fill_blank import FillBlank
from cbt.rules.items.hotspot import Hotspot
from cbt.rules.items.matching import Matching
from cbt.rules.items.multiple_choice import MultipleChoice
from cbt.rules.items.numeric import Numeric
from cbt.rules.items.ordering import Ordering
from cbt.rules.items.short_answer import ShortAnswer
from cbt.rules.items.single_choice import SingleChoice
from cbt.rules.items.true_false import TrueFalse
from cbt.rules.items.values import ItemType, PartialCredit

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
