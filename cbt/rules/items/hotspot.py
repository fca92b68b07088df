"""Hotspot items: a picture on which a candidate marks points, and the regions these lie in.

Regions are in whole pixels from the upper left corner of the picture.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any, ClassVar, Self

from cbt.errors import InvalidInput
from cbt.rules.canonical import canonical_json
from cbt.rules.items import inputs
from cbt.rules.items.content import ALL, NOTHING, ItemContent, ItemType, Nested, PartialCredit, Rendering

MOST_CORNERS = 40
ROUND = 32
"""So many corners stand for a circle where two outlines are held against each other."""

Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a picture, its border included: a polygon's corners, or a circle's centre and radius."""

    corners: tuple[Point, ...]
    radius: int = 0

    def holds(self, point: Point) -> bool:
        """Return whether a point lies in it."""
        if self.radius:
            return math.dist(self.corners[0], point) <= self.radius
        inside = False
        for a, b in _edges(self.corners):
            if _turn(a, b, point) == 0 and _between(a, b, point):
                return True
            if (a[1] > point[1]) != (b[1] > point[1]):
                inside ^= (_turn(a, b, point) > 0) == (b[1] > a[1])
        return inside

    def outline(self) -> tuple[Point, ...]:
        """Return the corners, of a circle some points around it."""
        if not self.radius:
            return self.corners
        (x, y), turns = self.corners[0], [2 * math.pi * step / ROUND for step in range(ROUND)]
        return tuple(
            (round(x + self.radius * math.cos(turn)), round(y + self.radius * math.sin(turn)))
            for turn in turns
        )

    def meets(self, other: Region) -> bool:
        """Return whether two regions overlap or touch: a point there would be in both."""
        mine, its = self.outline(), other.outline()
        if self.holds(its[0]) or other.holds(mine[0]):
            return True
        return any(_cross(one, two) for one in _edges(mine) for two in _edges(its))


def read_region(value: object, within: Point, field: str) -> Region:
    """Read {rect = [x, y, width, height]}, {circle = [x, y, radius]} or {polygon = [[x, y], …]}.

    Raises InvalidInput `item.region` for one that encloses nothing, meets itself or leaves the picture.
    """
    wrong = InvalidInput("item.region", field=field)
    if not isinstance(value, Mapping) or len(value) != 1:
        raise wrong
    if (rect := numbers(value.get("rect"), 4)) is not None:
        x, y, width, height = rect
        region = Region(((x, y), (x + width, y), (x + width, y + height), (x, y + height)))
        sound = width > 0 and height > 0
    elif (circle := numbers(value.get("circle"), 3)) is not None:
        x, y, radius = circle
        region, sound = Region(((x, y),), radius), radius > 0
    else:
        outline = value.get("polygon")
        points = [numbers(one, 2) for one in outline] if isinstance(outline, list) else []
        corners = tuple((point[0], point[1]) for point in points if point is not None)
        region, sound = Region(corners), len(corners) == len(points) and _is_simple(corners)
    if not sound or not all(inside(point, within) for point in region.outline()):
        raise wrong
    return region


def numbers(value: object, count: int | None = None) -> list[int] | None:
    """Return a list of (so many) whole numbers, or None when it is none."""
    if not isinstance(value, list) or (count is not None and len(value) != count):
        return None
    return value if all(isinstance(one, int) and not isinstance(one, bool) for one in value) else None


def inside(point: Sequence[int], within: Point) -> bool:
    """Return whether a point lies in a picture of this size, its edges included."""
    return 0 <= point[0] <= within[0] and 0 <= point[1] <= within[1]


def _is_simple(corners: tuple[Point, ...]) -> bool:
    """Return whether an outline of at least three different corners encloses an area and never meets itself."""
    count = len(corners)
    if not 3 <= count <= MOST_CORNERS or len(set(corners)) != count:
        return False
    edges = _edges(corners)
    apart = (pair for pair in combinations(range(count), 2) if 1 < pair[1] - pair[0] < count - 1)
    folded = any(
        _turn(a, b, c) == 0 and not _between(a, c, b) for (a, b), (_, c) in pairwise([*edges, edges[0]])
    )
    return not folded and not any(_cross(edges[one], edges[two]) for one, two in apart)


def _edges(corners: Sequence[Point]) -> list[tuple[Point, Point]]:
    return list(zip(corners, [*corners[1:], corners[0]], strict=True))


def _turn(a: Point, b: Point, c: Point) -> int:
    """Return on which side of a line through two points a third lies; 0 on it."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _between(a: Point, b: Point, c: Point) -> bool:
    return min(a[0], b[0]) <= c[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= c[1] <= max(a[1], b[1])


def _cross(first: tuple[Point, Point], two: tuple[Point, Point]) -> bool:
    (a, b), (c, d) = first, two
    sides = _turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b)
    if (sides[0] > 0) != (sides[1] > 0) and (sides[2] > 0) != (sides[3] > 0) and 0 not in sides:
        return True
    ends = zip(sides, ((a, b, c), (a, b, d), (c, d, a), (c, d, b)), strict=True)
    return any(side == 0 and _between(*points) for side, points in ends)


PICTURE = "data:image/jpeg;base64,"
"""How a picture begins that stands in the item itself."""
KEPT = re.compile(r"media:[0-9a-f]{32}")
"""One that is kept under a name made of its content: either way a version always shows the same one."""
LONGEST_SIDE = 12_000
MOST_REGIONS, MOST_MARKS = 12, 12
SPOTS = range(3, 27)


@dataclass(frozen=True, slots=True)
class Spot:
    """A numbered point that every candidate is offered, right or wrong, and what is seen there."""

    at: Point
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hotspot(ItemContent):
    """The key holds the places of the right regions, ascending. Every length is in pixels of `size`.

    A candidate marks at most `marks` points. The spots are what a keyboard and a screen reader choose from, the
    same for everybody and in the order they are read in, so that they tell nothing of the key.
    """

    type: ClassVar = ItemType.HOTSPOT
    fields: ClassVar = inputs.COMMON | {"answer", "picture", "size", "alt", "regions", "spots", "marks"}
    credits: ClassVar = frozenset({PartialCredit.ALL_OR_NOTHING, PartialCredit.SUBSET})
    sent: ClassVar = ("picture", "size", "alt", "spots", "marks")

    answer_key: tuple[int, ...]
    picture: str
    size: Point
    alt: str
    regions: tuple[Region, ...]
    spots: tuple[Spot, ...]
    marks: int = 1

    @classmethod
    def read(cls, data: Mapping[str, object], common: Mapping[str, Any], nested: Nested) -> Self:
        """Read `picture`, its `size` and `alt`, `regions` with the numbers of the right ones as `answer`,
        `spots` and `marks`.
        """
        picture, size = inputs.text(data, "picture"), numbers(data.get("size"), 2)
        if not (picture.startswith(PICTURE) or KEPT.fullmatch(picture)):
            raise InvalidInput("item.picture", field="picture")
        if size is None or not all(1 <= side <= LONGEST_SIDE for side in size):
            raise InvalidInput("item.size", field="size", most=LONGEST_SIDE)
        within = (size[0], size[1])
        regions, spots = _regions(data.get("regions"), within), _spots(data.get("spots"), within)
        if not all(any(region.holds(spot.at) for spot in spots) for region in regions):
            raise InvalidInput("item.spots", field="spots")
        answer_key, marks = _key(data.get("answer"), len(regions)), data.get("marks", 1)
        if (
            isinstance(marks, bool)
            or not isinstance(marks, int)
            or not len(answer_key) <= marks <= MOST_MARKS
        ):
            raise InvalidInput("item.marks", field="marks", most=MOST_MARKS)
        return cls(
            **common,
            stem=inputs.text(data, "stem"),
            answer_key=answer_key,
            picture=picture,
            size=within,
            alt=inputs.text(data, "alt"),
            regions=regions,
            spots=spots,
            marks=marks,
        )

    def read_key(self, answer: object) -> tuple[int, ...]:
        places = _key(answer, len(self.regions))
        if len(places) > self.marks:
            raise inputs.wrong_answer()
        return places

    def shape(self) -> dict[str, int]:
        return {"marks": self.marks, "width": self.size[0], "height": self.size[1]}

    @classmethod
    def arrange(cls, shape: Mapping[str, Any], rng: random.Random, *, shuffle: bool) -> dict[str, Any]:
        return {"order": [], "limits": {name: shape[name] for name in ("marks", "width", "height")}}

    @classmethod
    def parse_answer(cls, position: Mapping[str, Any], value: object) -> str:
        """Take different points of the picture, each [x, y] from 0, in any order."""
        limits = position["limits"]
        if not isinstance(value, list) or len(value) > limits["marks"]:
            raise inputs.refused()
        points = [numbers(one, 2) for one in value]
        within = (limits["width"], limits["height"])
        marked = sorted(tuple(point) for point in points if point is not None and inside(point, within))
        if len(set(marked)) != len(value):
            raise inputs.refused()
        return canonical_json(marked)

    def share_for(self, key: Any, answer: Any, credit: PartialCredit) -> Fraction:
        """All for a point in each right region and none elsewhere; by `subset` each region its part."""
        hit = {self._region_at((x, y)) for x, y in answer}
        if not hit <= set(key):
            return NOTHING
        if credit is PartialCredit.SUBSET:
            return Fraction(len(hit), len(key))
        return ALL if hit == set(key) else NOTHING

    def _region_at(self, point: Point) -> int | None:
        return next((place for place, one in enumerate(self.regions) if one.holds(point)), None)

    def public(self, render: Rendering) -> dict[str, object]:
        """The picture, and the spots as they are read: from the top, line by line."""
        spots = sorted(self.spots, key=lambda spot: (spot.at[1], spot.at[0]))
        return {
            "picture": render.picture(self.picture),
            "size": list(self.size),
            "alt": self.alt,
            "spots": [[*spot.at, render.line(spot.name)] for spot in spots],
            "marks": self.marks,
        }

    def displayed_key(self, position: Mapping[str, Any]) -> list[list[int]]:
        right = [self.regions[place] for place in self.answer_key]
        return sorted(list(next(spot.at for spot in self.spots if one.holds(spot.at))) for one in right)

    def key_lines(self, verdicts: tuple[str, str]) -> list[str]:
        right = [self.regions[place] for place in self.answer_key]
        return [" / ".join(spot.name for spot in self.spots if region.holds(spot.at)) for region in right]


def _key(answer: object, regions: int) -> tuple[int, ...]:
    places = numbers(answer)
    if not places or len(set(places)) != len(places) or not all(1 <= one <= regions for one in places):
        raise inputs.wrong_answer()
    return tuple(sorted(number - 1 for number in places))


def _regions(value: object, within: Point) -> tuple[Region, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_REGIONS:
        raise InvalidInput("item.regions", field="regions")
    regions = tuple(read_region(one, within, f"regions.{number}") for number, one in enumerate(value, 1))
    if any(one.meets(two) for one, two in combinations(regions, 2)):
        raise InvalidInput("item.regions_meet", field="regions")
    return regions


def _spots(value: object, within: Point) -> tuple[Spot, ...]:
    """Read {at = [x, y], name = "…"}, no two at one place or under one name."""
    rows = value if isinstance(value, list) else []
    spots = []
    for row in rows:
        at = numbers(row.get("at"), 2) if isinstance(row, Mapping) else None
        if at is None or not inside(at, within):
            raise InvalidInput("item.spots", field="spots")
        spots.append(Spot((at[0], at[1]), inputs.text(row, "name").strip()))
    if len(spots) not in SPOTS or len({spot.at for spot in spots}) != len(spots):
        raise InvalidInput("item.spots", field="spots")
    if len({spot.name for spot in spots}) != len(spots):
        raise InvalidInput("item.spots", field="spots")
    return tuple(spots)
