"""Regions of a picture, in whole pixels from its upper left corner: read, checked, and asked what lies in them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from cbt.errors import InvalidInput

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
        given = value.get("polygon")
        points = [numbers(one, 2) for one in given] if isinstance(given, list) else []
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


def _cross(one: tuple[Point, Point], two: tuple[Point, Point]) -> bool:
    """Return whether two segments have a point in common."""
    (a, b), (c, d) = one, two
    sides = _turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b)
    if (sides[0] > 0) != (sides[1] > 0) and (sides[2] > 0) != (sides[3] > 0) and 0 not in sides:
        return True
    ends = zip(sides, ((a, b, c), (a, b, d), (c, d, a), (c, d, b)), strict=True)
    return any(side == 0 and _between(*points) for side, points in ends)
