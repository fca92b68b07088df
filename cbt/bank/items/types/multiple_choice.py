"""多选, as an author meets it."""

from __future__ import annotations

from typing import ClassVar

from cbt.bank.items.types.choices import ChoicesAuthoring


class MultipleChoiceAuthoring(ChoicesAuthoring):
    """Several of the choices."""

    codes: ClassVar = ("G", "多选")
    letter: ClassVar = "M"
    usual: ClassVar = (4, 5)
    single: ClassVar = False
