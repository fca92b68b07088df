"""The steady ratios of a run beside the committed ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.measured.registry import TARGETS

ALLOWED_UNDER = 0.15
"""How far a ratio may lie under the committed one."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A figure's ratio as committed and as measured now."""

    name: str
    committed: float
    measured: float

    @property
    def ok(self) -> bool:
        """Return whether the measured ratio is at most 15 % under the committed one."""
        return self.measured >= self.committed * (1 - ALLOWED_UNDER)


def compared(committed: Mapping[str, Any], measured: Mapping[str, Any]) -> list[Compared]:
    """Compare the steady ratios of two results; a figure that only one of them has is left out."""
    old, new = committed["figures"], measured["figures"]
    return [
        Compared(target.name, old[target.name]["ratio"], new[target.name]["ratio"])
        for target in TARGETS
        if target.checked and target.name in old and target.name in new
    ]
