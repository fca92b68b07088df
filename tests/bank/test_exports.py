"""What goes out comes in again the same, and what a form cannot hold is named with its item."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cbt.interchange import gift_reader as gift
from cbt.interchange import moodle_reader as moodle
from cbt.interchange import registry
from cbt.interchange.export import differing
from cbt.interchange.qti import reader as qti
from cbt.interchange.text_bank import read_folder
from cbt.paths import product_dir
from tests.bank.exporting import ANY, LINE, PLAIN, TAXONOMY, TYPES, contents, is_sound, sent

Read = Callable[[bytes], dict[str, dict[str, Any]]]


def text_items(body: bytes) -> dict[str, dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(io.BytesIO(body)).extractall(folder)
        found = read_folder(Path(folder) / "bank")
    assert found.findings == []
    assert found.taxonomy == TAXONOMY
    return {one.ref: dict(one.data) for one in found.items}


def of(gathered: Any) -> dict[str, dict[str, Any]]:
    return {one.ref: one.data for one in gathered.items}


READERS: dict[str, Read] = {
    "gift": lambda body: of(gift.gather(body.decode())),
    "moodle": lambda body: of(moodle.gather(body)),
    "qti22": lambda body: of(qti.gather(body)),
    "qti30": lambda body: of(qti.gather(body)),
    "text": text_items,
}
each_form = pytest.mark.parametrize("form", list(READERS))
UNSHOWN = {"gift": {"fixed_order", "formatting"}, "moodle": {"formatting"}}
"""What our own readers find again, and no other system shows as it is meant."""
NOT_CARRIED = {"gift": {"ordering", "case"}, "moodle": {"case"}}


@each_form
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_item_comes_in_as_it_went_out_or_is_named(form: str, data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=4))
    items = [data.draw(contents(kind, ANY, LINE).filter(is_sound)) for kind in kinds]
    body, export = sent(form, items)
    back = READERS[form](body)
    left = {one.ref: one.fields for one in export.left}
    for number, item in enumerate(items, 1):
        ref = f"A-001-{number}"
        if left.get(ref) == ():
            assert ref not in back
        else:
            its, named, unshown = back[ref], set(left.get(ref, ())), UNSHOWN.get(form, set())
            if (
                "formatting" in named
            ):  # of the options of a 匹配 nothing but the words, and no pair is compared
                item, its = ({**one, "pairs": [], "extra_options": []} for one in (item, its))
                unshown = unshown | {"markup"}
            lost = set(differing(item, its) or ())
            assert lost <= named
            assert named - lost <= unshown
    assert export.written == len(back)
    if form == "text":
        assert export.left == []


def test_an_answer_without_words_is_not_told_as_lost() -> None:
    item = {
        "type": "short_answer", "point": "A-001", "difficulty": 1, "consistency": 5,
        "stem": "说明退货的手续。", "answer": "", "limit": 500,
    }  # fmt: skip
    body, export = sent("gift", [item])
    assert export.left == []
    assert differing(item, READERS["gift"](body)["A-001-1"]) == []


@each_form
@pytest.mark.parametrize("kind", TYPES)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_plain_words_of_every_type_are_carried_whole(form: str, kind: str, data: st.DataObject) -> None:
    item = data.draw(contents(kind, PLAIN, PLAIN).filter(is_sound))
    body, export = sent(form, [item])
    back = READERS[form](body)
    many = kind == "fill_blank" and len(item["answer"]) > 1
    if kind in NOT_CARRIED.get(form, ()) or (form == "gift" and many):
        assert [(one.ref, one.fields) for one in export.left] == [("A-001-1", ())]
        return
    named = {"answer"} if (form, kind) == ("gift", "short_answer") else set()
    assert {name for one in export.left for name in one.fields} - {"fixed_order"} <= named
    assert ("fixed_order" in item and form == "gift") == any(
        "fixed_order" in one.fields for one in export.left
    )
    assert set(differing(item, back["A-001-1"]) or ()) <= named


@pytest.mark.parametrize(("form", "level"), [("common", "l3"), ("national", "l2")])
def test_a_workbook_of_the_shipped_bank_comes_in_the_same(form: str, level: str) -> None:
    whole = read_folder(product_dir("question_bank") / f"customer-service-{level}")
    items = [dict(one.data) for one in whole.items]
    body, export = sent(form, items)
    left = {one.ref: one.fields for one in export.left}
    found = registry.read(body, "a.xlsx")
    sent_refs = [f"A-001-{n}" for n in range(1, len(items) + 1) if left.get(f"A-001-{n}") != ()]
    refs = [one.ref for one in found.items]
    assert refs == sent_refs
    assert found.inferred == ()
    for ref, one in zip(refs, found.items, strict=True):
        assert tuple(differing(items[int(ref.rpartition("-")[2]) - 1], one.data) or ()) == left.get(ref, ())
    whole_types = {one.type for one in export.left if not one.fields}
    assert whole_types <= {"case", "matching", "ordering", "hotspot"}


CELLS = ("办结时限", "=1+1", "<b>", "+86", "@SUM", "，", "客户", "《规程》", "#")
CELL = st.lists(st.sampled_from(CELLS), min_size=2, max_size=6).map(lambda one: "客服" + "".join(one))
IN_CELLS = ("true_false", "single_choice", "multiple_choice", "fill_blank", "short_answer")


@settings(max_examples=3, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(data=st.data())
def test_a_workbook_of_any_texts_is_text_and_comes_in_or_is_named(data: st.DataObject) -> None:
    kinds = [kind for kind in IN_CELLS for _ in range(3)]
    items = [data.draw(contents(kind, CELL, CELL).filter(is_sound)) for kind in kinds]
    body, export = sent("common", items)
    back = {one.ref: one.data for one in registry.read(body, "a.xlsx").items}
    left = {one.ref: one.fields for one in export.left}
    for number, item in enumerate(items, 1):
        ref = f"A-001-{number}"
        assert left.get(ref) != ()
        lost = differing(item, back[ref])
        assert lost is not None
        assert set(lost) <= set(left.get(ref, ()))


@pytest.mark.parametrize("form", ["qti22", "qti30"])
def test_a_formula_goes_out_as_one_and_comes_in_again(form: str) -> None:
    item = {"type": "true_false", "stem": "若 $\\frac{a}{b}=2$ 则 $$a=2b$$", "answer": True}
    body, export = sent(form, [item])
    assert READERS[form](body)["A-001-1"]["stem"] == item["stem"]
    assert export.left == []
    (name,) = [one for one in zipfile.ZipFile(io.BytesIO(body)).namelist() if one.startswith("items/")]
    assert b"<mfrac>" in zipfile.ZipFile(io.BytesIO(body)).read(name)


@each_form
def test_a_picture_of_a_text_stays_and_is_named(form: str) -> None:
    item = {"type": "true_false", "stem": f"看图![话机](media:{'0' * 32})", "answer": True}
    body, export = sent(form, [item])
    assert [(one.ref, one.fields) for one in export.left] == [("A-001-1", ("media",))]
    stem = READERS[form](body)["A-001-1"]["stem"]
    assert stem == ("看图［话机］" if form.startswith(("qti", "moodle")) else item["stem"])


@each_form
def test_a_choice_between_right_and_wrong_stays_a_choice(form: str) -> None:
    item = {"type": "single_choice", "stem": "判断（　　）", "choices": ["对", "错"], "answer": "B"}
    body, export = sent(form, [item])
    assert export.left == []
    assert differing(item, READERS[form](body)["A-001-1"]) == []
