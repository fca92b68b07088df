"""Something in a centre's file that does not hold, and the checks that many keys share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

Path = tuple[str | int, ...]
ZERO = timedelta(0)


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that does not hold: where (keys and 0-based places), what, and the numbers."""

    path: Path
    code: str
    params: Mapping[str, object] = field(default_factory=dict)


def known(value: str, allowed: tuple[str, ...], path: Path) -> Iterator[Flaw]:
    """Hold a value to those there are."""
    if value not in allowed:
        yield Flaw(path, "blueprint.value_unknown", {"value": value, "allowed": ", ".join(allowed)})


def positive(value: timedelta | Decimal | int, path: Path) -> Iterator[Flaw]:
    """Hold a value to be more than nothing."""
    if value <= (ZERO if isinstance(value, timedelta) else 0):  # type: ignore[operator]  # zero is of the value's own type
        yield not_positive(path, value)


def not_negative(value: timedelta | int, path: Path) -> Iterator[Flaw]:
    """Hold a value to be nothing or more."""
    if isinstance(value, timedelta):
        if value < ZERO:
            yield Flaw(path, "blueprint.negative", {"value": minutes(value)})
    elif value < 0:
        yield Flaw(path, "blueprint.negative", {"value": value})


def not_positive(path: Path, value: timedelta | Decimal | int) -> Flaw:
    """Return the finding that a value is nothing or less."""
    shown = minutes(value) if isinstance(value, timedelta) else value
    return Flaw(path, "blueprint.not_positive", {"value": shown})


def minutes(span: timedelta) -> str:
    """Return a span as people write minutes."""
    return f"{span / timedelta(minutes=1):g}"
