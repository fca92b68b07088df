"""What a version says, field by field, as people read it."""

from __future__ import annotations

import json

import pytest

from cbt.bank.review.fields import changes, fields_of


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        pytest.param(
            "rubric",
            [{"points": 2, "text": "致歉"}, {"points": 1, "text": "跟进"}],
            "+2　致歉\n+1　跟进",
            id="rubric",
        ),
        pytest.param(
            "spots", [{"at": [700, 214], "name": "纸箱"}], "700, 214　纸箱", id="points of a picture"
        ),
        pytest.param(
            "regions",
            [{"rect": [1, 2, 3, 4]}, {"circle": [5, 6, 7]}, {"polygon": [[1, 2], [3, 4], [5, 6]]}],
            "□　1, 2, 3, 4\n○　5, 6, 7\n△　1, 2, 3, 4, 5, 6",
            id="regions",
        ),
        pytest.param("size", [800, 560], "800 × 560", id="size"),
        pytest.param("answer", [1, 2], "1, 2", id="right regions"),
        pytest.param("answer", [["24", "二十四"], ["首问"]], "24 / 二十四\n首问", id="blanks"),
        pytest.param(
            "spots", [{"at": [1, 2]}], '{"at": [1, 2]}', id="what is not whole stays as it was written"
        ),
    ],
)
def test_a_field_is_said_as_its_form_asks_for_it(name: str, value: object, said: str) -> None:
    assert fields_of(json.dumps({"type": "x", name: value}))[name] == said


def test_some_fields_of_an_item_are_said_without_the_others() -> None:
    assert fields_of(json.dumps({"stem": "甲"})) == {"stem": "甲"}


def test_a_picture_is_told_from_another() -> None:
    one, other = (
        fields_of(json.dumps({"picture": f"data:image/jpeg;base64,{body * 2048}"}))
        for body in ("AAAA", "AAAB")
    )
    assert one["picture"].startswith("JPEG 6 KB (")
    assert one["picture"] != other["picture"]


def test_what_holds_anyway_is_no_change_once_it_is_written() -> None:
    before, after = (
        {"type": "true_false", "stem": "甲"},
        {"type": "true_false", "stem": "甲", "difficulty": 3, "consistency": 5},
    )
    assert changes(json.dumps(before), json.dumps(after)) == []
    assert [one.place for one in changes(json.dumps(before), json.dumps(after | {"difficulty": 4}))] == [
        "difficulty"
    ]
