"""Packages of QTI that go out are what the standard asks: a second reader takes them and scores as we do."""

from __future__ import annotations

import base64
import io
from decimal import Decimal

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from cbt.interchange import registry
from cbt.interchange.text_bank import read_folder
from cbt.paths import product_dir
from tests.bank.exporting import ANY, LINE, TYPES, contents, is_sound, sent
from tests.bank.second_reader import SecondItem, read_package

NO_SHRINKING = [Phase.explicit, Phase.reuse, Phase.generate]
each_version = pytest.mark.parametrize("form", ["qti22", "qti30"])


def right_of(item: SecondItem) -> dict[str, list[str]]:
    return {name: item.correct(name) for name in item.responses}


def worth_of(item: SecondItem) -> Decimal:
    most = [one.given["normalMaximum"] for name, one in item.outcomes.items() if name.startswith("SCORE_")]
    machine = [one for one in item.outcomes.values() if "externalScored" not in one.given]
    if most:
        parts = [one for one in machine if one.given["identifier"].startswith("SCORE_")]
        return sum((Decimal(one.given["normalMaximum"]) for one in parts), Decimal(0))
    return Decimal(1) if item.outcomes["SCORE"] in machine else Decimal(0)


@each_version
@settings(max_examples=25, deadline=None, phases=NO_SHRINKING)
@given(data=st.data())
def test_a_package_holds_to_the_standard_and_the_right_answers_earn_everything(
    form: str, data: st.DataObject
) -> None:
    kinds = data.draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=4))
    items = [data.draw(contents(kind, ANY, LINE).filter(is_sound)) for kind in kinds]
    body, export = sent(form, items)
    found = read_package(body)
    assert len(found) == export.written
    for one in found:
        assert one.score(right_of(one)) == worth_of(one)
        assert one.score({}) == 0


@each_version
def test_the_shipped_bank_is_a_sound_package(form: str) -> None:
    items = [
        dict(one.data) for one in read_folder(product_dir("question_bank") / "customer-service-l3").items
    ]
    body, export = sent(form, items)
    found = read_package(body)
    assert len(found) == export.written == len(items)
    assert all(one.score(right_of(one)) == worth_of(one) for one in found)


def picture() -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (80, 60), "white").save(buffer, "JPEG")
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


SPOTS = [
    {"at": [5, 5], "name": "左上"},
    {"at": [40, 30], "name": "中间"},
    {"at": [72, 50], "name": "右下"},
    {"at": [10, 50], "name": "左下"},
]
HOTSPOT = {
    "type": "hotspot",
    "stem": "请指出 <b> 两处。",
    "picture": picture(),
    "size": [80, 60],
    "alt": "机房 & 线路",
    "regions": [
        {"rect": [0, 0, 10, 10]},
        {"circle": [40, 30, 6]},
        {"polygon": [[60, 45], [79, 45], [71, 60]]},
    ],
    "spots": SPOTS,
    "answer": [1, 3],
    "marks": 2,
}


@each_version
def test_a_hotspot_goes_out_with_its_picture_and_comes_in_again(form: str) -> None:
    assert is_sound(HOTSPOT)
    body, export = sent(form, [HOTSPOT])
    (one,) = read_package(body)
    assert one.score(right_of(one)) == 1
    found = registry.read(body, "a.zip")
    assert found.findings == []
    back = found.items[0].data
    assert is_sound(dict(back))
    assert back["picture"].startswith("data:image/jpeg;base64,")
    lost = {name for one in export.left for name in one.fields}
    assert lost == {"picture", "spots"}  # the picture is drawn anew; the spot of a region is its middle
    kept = {name: value for name, value in HOTSPOT.items() if name not in lost}
    assert {name: back[name] for name in kept} == kept
    assert [spot["name"] for spot in back["spots"]] == [spot["name"] for spot in SPOTS]


def test_a_wrong_answer_earns_nothing_and_a_number_within_its_tolerance_everything() -> None:
    items = [
        {"type": "single_choice", "stem": "问（　　）", "choices": ["一", "二"], "answer": "B"},
        {"type": "numeric", "stem": "算{{1}}", "answer": "3.5", "decimals": 1, "tolerance": "0.5"},
        {"type": "fill_blank", "stem": "填{{1}}和{{2}}", "answer": [["A", "甲"], ["乙"]]},
    ]
    choice, number, blanks = read_package(sent("qti22", items)[0])
    assert choice.score({"RESPONSE": ["A"]}) == 0
    assert [number.score({"RESPONSE": [said]}) for said in ("3", "4", "4.1")] == [1, 1, 0]
    assert blanks.score({"RESPONSE-1": ["a"], "RESPONSE-2": ["乙"]}) == 1
    assert blanks.score({"RESPONSE-1": ["甲"]}) == 0
