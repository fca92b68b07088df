"""单选: one of some choices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from cbt.rules.items.choices import Choices
from cbt.rules.items.content import ItemType


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleChoice(Choices):
    """The key holds the place of the one right choice."""

    type: ClassVar = ItemType.SINGLE_CHOICE
    single: ClassVar = True
