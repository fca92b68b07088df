"""单选, as an author meets it."""

from __future__ import annotations

from typing import ClassVar

from cbt.bank.items.types.choices import ChoicesAuthoring


class SingleChoiceAuthoring(ChoicesAuthoring):
    """One of the choices."""

    codes: ClassVar = ("B", "单选")
    letter: ClassVar = "S"
    usual: ClassVar = (4,)
    single: ClassVar = True
