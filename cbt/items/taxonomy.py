"""鉴定要素细目表: ranges with their 鉴定比重 and the knowledge points below them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

IMPORTANCES = ("X", "Y", "Z")


@dataclass(frozen=True, slots=True)
class Range:
    """A 鉴定范围 with its 鉴定比重 in percent."""

    code: str
    name: str
    weight: int


@dataclass(frozen=True, slots=True)
class Point:
    """A 鉴定点 with its importance X (核心), Y (一般) or Z (辅助)."""

    code: str
    name: str
    importance: str


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """The whole table of one bank. Codes of both are unique; a code's parent is the code without its tail."""

    name: str
    note: str
    ranges: tuple[Range, ...]
    points: tuple[Point, ...]

    @property
    def weights(self) -> dict[str, int]:
        """Return the weight of every lowest range, the ones that hold points."""
        return leaf_weights({found.code: found.weight for found in self.ranges})

    @property
    def importances(self) -> dict[str, str]:
        return {point.code: point.importance for point in self.points}


def parent_of(code: str, codes: Iterable[str]) -> str:
    """Return the nearest range above `code` (`A-B-A-001` → `A-B-A`, `0111` → `01`), or `""`."""
    parents = [
        other
        for other in codes
        if other != code and code.startswith(other) and (code[len(other)] == "-" or other.isdigit())
    ]
    return max(parents, key=len, default="")


def leaf_weights(weights: dict[str, int]) -> dict[str, int]:
    parents = {parent_of(code, weights) for code in weights}
    return {code: weight for code, weight in weights.items() if code not in parents}


def weight_sums(weights: Mapping[str, int]) -> list[tuple[str, int, int]]:
    """Return (code, its weight, the sum below it) where the two differ; code "" stands for 100 per cent."""
    sums: dict[str, int] = {}
    for code, weight in weights.items():
        parent = parent_of(code, weights)
        sums[parent] = sums.get(parent, 0) + weight
    wanted = {code: weights.get(code, 100) for code in sums}
    return [(code, wanted[code], total) for code, total in sums.items() if total != wanted[code]]
