"""多选, as an author meets it."""

from __future__ import annotations

from typing import ClassVar

from cbt.items.types.choices.authoring import ChoicesAuthoring


class MultipleChoiceAuthoring(ChoicesAuthoring):
    """Several of the choices."""

    codes: ClassVar = ("G", "多选")
    shorts: ClassVar = ("多", "MC", "DUOXUAN")
    words: ClassVar = r"多选|多项|不定项|任选|复选|checkbox|multi"
    letter: ClassVar = "M"
    usual: ClassVar = (4, 5)
    single: ClassVar = False


AUTHORING = MultipleChoiceAuthoring()
