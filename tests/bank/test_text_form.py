"""The text form of a bank: a folder read with the line of every field."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cbt.errors import NotFound
from cbt.interchange.text_bank import bank_folders, read_folder
from cbt.items.taxonomy import leaf_weights, parent_of, weight_sums
from cbt.rules.canonical import canonical_json
from cbt.rules.items.registry import parse_content
from cbt.spreadsheets.findings import Place

TAXONOMY_TEXT = """\
[taxonomy]
occupation = "示例"
level = "三级"

[[range]]
code = "A"
name = "甲"
weight = 100

[[point]]
code = "A-001"
name = "点"
importance = "X"
"""
ITEMS_TEXT = '''\
# 试题
[[item]]
ref = "A-001-T1"
type = "true_false"
point = "A-001"
stem = "一句。"
answer = true

[[item]]
ref = "U1-C1"
type = "case"
unit = 1
point = "A-001"
title = "案例"
stimulus = """
type = "材料中的等号"
"""

[[item.part]]
type = "single_choice"
points = 2.50
stem = "（　　）"
choices = ["甲", "乙"]
answer = "A"

[[item.part]]
type = "ordering"
points = 4
stem = "排序"
steps = ["甲", "乙"]
'''


def _folder(tmp_path: Path, taxonomy: str = TAXONOMY_TEXT, items: str = ITEMS_TEXT) -> Path:
    folder = tmp_path / "sample"
    folder.mkdir()
    (folder / "taxonomy.toml").write_text(taxonomy, "utf-8")
    (folder / "items.toml").write_text(items, "utf-8")
    return folder


def test_a_folder_is_read_with_the_line_of_every_field(tmp_path: Path) -> None:
    found = read_folder(_folder(tmp_path))
    assert found.findings == []
    assert found.taxonomy is not None
    assert found.taxonomy.name == "示例（三级）"
    truth_item, case_item = found.items
    assert truth_item.place("answer").line == 7
    assert case_item.place("").line == 9
    assert case_item.place("parts.1.answer").line == 24
    assert case_item.place("parts.2.steps.1").line == 30
    assert case_item.place("parts.2.nothing").line == 26
    assert case_item.data["stimulus"] == 'type = "材料中的等号"'
    assert [part["points"] for part in case_item.data["parts"]] == ["2.5", "4"]


SECOND_CASE = """
[[item]]
ref = "U1-C2"
type = "case"
unit = 1
point = "A-001"
title = "案例"
stimulus = "材料"

[[item.part]]
type = "fill_blank"
points = 2
stem = "{{1}}"
answer = [
  ["24"]
]

[[item.part]]
type = "true_false"
points = 2
stem = "一句。"
answer = true
"""


def test_the_parts_of_each_case_are_counted_anew(tmp_path: Path) -> None:
    found = read_folder(_folder(tmp_path, items=ITEMS_TEXT + SECOND_CASE))
    first, second = found.items[1:]
    assert first.place("parts.2.stem").line == 29
    begins = len(ITEMS_TEXT.splitlines())
    assert second.place("").line == begins + 2
    assert second.place("parts.1.answer").line == begins + 14
    assert second.place("parts.2").line == begins + 18
    assert second.place("parts.2.answer").line == begins + 22


def _with(old: str, new: str) -> str:
    return TAXONOMY_TEXT.replace(old, new)


@pytest.mark.parametrize(
    ("taxonomy", "items", "code", "line"),
    [
        pytest.param(TAXONOMY_TEXT, "[[item]]\nref = ", "file_unreadable", 2, id="no TOML"),
        pytest.param(TAXONOMY_TEXT, "[[itme]]\n", "table_unknown", 1, id="a misspelt table"),
        pytest.param(_with("100", "90"), ITEMS_TEXT, "weights_sum", 1, id="not 100 per cent"),
        pytest.param(_with('"X"', '"W"'), ITEMS_TEXT, "point_unreadable", 10, id="importance W"),
        pytest.param(_with("A-001", "B-001"), ITEMS_TEXT, "point_without_range", 10, id="no range"),
        pytest.param(_with("100", "true"), ITEMS_TEXT, "range_unreadable", 5, id="a weight that is none"),
    ],
)
def test_a_faulty_folder_is_named_by_line(
    tmp_path: Path, taxonomy: str, items: str, code: str, line: int
) -> None:
    found = read_folder(_folder(tmp_path, taxonomy, items))
    assert (code, line) in [(one.code, one.place.line) for one in found.findings]


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    (folder / "items.toml").write_bytes("一句。".encode("gbk"))
    assert [(one.code, one.place) for one in read_folder(folder).findings] == [
        ("file_not_text", Place(str(folder / "items.toml")))
    ]


def test_items_written_inline_are_read_without_lines(tmp_path: Path) -> None:
    inline = (
        'item = [{ref = "A-001-T1", type = "true_false", point = "A-001", stem = "一句。", answer = true}]'
    )
    found = read_folder(_folder(tmp_path, items=inline))
    assert [item.ref for item in found.items] == ["A-001-T1"]
    assert found.items[0].place("stem").line == 1


def test_banks_are_found_in_a_folder_or_as_one(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    assert bank_folders(folder) == [folder]
    assert bank_folders(tmp_path) == [folder]
    with pytest.raises(NotFound):
        bank_folders(tmp_path / "nowhere")


def test_the_nearest_range_above_a_code_is_its_parent() -> None:
    codes = ["A", "A-A", "A-A-A", "01", "0111"]
    assert parent_of("A-A-A-001", codes) == "A-A-A"
    assert parent_of("A-B-001", codes) == "A"
    assert parent_of("011105", codes) == "0111"
    assert parent_of("AB", codes) == ""
    assert leaf_weights({"A": 100, "A-A": 60, "A-B": 40}) == {"A-A": 60, "A-B": 40}
    assert weight_sums({"A": 100, "A-A": 60, "A-B": 30}) == [("A", 100, 90)]


def test_a_rubric_is_read_with_its_points(folder: Path) -> None:
    (folder / "items.toml").write_text(
        """
[[item]]
ref = "A-001-A1"
type = "short_answer"
point = "A-001"
stem = "请写出服务补救的两项要点。"
answer = "一是致歉；二是补偿。"
rubric = [{ points = 1.5, text = "说明致歉" }, { points = 2, text = "说明补偿" }]
explanation = "补救要及时、对等。"
""",
        "utf-8",
    )
    found = read_folder(folder)
    assert found.findings == []
    content = parse_content(json.loads(canonical_json(dict(found.items[0].data))))
    assert content.key_lines(("对", "错"))[1:] == ["+1.5　说明致歉", "+2　说明补偿"]
