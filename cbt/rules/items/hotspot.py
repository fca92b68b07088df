"""识图: points marked on a picture; right are those in the right regions."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any, ClassVar, Self

from cbt.errors import InvalidInput
from cbt.rules.canonical import canonical_json
from cbt.rules.items.basis import authored, received
from cbt.rules.items.basis.content import ALL, NOTHING, ItemContent, Nested, Rendering
from cbt.rules.items.basis.regions import Point, Region, inside, numbers, read_region
from cbt.rules.items.values import ItemType, PartialCredit

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
    fields: ClassVar = authored.COMMON | {"answer", "picture", "size", "alt", "regions", "spots", "marks"}
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
        picture, size = authored.text(data, "picture"), numbers(data.get("size"), 2)
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
            stem=authored.text(data, "stem"),
            answer_key=answer_key,
            picture=picture,
            size=within,
            alt=authored.text(data, "alt"),
            regions=regions,
            spots=spots,
            marks=marks,
        )

    def read_key(self, answer: object) -> tuple[int, ...]:
        """Read the numbers of other regions of the item."""
        places = _key(answer, len(self.regions))
        if len(places) > self.marks:
            raise authored.wrong_answer()
        return places

    def shape(self) -> dict[str, int]:
        """How many points may be marked, and on how large a picture."""
        return {"marks": self.marks, "width": self.size[0], "height": self.size[1]}

    @classmethod
    def arrange(cls, shape: Mapping[str, Any], rng: random.Random, *, shuffle: bool) -> dict[str, Any]:
        """A picture stays as it is."""
        return {"order": [], "limits": {name: shape[name] for name in ("marks", "width", "height")}}

    @classmethod
    def parse_answer(cls, position: Mapping[str, Any], value: object) -> str:
        """Take different points of the picture, each [x, y] from 0, in any order."""
        limits = position["limits"]
        if not isinstance(value, list) or len(value) > limits["marks"]:
            raise received.refused()
        points = [numbers(one, 2) for one in value]
        within = (limits["width"], limits["height"])
        found = sorted(tuple(point) for point in points if point is not None and inside(point, within))
        if len(set(found)) != len(value):
            raise received.refused()
        return canonical_json(found)

    def share_for(self, key: Any, given: Any, credit: PartialCredit) -> Fraction:
        """All for a point in each right region and none elsewhere; by `subset` each region its part."""
        hit = {self._region_at((x, y)) for x, y in given}
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
        """A spot in each right region."""
        right = [self.regions[place] for place in self.answer_key]
        return sorted(list(next(spot.at for spot in self.spots if one.holds(spot.at))) for one in right)

    def key_lines(self, verdicts: tuple[str, str]) -> list[str]:
        """What is seen at the spots of each right region."""
        right = [self.regions[place] for place in self.answer_key]
        return [" / ".join(spot.name for spot in self.spots if region.holds(spot.at)) for region in right]


def _key(answer: object, regions: int) -> tuple[int, ...]:
    given = numbers(answer)
    if not given or len(set(given)) != len(given) or not all(1 <= one <= regions for one in given):
        raise authored.wrong_answer()
    return tuple(sorted(number - 1 for number in given))


def _regions(value: object, within: Point) -> tuple[Region, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_REGIONS:
        raise InvalidInput("item.regions", field="regions")
    regions = tuple(read_region(one, within, f"regions.{number}") for number, one in enumerate(value, 1))
    if any(one.meets(two) for one, two in combinations(regions, 2)):
        raise InvalidInput("item.regions_meet", field="regions")
    return regions


def _spots(value: object, within: Point) -> tuple[Spot, ...]:
    """Read {at = [x, y], name = "…"}, no two at one place or under one name."""
    given = value if isinstance(value, list) else []
    spots = []
    for one in given:
        at = numbers(one.get("at"), 2) if isinstance(one, Mapping) else None
        if at is None or not inside(at, within):
            raise InvalidInput("item.spots", field="spots")
        spots.append(Spot((at[0], at[1]), authored.text(one, "name").strip()))
    if len(spots) not in SPOTS or len({spot.at for spot in spots}) != len(spots):
        raise InvalidInput("item.spots", field="spots")
    if len({spot.name for spot in spots}) != len(spots):
        raise InvalidInput("item.spots", field="spots")
    return tuple(spots)
