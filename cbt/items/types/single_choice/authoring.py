"""单选, as an author meets it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

from cbt.items.exam_prose import is_negative
from cbt.items.types.authoring import outside
from cbt.items.types.choices.authoring import ChoicesAuthoring
from cbt.rules.items.content import LETTERS
from cbt.spreadsheets.findings import Finding, Place

LETTER_SHARE = (Fraction(20, 100), Fraction(30, 100))
TELLTALE_SHARE = (Fraction(0), Fraction(35, 100))
NEGATIVE_SHARE = (Fraction(0), Fraction(10, 100))


class SingleChoiceAuthoring(ChoicesAuthoring):
    """One of the choices, and in a whole bank nothing that tells which."""

    codes: ClassVar = ("B", "单选")
    shorts: ClassVar = ("单", "SC", "DANXUAN")
    words: ClassVar = r"单选|单项|单一选择|一选|radio|single"
    letter: ClassVar = "S"
    usual: ClassVar = (4,)
    single: ClassVar = True

    def shares(self, items: Sequence[Mapping[str, Any]], where: Place) -> Iterator[Finding]:
        """Yield letters that are right too often, keys that stand out by their length, too many negations."""
        letters = Counter(data["answer"] for data in items)
        for letter in LETTERS[:4]:
            share = Fraction(letters[letter], len(items))
            yield from outside(share, LETTER_SHARE, "letter_share", where, letter=letter)
        for code, sign in (("key_longest", 1), ("key_shortest", -1)):
            telling = Fraction(sum(_stands_out(data, sign) for data in items), len(items))
            yield from outside(telling, TELLTALE_SHARE, code, where)
        negative = Fraction(sum(is_negative(data["stem"]) for data in items), len(items))
        yield from outside(negative, NEGATIVE_SHARE, "negative_share", where)

    def asked(self, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return the stem with the right choice."""
        return [(str(data["stem"]), self.says(data)[0])]

    def any_answer(self, item: Mapping[str, Any], rng: random.Random) -> str:
        """One letter."""
        return LETTERS[rng.randrange(len(item["choices"]))]


def _stands_out(data: Mapping[str, Any], sign: int) -> bool:
    """Return whether the key is strictly the longest (1) or the shortest (-1) choice."""
    lengths = [sign * len(text) for text in data["choices"]]
    key = lengths.pop(LETTERS.index(data["answer"]))
    return key > max(lengths)


AUTHORING = SingleChoiceAuthoring()
