"""What goes out comes in again the same, and what a form cannot hold is named with its item."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbt.bank.exports.proof import differing
from cbt.bank.formats.gift import reading as gift
from cbt.bank.formats.moodle import reading as moodle
from cbt.bank.formats.qti import reading as qti
from cbt.bank.formats.text.reading import read_folder
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
NOT_CARRIED = {"gift": {"ordering", "case"}, "moodle": {"case"}}


@each_form
@settings(max_examples=40, deadline=None)
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
            assert tuple(differing(item, back[ref]) or ()) == left.get(ref, ())
    assert export.written == len(back)
    if form == "text":
        assert export.left == []


@each_form
@pytest.mark.parametrize("kind", TYPES)
@settings(max_examples=15, deadline=None)
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
    assert {name for one in export.left for name in one.fields} <= named
    assert set(differing(item, back["A-001-1"]) or ()) <= named
