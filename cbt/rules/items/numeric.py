"""计算: one number, right within a tolerance."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, ClassVar, Self

from cbt.errors import InvalidInput
from cbt.rules.items import inputs
from cbt.rules.items.content import (
    ALL,
    NOTHING,
    ItemContent,
    ItemType,
    Nested,
    PaperAnswer,
    PartialCredit,
    Rendering,
)

LONGEST = 40
SPAN = "±"
"""Before the tolerance that a corrected key brings along."""
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Numeric(ItemContent):
    """The key is a number; what lies within `tolerance` of it, ends included, is right too."""

    type: ClassVar = ItemType.NUMERIC
    fields: ClassVar = inputs.COMMON | {"answer", "decimals", "tolerance", "compute"}

    answer_key: Decimal | str
    decimals: int = 0
    tolerance: Decimal = Decimal(0)

    @classmethod
    def read(cls, data: Mapping[str, object], common: Mapping[str, Any], nested: Nested) -> Self:
        """Read `stem` with its one blank, `answer`, `decimals` and `tolerance`."""
        stem = inputs.text(data, "stem")
        decimals, tolerance = data.get("decimals", 0), inputs.number(data.get("tolerance", 0))
        if inputs.blank_count(stem) != 1:
            raise InvalidInput("item.blanks", field="stem")
        most = inputs.MOST_PLACES
        if isinstance(decimals, bool) or not isinstance(decimals, int) or not 0 <= decimals <= most:
            raise InvalidInput("item.unreadable", field="decimals")
        if tolerance is None or tolerance < 0:
            raise InvalidInput("item.unreadable", field="tolerance")
        answer_key = _key(data.get("answer"))
        return cls(**common, stem=stem, answer_key=answer_key, decimals=decimals, tolerance=tolerance)

    def read_key(self, answer: object) -> Decimal | str:
        """Read a number, or `3.5±0.2`: one with a tolerance of its own, as a correction may say it (R-54)."""
        if not (isinstance(answer, str) and SPAN in answer):
            return _key(answer)
        number, _sign, text = answer.partition(SPAN)
        tolerance = inputs.number(text)
        if tolerance is None or tolerance < 0:
            raise inputs.wrong_answer()
        return f"{_key(number)}{SPAN}{tolerance}"

    @classmethod
    def on_paper(cls, position: Mapping[str, Any]) -> PaperAnswer:
        return PaperAnswer(fields=(1,))

    @classmethod
    def from_paper(
        cls, position: Mapping[str, Any], marked: Sequence[tuple[int, ...]], written: Sequence[str]
    ) -> str:
        return written[0]

    @classmethod
    def parse_answer(cls, position: Mapping[str, Any], value: object) -> str | None:
        """Take a text of at most 40 characters, whether it is a number or not."""
        return inputs.nonblank(value, LONGEST)

    @classmethod
    def is_answered(cls, canonical: str) -> bool:
        """It is a number and no more: anything else is 待更正, and so is a % until it is taken out.

        Whether 86.7% means 86.7 or 0.867 is for the candidate to say; scored is what `read_number` makes of it.
        The answer page asks the same (cbt/items/types/numeric/answer.js).
        """
        text = json.loads(canonical)
        return read_number(text) is not None and "%" not in unicodedata.normalize("NFKC", text)

    def share_for(self, key: Any, answer: Any, credit: PartialCredit) -> Fraction:
        typed = read_number(answer)
        if typed is None:
            return NOTHING
        # As fractions: a Decimal difference is rounded to 28 digits, and 40 may be typed.
        number, _sign, tolerance = str(key).partition(SPAN)
        near = abs(Fraction(typed) - Fraction(number)) <= Fraction(tolerance or self.tolerance)
        return ALL if near else NOTHING

    def public(self, render: Rendering) -> dict[str, object]:
        return {"blanks": 1}

    def key_lines(self, verdicts: tuple[str, str]) -> list[str]:
        number, _sign, tolerance = str(self.answer_key).partition(SPAN)
        return [f"{number} ± {tolerance or self.tolerance}"]


def read_number(text: str) -> Decimal | None:
    """Return the number somebody typed, or None: full-width digits, thousands commas and one % are fine.

    Source: R-51.
    """
    plain = "".join(unicodedata.normalize("NFKC", text).split()).replace("−", "-")
    plain = plain.removesuffix("%")
    if "," in plain:
        if not _THOUSANDS.fullmatch(plain):
            return None
        plain = plain.replace(",", "")
    return inputs.number(plain) if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", plain, re.ASCII) else None


def _key(answer: object) -> Decimal:
    amount = inputs.number(answer)
    if amount is None:
        raise inputs.wrong_answer()
    return amount
