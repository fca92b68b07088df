"""多选: several of some choices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from cbt.rules.items.choices import Choices
from cbt.rules.items.content import ItemType, PartialCredit


@dataclass(frozen=True, slots=True, kw_only=True)
class MultipleChoice(Choices):
    """The key holds the places of the right choices, ascending."""

    type: ClassVar = ItemType.MULTIPLE_CHOICE
    single: ClassVar = False
    credits: ClassVar = frozenset({PartialCredit.ALL_OR_NOTHING, PartialCredit.SUBSET})
