"""Regions of a picture: what is one, what lies in it, which of them meet."""

from __future__ import annotations

import pytest

from cbt.errors import InvalidInput
from cbt.rules.items.hotspot import Region, read_region

PICTURE = (100, 80)
RECT = {"rect": [10, 10, 20, 10]}
CIRCLE = {"circle": [60, 40, 10]}
ARROW = {"polygon": [[50, 10], [90, 10], [90, 50], [70, 20]]}
"""A polygon with a corner that goes in."""


def region(value: object) -> Region:
    return read_region(value, PICTURE, "regions.1")


@pytest.mark.parametrize(
    ("value", "point", "held"),
    [
        pytest.param(RECT, (20, 15), True, id="within a rectangle"),
        pytest.param(RECT, (10, 10), True, id="its corner"),
        pytest.param(RECT, (30, 15), True, id="its edge"),
        pytest.param(RECT, (31, 15), False, id="a pixel beside it"),
        pytest.param(RECT, (20, 21), False, id="a pixel below it"),
        pytest.param(CIRCLE, (60, 30), True, id="on a circle"),
        pytest.param(CIRCLE, (67, 47), True, id="within a circle"),
        pytest.param(CIRCLE, (68, 48), False, id="in the corner around a circle"),
        pytest.param(ARROW, (85, 20), True, id="within a polygon"),
        pytest.param(ARROW, (75, 40), False, id="where its corner goes in"),
        pytest.param(ARROW, (40, 10), False, id="beside it at the height of an edge"),
        pytest.param(ARROW, (70, 20), True, id="at the corner that goes in"),
        pytest.param(
            {"polygon": [[0, 40], [20, 20], [40, 40], [20, 60]]}, (10, 40), True, id="level with corners"
        ),
    ],
)
def test_a_point_lies_in_a_region_or_on_its_border_or_outside(
    value: object, point: tuple[int, int], held: bool
) -> None:
    assert region(value).holds(point) is held


@pytest.mark.parametrize(
    "value",
    [
        pytest.param([10, 10, 20, 10], id="bare numbers"),
        pytest.param({}, id="no shape"),
        pytest.param({**RECT, **CIRCLE}, id="two shapes"),
        pytest.param({"oval": [1, 2, 3]}, id="an unknown shape"),
        pytest.param({"rect": [10, 10, 0, 10]}, id="a rectangle without width"),
        pytest.param({"rect": [10, 10, 20, -5]}, id="a rectangle that goes up"),
        pytest.param({"rect": [90, 10, 11, 10]}, id="a rectangle over the edge"),
        pytest.param({"rect": [10, 10, 20]}, id="three numbers for four"),
        pytest.param({"rect": [10, 10, 20.0, 10]}, id="a part of a pixel"),
        pytest.param({"circle": [60, 40, 0]}, id="a circle without radius"),
        pytest.param({"circle": [95, 40, 10]}, id="a circle over the edge"),
        pytest.param({"polygon": [[0, 0], [10, 10]]}, id="two corners"),
        pytest.param({"polygon": [[0, 0], [10, 10], [20, 20]]}, id="corners in a row"),
        pytest.param({"polygon": [[0, 0], [20, 0], [10, 0], [10, 20]]}, id="an edge that folds back"),
        pytest.param({"polygon": [[0, 0], [20, 20], [20, 0], [0, 20]]}, id="edges that cross"),
        pytest.param({"polygon": [[0, 0], [20, 0], [20, 20], [10, 0], [0, 20]]}, id="a corner on an edge"),
        pytest.param({"polygon": [[0, 0], [20, 0], [0, 0], [0, 20]]}, id="a corner twice"),
        pytest.param({"polygon": [[0, 0], [101, 0], [0, 20]]}, id="a corner beyond the picture"),
        pytest.param({"polygon": [[0, 0], [20, 0, 1], [0, 20]]}, id="a corner of three numbers"),
        pytest.param({"polygon": [[n, n * n % 80] for n in range(41)]}, id="too many corners"),
    ],
)
def test_what_is_no_region_is_refused_with_its_place(value: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        region(value)
    assert (refused.value.code, refused.value.params) == ("item.region", {"field": "regions.1"})


@pytest.mark.parametrize(
    ("one", "two", "meet"),
    [
        pytest.param(RECT, {"rect": [31, 10, 5, 5]}, False, id="a pixel apart"),
        pytest.param(RECT, {"rect": [30, 10, 5, 5]}, True, id="a common edge"),
        pytest.param(RECT, {"rect": [30, 20, 5, 5]}, True, id="a common corner"),
        pytest.param(RECT, {"rect": [15, 12, 5, 5]}, True, id="one within the other"),
        pytest.param(RECT, {"rect": [18, 2, 4, 60]}, True, id="crossing, no corner within"),
        pytest.param(CIRCLE, {"rect": [0, 35, 100, 10]}, True, id="a band over a circle"),
        pytest.param(CIRCLE, {"circle": [81, 40, 10]}, False, id="circles apart"),
        pytest.param(CIRCLE, {"circle": [80, 40, 10]}, True, id="circles that touch"),
        pytest.param(ARROW, {"rect": [55, 30, 15, 15]}, False, id="where a corner goes in"),
    ],
)
def test_regions_that_overlap_or_touch_meet_whichever_is_asked(one: object, two: object, meet: bool) -> None:
    assert region(one).meets(region(two)) is meet
    assert region(two).meets(region(one)) is meet
