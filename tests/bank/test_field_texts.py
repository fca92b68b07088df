"""Banks as texts, as people keep them: read as they were written, or said to be otherwise."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cbt.bank.commands import bank
from cbt.errors import CbtError
from cbt.interchange.documents.items import read_lines
from cbt.interchange.documents.lines import plain_lines
from tests.bank.field_texts import mishaps
from tests.bank.field_texts.direct import without_children
from tests.bank.field_texts.making import FLAGGED, REFUSED, RIGHT, WRONG, cases, outcome

SAMPLE = range(0, 1200, 30)
"""Every thirtieth of the files that `python -m tests.bank.field_texts --all` reads."""


def test_banks_of_every_layout_come_in_as_they_were_written() -> None:
    with without_children():
        became = Counter(outcome(one)[0] for one in cases(SAMPLE))
    assert became[WRONG] == 0
    assert became[RIGHT] * 100 >= 90 * became.total(), became
    assert set(became) <= {RIGHT, FLAGGED, REFUSED}


def test_what_one_mishap_changes_is_told() -> None:
    became = Counter(mishaps.outcome_of(seed) for seed in range(3000, 3120))
    assert became[mishaps.SILENT] == 0
    assert became[mishaps.TOLD] > 20


@pytest.mark.parametrize("container", ["docx", "html", "json"])
def test_a_child_reads_as_its_parent_would(container: str) -> None:
    one = next(one for one in cases(range(200)) if one.name.endswith(container) and one.second is None)
    assert outcome(one) == (RIGHT, "")


QUESTIONS = """一、单选题
1. 接待员离柜前应当（　　）。
A. 登记  B. 致谢  C. 核对
2. 坐席接到投诉后应当（　　）。
A. 记录  B. 推诿  C. 挂断
二、判断题
1. 接待员应当如实登记。
"""
KEYS = """某题库参考答案
一、单选题
1-2 CA
二、判断题
1. √
"""


def test_keys_in_a_second_file_are_given_to_the_questions_of_the_first(tmp_path: Path) -> None:
    first, second = tmp_path / "题库.txt", tmp_path / "题库答案.txt"
    first.write_text(QUESTIONS, "gb18030")
    second.write_text(KEYS, "utf-8")
    done = CliRunner().invoke(bank, ["read", "--json", str(first), str(second)])
    read, keys = [json.loads(line) for line in done.stdout.splitlines()]
    assert [item["key"] for item in read["items"]] == ["C", "A", True]
    assert (read["refused"], keys["refused"], keys["keys_of"]) == (None, None, str(first))
    assert [one["name"] for one in read["inferred"]] == ["keys:file"]


@pytest.mark.parametrize(("content", "said"), [(QUESTIONS, "找不到答案"), (KEYS, "只有答案")])
def test_half_a_bank_is_refused_with_what_to_do(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(content, "utf-8")
    done = CliRunner().invoke(bank, ["read", "--json", str(path)])
    (read,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert said in read["refused"]
    assert read["items"] == []


PIECES = [
    *(
        [
            "1. ",
            "2、",
            "（3）",
            "第4题",
            "一、单选题",
            "判断题",
            "参考答案",
            "答案：",
            "【答案】",
            "解析：",
            "A. ",
            "B、",
            "（C）",
            "D．",
            "A甲",
            "B ",
            "（ ）",
            "（A）",
            "(√)",
            "×",
            "对",
        ]
    ),
    *(
        [
            "1-5 ABCDA",
            "1.A 2.B",
            "题号 1 2 3",
            "答案 A B C",
            "职业道德",
            "接待员应当如实登记",
            "。",
            "____",
            "\t",
            "\u3000",
            "\u200b",
            "�",
            "- [x] ",
        ]
    ),
    *(["**", "``", "{A}", "A-B-A-001 B 3 5", "", "\n", "\n", "\n"]),
]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=60))
@example(["（ ）", "(√)"])
def test_whatever_stands_in_a_text_is_read_or_refused_and_each_item_is_whole(pieces: list[str]) -> None:
    try:
        found = read_lines(plain_lines("".join(pieces)), "plain", "a.txt", {})
    except CbtError:
        return
    for one in found.items:
        key, choices = one.data["answer"], one.data.get("choices")
        assert one.data["stem"].strip()
        if choices is not None:
            assert len(choices) >= 2
            assert all(choices)
            assert set(key) <= set("ABCDEFGHIJKL"[: len(choices)])
        else:
            assert key in (True, False) or key
