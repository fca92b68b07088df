"""识图: what an author may write, and what marks earn."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from cbt.errors import InvalidInput
from cbt.rules.canonical import canonical_json
from cbt.rules.form_score import KeyRevision, share_of
from cbt.rules.items.content import Rendering

from .builders import TEXTS, content, position

SPOTS: Any = TEXTS["hotspot"]["spots"]
REGIONS: Any = TEXTS["hotspot"]["regions"]


@pytest.mark.parametrize(
    ("changed", "code", "field"),
    [
        pytest.param({"picture": ""}, "missing", "picture", id="no picture"),
        pytest.param({"picture": "hall.png"}, "picture", "picture", id="a file that was not taken in"),
        pytest.param({"alt": " "}, "missing", "alt", id="no words for who cannot see it"),
        pytest.param({"size": [100]}, "size", "size", id="a width without a height"),
        pytest.param({"size": [0, 80]}, "size", "size", id="no width"),
        pytest.param({"size": [12001, 80]}, "size", "size", id="too wide"),
        pytest.param({"regions": []}, "regions", "regions", id="no region"),
        pytest.param(
            {"regions": [*REGIONS, {"rect": [10, 5, 5, 5]}]}, "regions_meet", "regions", id="overlap"
        ),
        pytest.param({"regions": [REGIONS[0], {"circle": [1, 1, 9]}]}, "region", "regions.2", id="outside"),
        pytest.param({"answer": []}, "answer", "answer", id="no right region"),
        pytest.param({"answer": [4]}, "answer", "answer", id="a region there is none of"),
        pytest.param({"answer": [1, 1]}, "answer", "answer", id="a region twice"),
        pytest.param({"answer": "1"}, "answer", "answer", id="a text for a list"),
        pytest.param({"marks": 1}, "marks", "marks", id="fewer marks than right regions"),
        pytest.param({"marks": 13}, "marks", "marks", id="too many marks"),
        pytest.param({"marks": True}, "marks", "marks", id="true for one mark"),
        pytest.param({"spots": SPOTS[:2]}, "spots", "spots", id="too few spots"),
        pytest.param({"spots": SPOTS[1:]}, "spots", "spots", id="a region without a spot"),
        pytest.param(
            {"spots": [*SPOTS, {"at": [90, 65], "name": "别处"}]}, "spots", "spots", id="a place twice"
        ),
        pytest.param(
            {"spots": [*SPOTS, {"at": [1, 79], "name": "纸箱"}]}, "spots", "spots", id="a name twice"
        ),
        pytest.param(
            {"spots": [*SPOTS, {"at": [1, 81], "name": "别处"}]}, "spots", "spots", id="a spot outside"
        ),
        pytest.param({"spots": [*SPOTS, "别处"]}, "spots", "spots", id="a bare name"),
        pytest.param({"spots": [*SPOTS, {"at": [1, 79]}]}, "missing", "name", id="a spot without a name"),
    ],
)
def test_what_does_not_make_an_item_is_refused_with_its_field(
    changed: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        content("hotspot", **changed)
    assert (refused.value.code, refused.value.params["field"]) == (f"item.{code}", field)


@pytest.mark.parametrize(
    ("marks", "whole", "subset"),
    [
        pytest.param([[5, 5], [60, 40]], 1, 1, id="a mark in each right region"),
        pytest.param([[20, 10], [70, 40]], 1, 1, id="on their borders"),
        pytest.param([[5, 5], [6, 6], [60, 40]], 1, 1, id="two marks in one of them"),
        pytest.param([[5, 5]], 0, Fraction(1, 2), id="one of two"),
        pytest.param([[5, 5], [90, 65]], 0, 0, id="one in a wrong region"),
        pytest.param([[5, 5], [60, 40], [40, 70]], 0, 0, id="one in no region"),
        pytest.param([[21, 5], [60, 40]], 0, 0, id="a pixel beside"),
    ],
)
def test_a_mark_counts_by_the_region_it_lies_in(marks: object, whole: Fraction, subset: Fraction) -> None:
    for credit, earned in (("all_or_nothing", whole), ("subset", subset)):
        place = position("hotspot", credit=credit)
        assert share_of(place, content("hotspot"), canonical_json(marks)) == earned


def test_another_key_is_other_regions_no_more_than_may_be_marked() -> None:
    item = content("hotspot", marks=2)
    assert item.read_key([3, 1]) == (0, 2)
    with pytest.raises(InvalidInput):
        item.read_key([1, 2, 3])
    place = position("hotspot")
    revision = KeyRevision("A", answer_key=(2,))
    assert share_of(place, item, "[[90,65]]", revision=revision) == 1
    assert share_of(place, item, "[[5,5],[60,40]]", revision=revision) == 0


def test_what_is_shown_is_the_same_whatever_is_right() -> None:
    plain = Rendering(block=str, line=str)
    shown = content("hotspot").shown(plain)
    assert shown == content("hotspot", answer=[3]).shown(plain)
    assert shown == content("hotspot", regions=[{"rect": [0, 0, 100, 80]}], answer=[1]).shown(plain)
    assert shown["spots"] == [[10, 5, "纸箱"], [55, 40, "积水"], [65, 40, "拖线"], [90, 65, "绿植"]]
    assert not {"regions", "answer"} & set(shown)


def test_how_many_are_right_is_not_told_by_how_many_may_be_marked() -> None:
    fields = {name: value for name, value in TEXTS["hotspot"].items() if name != "marks"}
    with pytest.raises(InvalidInput):
        content("hotspot", **fields | {"marks": 1})
    assert content("hotspot", answer=[1], marks=1).shape()["marks"] == 1
