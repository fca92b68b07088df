"""What assembly knows of an item, and how many items of each range a paper takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, TypeVar

from cbt.rules.exam.paper import Section
from cbt.rules.items.basis.content import ItemContent
from cbt.rules.items.case import Case
from cbt.rules.items.true_false import RIGHT, TrueFalse
from cbt.rules.items.values import ItemType

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Drawable:
    """One published item version that may be drawn.

    `range` is the code of the third-level range, `importance` X, Y or Z (核心, 一般, 辅助). `shape` says how
    much there is to arrange, as the item's type counts it. `parts` gives the `type`, the shape and the `points`
    of each part of a case. `truth` is what the key of a 判断 says.
    """

    ref: str
    version: int
    sha: str
    type: ItemType
    point: str
    range: str
    importance: str
    difficulty: int
    enemies: frozenset[str] = frozenset()
    shape: Mapping[str, Any] = field(default_factory=dict)
    truth: bool | None = None
    unit: int | None = None
    parts: tuple[Mapping[str, Any], ...] = ()


APART = "\n"


def apart(item: Drawable) -> Drawable:
    """Return an item as one of a point of its own, for a paper that may ask a point more than once."""
    return item if APART in item.point else replace(item, point=f"{item.point}{APART}{item.ref}")


def point_of(place: str) -> str:
    """Return the knowledge point of a place: of itself, or of what was set apart from it."""
    return place.partition(APART)[0]


@dataclass(frozen=True, slots=True)
class RangePlan:
    """How many items of each type a form takes from one range."""

    range: str
    counts: Mapping[ItemType, int]

    @property
    def total(self) -> int:
        """How many items, and so how many knowledge points, the range gives."""
        return sum(self.counts.values())


def drawable_of(
    content: ItemContent, *, ref: str, version: int, sha: str, range_code: str, importance: str
) -> Drawable:
    """Return what assembly needs of an item version: no text, no key but whether a 判断 is right."""
    case = content if isinstance(content, Case) else None
    return Drawable(
        ref=ref,
        version=version,
        sha=sha,
        type=content.type,
        point=content.point,
        range=range_code,
        importance=importance,
        difficulty=content.difficulty,
        enemies=frozenset(content.enemies),
        shape=content.shape(),
        truth=content.answer_key == RIGHT if isinstance(content, TrueFalse) else None,
        unit=case.unit if case else None,
        parts=tuple(
            {"type": part.content.type, **part.content.shape(), "points": part.points} for part in case.parts
        )
        if case
        else (),
    )


def plan_ranges(weights: Mapping[str, int], sections: Sequence[Section]) -> list[RangePlan]:
    """Return how many items each range gives to each section, by 鉴定比重.

    Sums are exact for each section: what whole numbers leave over goes to the largest remainders, ties in
    the order of the codes, so that every form of a paper has the same plan. 5 % of 40 + 60 is 2 + 3.

    Source: R-8.
    """
    shared = {section.type: apportion(section.count, weights) for section in sections}
    return [
        RangePlan(code, {kind: counts[code] for kind, counts in shared.items()}) for code in sorted(weights)
    ]


def apportion(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Share a whole number out by weights, largest remainders first; the parts sum to it exactly."""
    whole = sum(weights.values())
    exact = {code: Fraction(total * weights[code], whole) for code in sorted(weights)}
    parts = {code: int(share) for code, share in exact.items()}
    by_remainder = sorted(exact, key=lambda code: (parts[code] - exact[code], code))
    for code in by_remainder[: total - sum(parts.values())]:
        parts[code] += 1
    return parts


def true_bounds(count: int) -> tuple[int, int]:
    """Return the fewest and most true statements among `count`: 40 to 60 %.

    Where no whole number lies in between (1 or 3 items), the neighbouring ones are allowed.

    Source: R-8.
    """
    low, high = -(-2 * count // 5), 3 * count // 5
    return (low, high) if low <= high else (high, low)
