"""多选, as an author meets it and in a workbook."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, ClassVar

from cbt.items.types.editor import SheetMapping
from cbt.items.types.single_choice import editor
from cbt.items.types.single_choice.editor import ChoicesAuthoring
from cbt.rules.items.content import LETTERS


class MultipleChoiceAuthoring(ChoicesAuthoring):
    """Several of the choices."""

    codes: ClassVar = ("G", "多选")
    shorts: ClassVar = ("多", "MC", "DUOXUAN")
    words: ClassVar = r"多选|多项|不定项|任选|复选|checkbox|multi"
    letter: ClassVar = "M"
    usual: ClassVar = (4, 5)
    single: ClassVar = False

    def any_answer(self, item: Mapping[str, Any], rng: random.Random) -> str:
        """One letter or more."""
        letters = LETTERS[: len(item["choices"])]
        return "".join(sorted(rng.sample(letters, rng.randint(1, len(letters)))))


AUTHORING = MultipleChoiceAuthoring()


MAPPING = SheetMapping("G", "多选题", editor.CARRIED, back=editor.back)
