"""计算, as an author meets it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, ClassVar

from cbt.bank.formats.cells import blank_marks
from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.items.types.authoring import Authoring, SheetRow
from cbt.bank.lint.arithmetic import evaluate
from cbt.bank.lint.words import EMPTY_BLANK
from cbt.rules.items.basis.authored import number
from cbt.sheets.findings import Finding, Severity


class NumericAuthoring(Authoring):
    """One blank for the number, and a sum (`compute`) that must come to the key."""

    codes: ClassVar = ("U", "计算")
    letter: ClassVar = "N"

    def read_answer(self, row: SheetRow, data: dict[str, Any]) -> list[Finding]:
        """Read the number; a stem without a blank gets one at its end."""
        stem, count = blank_marks(data["stem"], EMPTY_BLANK)
        data["stem"] = stem if count else f"{stem}{{{{1}}}}"
        key = number_key(row.text("answer"))
        data |= key or {}
        return [] if key else [row.error("answer_number", "answer")]

    def errors(self, draft: ItemDraft, prefix: str, data: Mapping[str, Any]) -> Iterator[Finding]:
        """Yield a sum that cannot be worked out or comes to something else."""
        if "compute" not in data:
            return
        name, text = f"{prefix}compute", str(data["compute"])
        try:
            value = evaluate(text)
            computed = f"{float(value):.6g}"
        except (ValueError, ZeroDivisionError, OverflowError):
            yield draft.find(Severity.ERROR, "compute_unreadable", name, text)
            return
        answer, tolerance = number(data["answer"]), number(data.get("tolerance", 0))
        if answer is None or tolerance is None or abs(value - Fraction(answer)) > Fraction(tolerance):
            yield draft.find(
                Severity.ERROR, "compute_differs", name, text, computed=computed, answer=data["answer"]
            )


def number_key(cell: str) -> dict[str, Any] | None:
    """Return answer, decimals and tolerance (half a unit of the last place) of a numeric key, or None."""
    text = unicodedata.normalize("NFKC", cell).replace(",", "").strip().removesuffix("%")
    found = number(text)
    if found is None:
        return None
    decimals = max(0, -int(found.as_tuple().exponent))
    tolerance = Decimal(5).scaleb(-decimals - 1) if decimals else Decimal(0)
    return {"answer": f"{found:f}", "decimals": decimals, "tolerance": f"{tolerance:f}"}
