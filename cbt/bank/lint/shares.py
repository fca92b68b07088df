"""How a share of a bank is told when it lies outside its bounds."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from cbt.sheets.findings import Finding, Place, Severity


def outside(
    share: Fraction, bounds: tuple[Fraction, Fraction], code: str, where: Place, **params: object
) -> Iterator[Finding]:
    """Yield a hint about a share outside `bounds`, both of which are still fine."""
    if not bounds[0] <= share <= bounds[1]:
        shown = {"percent": percent(share), "low": percent(bounds[0]), "high": percent(bounds[1])}
        yield Finding(Severity.HINT, code, where, params=shown | params)


def percent(share: Fraction) -> str:
    """Return a share in per cent, as a sentence says it."""
    return f"{float(share * 100):.3g}"
