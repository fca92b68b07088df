"""Single files as they are met: each read as it is meant, or refused with what to do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cbt.bank.commands import understood
from cbt.errors import InvalidInput
from cbt.interchange import registry
from tests.bank.field_texts.direct import without_children

SINGLE, MULTIPLE, TRUTH = "single_choice", "multiple_choice", "true_false"


def read(content: str | bytes) -> tuple[list[tuple[str, str, list[str], Any]], list[str], list[str]]:
    """Return the items, what is inferred, and the codes of the findings."""
    with without_children():
        found = registry.read(content.encode() if isinstance(content, str) else content, "a")
    items = [(one["type"], one["stem"], one["choices"], one["key"]) for one in understood(found)["items"]]
    return items, [one.name for one in found.inferred], [one.code for one in found.findings]


@pytest.mark.parametrize(
    ("row", "item"),
    [
        ({"options": [{"A": "登记"}, {"B": "致谢"}], "answer": "B"}, (SINGLE, "B")),
        ({"options": {"A": "登记", "B": "致谢"}, "answer": ["A", "B"]}, (MULTIPLE, "AB")),
        ({"options": ["A. 登记", "B. 致谢"], "answer": "致谢"}, (SINGLE, "B")),
        ({"options": [["登记", False], ["致谢", True]]}, (SINGLE, "B")),
        ({"options": ["登记", "致谢"], "answer": [True, False]}, (SINGLE, "A")),
        ({"options": ["登记", "致谢"], "correct": 0}, (SINGLE, "A")),
        ({"options": "A.登记|B.致谢", "answer": "A,B"}, (MULTIPLE, "AB")),
        ({"answers": [{"text": "登记", "correct": False}, {"text": "致谢", "correct": True}]}, (SINGLE, "B")),
        ({"optionA": "登记", "optionB": "致谢", "key": "a"}, (SINGLE, "A")),
    ],
)
def test_json_in_many_shapes(row: dict[str, Any], item: tuple[str, str]) -> None:
    items, _inferred, codes = read(
        json.dumps([{"question": "接待员应当（　　）。", **row}], ensure_ascii=False)
    )
    assert items == [(item[0], "接待员应当（　　）。", ["登记", "致谢"], item[1])]
    assert [one for one in codes if one != "text_key_single_of_many"] == []


def test_places_that_may_count_from_nought_or_one_are_asked_for_once() -> None:
    rows = [
        {"question": f"第 {n} 步应当怎样？", "options": ["登记", "致谢", "核对"], "correct": n}
        for n in (1, 2)
    ]
    items, inferred, _codes = read(json.dumps(rows, ensure_ascii=False))
    assert [key for _type, _stem, _choices, key in items] == ["B", "C"]
    assert "key:base" in inferred


SAVED = """<!DOCTYPE html><html><body>
<div><h3>1. <span>(单选题, 2.0分)</span> 接待员应当怎样？</h3><ul><li>A. 登记</li><li>B. 致谢</li></ul>
<div><span><i>我的答案:</i> A:登记;</span><span><i>正确答案:</i> B:致谢;</span>
<div>0分</div><div>AI讲解</div></div></div>
<div><h3>2. <span>(判断题, 2.0分)</span> 坐席应当如实登记。</h3><p>我的答案:对正确答案:错</p></div></body></html>"""


def test_a_saved_page_gives_the_right_key_and_not_ones_own() -> None:
    assert read(SAVED) == (
        [(SINGLE, "接待员应当怎样？", ["登记", "致谢"], "B"), (TRUTH, "坐席应当如实登记。", [], False)],
        [],
        [],
    )


BOOK = """一、单项选择题
1. 接待员应当（    ）。
(A)登记   (B)致谢
(C)核对   (D)签字
二、判断题（将判断结果填入括号中。正确的填“√”，错误的填“×”。）
（    ）1. 坐席应当如实登记。
参考答案
一、单项选择题
1-1） C
二、判断题
1. 错
"""
NATIONAL = """A-B-A-001  B  3  5
{A}
接待员应当（    ）。
（A）登记
（B）致谢
{B}
B
"""


def test_a_book_with_its_keys_at_the_end_and_the_national_form() -> None:
    book = [
        (SINGLE, "接待员应当（ ）。", ["登记", "致谢", "核对", "签字"], "C"),
        (TRUTH, "坐席应当如实登记。", [], False),
    ]
    assert read(BOOK) == (book, [], [])
    assert read(NATIONAL) == ([(SINGLE, "接待员应当（ ）。", ["登记", "致谢"], "B")], [], [])


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le"])
def test_a_text_is_read_in_any_chinese_encoding(codec: str) -> None:
    assert read(BOOK.encode(codec)) == read(BOOK)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(BOOK.encode().decode("gbk", "replace").encode(), "bank.mojibake", id="mojibake"),
        pytest.param(BOOK.encode("gbk") + b"\xff\xff" * 20, "bank.not_text", id="broken bytes"),
        pytest.param(
            "第一条 制定本制度。\n1. 遵守规程。\n2. 保持整洁。\n",
            "bank.no_items",
            id="an article",
        ),
        pytest.param(
            "A-A-A-001 概念 X\nA-A-A-002 特点 Y\nA-A-A-003 守则 Z\n", "bank.plan_workbook", id="a 细目表"
        ),
        pytest.param('[{"question": oops}]', "bank.json_broken", id="broken JSON"),
        pytest.param('{"name": "app", "version": "1.0.0"}', "bank.json_fields", id="other JSON"),
        pytest.param(b"%PDF-1.7\n%", "bank.pdf", id="a PDF"),
        pytest.param(rb"{\rtf1\ansi 1. (A)}", "bank.rtf", id="an RTF"),
        pytest.param(
            "MIME-Version: 1.0\nContent-Type: multipart/related\n\n", "bank.mhtml", id="a saved archive"
        ),
        pytest.param(b"[" * 5000, "bank.json_broken", id="deep JSON"),
    ],
)
def test_what_is_no_bank_is_refused(content: str | bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(content)
    assert refused.value.code == code


LYING = """一、单选题
1. 接待员应当（　　）。
A. 登记
B. 致谢
答案：E
2. 坐席应当（　　）。
A. 登记
B. 致谢
答案：AB
3. 质检员应当（　　）。
A. 登记
B. 致谢
4. 主管应当（ A ）。
A. 登记
B. 致谢
"""


def test_keys_that_lie_or_are_missing_are_asked_for_and_never_guessed() -> None:
    items, _inferred, codes = read(LYING)
    assert items == [(SINGLE, "主管应当（　　）。", ["登记", "致谢"], "A")]
    assert codes == ["answer_no_choice", "answer_one_letter", "text_no_key"]
