"""The sum behind a numeric item, worked out without running anything."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from fractions import Fraction

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
