"""A Word document that goes out is sound, and comes in again as it went out, or what it cannot hold is named."""

from __future__ import annotations

import io
import zipfile
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cbt.interchange import intake, registry
from cbt.interchange.export import differing
from cbt.interchange.format import Export
from cbt.interchange.text_bank import read_folder
from cbt.items import media_store
from cbt.items.draft import ItemDraft
from cbt.items.media import digest_of
from cbt.media import intake as pictures
from cbt.paths import product_dir
from tests.bank.exporting import ANY, LINE, TAXONOMY, TYPES, contents, is_sound, sent
from tests.bank.field_texts.direct import run_here, without_children
from tests.bank.test_pictures import png

NO_SHRINKING = [Phase.explicit, Phase.reuse, Phase.generate]
HELD = {"true_false", "single_choice", "multiple_choice", "fill_blank", "short_answer"}


def parts(body: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def comes_in(items: list[dict[str, Any]], body: bytes, export: Export) -> None:
    left = {one.ref: one.fields for one in export.left}
    refs = [f"A-001-{number}" for number in range(1, len(items) + 1)]
    there = [item for ref, item in zip(refs, items, strict=True) if left.get(ref) != ()]
    back = registry.read(body, "a.docx").items if there else []
    assert len(back) == len(there) == export.written
    named = [set(left.get(ref, ())) for ref in refs if left.get(ref) != ()]
    for item, its, fields in zip(there, back, named, strict=True):
        lost = differing(item, its.data)
        assert lost is not None
        assert set(lost) <= fields


@settings(max_examples=25, deadline=None, phases=NO_SHRINKING)
@given(data=st.data())
def test_any_item_comes_in_as_it_went_out_or_is_named(data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=4))
    items = [data.draw(contents(kind, ANY, LINE).filter(is_sound)) for kind in kinds]
    body, export = sent("word", items)
    assert {one["type"] for one in items} - HELD <= left_whole(export)
    with without_children():
        comes_in(items, body, export)


def left_whole(export: Export) -> set[str]:
    return {one.type for one in export.left if not one.fields}


@pytest.mark.parametrize("level", ["l2", "l3"])
def test_the_shipped_bank_comes_in_the_same(level: str) -> None:
    whole = read_folder(product_dir("question_bank") / f"customer-service-{level}")
    items = [dict(one.data) for one in whole.items]
    body, export = sent("word", items)
    assert left_whole(export) == {"case"}
    assert {name for one in export.left for name in one.fields} <= {"law", "enemies", "fixed_order"}
    with without_children():
        comes_in(items, body, export)
        assert registry.read(body, "a.docx").inferred == ()


def test_a_document_names_every_part_it_has_and_each_is_xml() -> None:
    item = {"type": "true_false", "point": "A-001", "stem": "a<b & **不**\n第二行", "answer": True}
    held = parts(sent("word", [item])[0])
    kinds = ET.fromstring(held["[Content_Types].xml"])
    named = {one.get("PartName") for one in kinds if one.get("PartName")}
    assert named == {f"/{name}" for name in held if name.endswith(".xml") and not name.startswith("[")}
    trees = {name: ET.fromstring(body) for name, body in held.items() if name.endswith((".xml", ".rels"))}
    word = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
    styles = {one.get(f"{word}styleId") for one in trees["word/styles.xml"].iter(f"{word}style")}
    document = trees["word/document.xml"]
    used = {one.get(f"{word}val") for name in ("pStyle", "rStyle") for one in document.iter(f"{word}{name}")}
    assert used == {"Title", "Point", "Stem", "Key", "Strong"}
    assert used <= styles
    words = ["".join(one.itertext()) for one in document.iter(f"{word}p")]
    assert words[1:] == ["A-001  C  3  5", "{A}a<b & **不**", "第二行", "{B}√"]


def test_pictures_stand_in_their_places_and_come_in_as_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    for room in (pictures, intake, media_store):
        monkeypatch.setattr(room, "run", run_here, raising=False)
    plan = media_store.take_in_all([png(300, 200)])[0]
    assert plan is not None
    name = plan.name
    data = {
        "type": "single_choice",
        "point": "A-001",
        "stem": f"看![平面图](media:{name})选（　　）。",
        "choices": ["甲", f"![出口](media:{name})", f"听![来电](media:{'0' * 32}.mp3)"],
        "answer": "B",
    }
    body = io.BytesIO()
    export = Export(
        "bank",
        "示例",
        TAXONOMY,
        iter([ItemDraft("A-001-1", data, {})]),
        medium=lambda one: ("image/png", plan.body) if one == name else None,
    )
    registry.out_form("word").write(export, body)
    held = parts(body.getvalue())
    assert digest_of(held[f"word/media/{name}.png"]) == name
    assert held["word/document.xml"].count(b"<pic:pic>") == 2
    assert [one.fields for one in export.left] == [("media",)]
    with without_children():
        found = registry.read(body.getvalue(), "a.docx")
    assert found.items[0].data["stem"] == data["stem"]
    assert found.items[0].data["choices"] == ["甲", data["choices"][1], "听［来电］"]
