"""计算, as an author meets it: with the sum behind it, and its cells in a workbook."""

from __future__ import annotations

import ast
import math
import operator
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, ClassVar

from cbt.items.draft import ItemDraft
from cbt.items.exam_prose import EMPTY_BLANK, blank_marks
from cbt.items.types.editor import BLANK, Authoring, Fields, SentItem, SheetMapping, SheetRow, without_marks
from cbt.items.types.fill_blank.editor import numbered
from cbt.rules.items.inputs import number
from cbt.spreadsheets.findings import Finding, Severity

MAX_LENGTH = 300

_OPERATORS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def evaluate(text: str) -> Fraction:
    """Return the exact value of numbers joined by + - * / and parentheses, `ceil(x)` and `round(x, n)`.

    `round` goes half up, as people round. Raises ValueError for anything else, ZeroDivisionError for /0.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError("too long")
    try:
        return _value(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError("not an expression") from error


def _value(node: ast.expr) -> Fraction:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            # The repr of a float is the decimal its author wrote; the float itself is not.
            return Fraction(repr(number))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(left), _value(right))
        case ast.Call(func=ast.Name(id="ceil"), args=[inner], keywords=[]):
            return Fraction(math.ceil(_value(inner)))
        case ast.Call(func=ast.Name(id="round"), args=[inner, *places], keywords=[]) if len(places) <= 1:
            return _half_up(_value(inner), _value(places[0]) if places else Fraction(0))
    raise ValueError("not plain arithmetic")


def _half_up(value: Fraction, places: Fraction) -> Fraction:
    if places.denominator != 1 or not 0 <= places <= 12:
        raise ValueError("decimal places")
    scale = 10 ** int(places)
    return Fraction(math.floor(abs(value) * scale + Fraction(1, 2)), scale) * (-1 if value < 0 else 1)


class NumericAuthoring(Authoring):
    """One blank for the number, and a sum (`compute`) that must come to the key."""

    codes: ClassVar = ("U", "计算")
    words: ClassVar = r"计算"
    letter: ClassVar = "N"
    blanks_in_stem: ClassVar = True

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

    def blank(self) -> dict[str, Any]:
        return {"answer": "", "decimals": 0, "tolerance": "0", "compute": ""}

    def from_form(self, sent: SentItem) -> dict[str, Any]:
        return {
            "answer": sent.text("answer"),
            "decimals": sent.number("decimals"),
            "tolerance": sent.text("tolerance"),
            "compute": sent.text("compute"),
        }

    def stand_in(self, data: Mapping[str, Any]) -> dict[str, Any]:
        head, mark, tail = numbered(str(data.get("stem", "")))[0].partition("{{1}}")
        stem = f"{head}{mark}{re.sub(r'[{]{2}[0-9]+[}]{2}', '____', tail)}"
        return {"stem": stem, "answer": "0", "decimals": 0, "tolerance": "0"}


def number_key(cell: str) -> dict[str, Any] | None:
    """Return answer, decimals and tolerance (half a unit of the last place) of a numeric key, or None."""
    text = unicodedata.normalize("NFKC", cell).replace(",", "").strip().removesuffix("%")
    amount = number(text)
    if amount is None:
        return None
    decimals = max(0, -int(amount.as_tuple().exponent))
    tolerance = Decimal(5).scaleb(-decimals - 1) if decimals else Decimal(0)
    return {"answer": f"{amount:f}", "decimals": decimals, "tolerance": f"{tolerance:f}"}


AUTHORING = NumericAuthoring()


def _stem(data: Fields) -> str:
    return without_marks(data, 1)


def _back(data: Fields, stem: str, answer: str) -> Fields | None:
    if stem.count(BLANK) != 1 or number(data["answer"]) is None:
        return None
    return number_key(answer) or {"answer": ""}


MAPPING = SheetMapping("U", "计算题", frozenset({"answer", "tolerance", "decimals"}), stem=_stem, back=_back)
