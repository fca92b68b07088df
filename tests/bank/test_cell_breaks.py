"""Where the cells of a table may break: between words, and in a table that has the room for them nowhere else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.items.markup import _HTML, LONGEST_RUN, TABLE_WIDTH, to_html, with_breaks

HEAD = "| 支持过程 | 时长（分钟） |\n|---|---|\n"


def cells(html: str) -> list[str]:
    return re.findall(r"<t[hd]>(.*?)</t[hd]>", html, re.S)


def table(*rows: list[str]) -> str:
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{body}</table>"


def test_a_short_word_is_kept_whole() -> None:
    shown = _HTML.block(f"{HEAD}| 首次响应 | 15 |")
    assert cells(shown) == ["支持过程", "时长（分钟）", "首次响应", "15"]


@pytest.mark.parametrize(
    ("cell", "broken"),
    [
        pytest.param(
            "已完成回访并记录客户的意见和建议", "已|完成回访并|记录客户的|意见和|建议", id="particles"
        ),
        pytest.param("客户信息服务管理流程", "客户|信息|服务|管理|流程", id="two by two"),
        pytest.param("客户信息服务管理流程表", "客户|信息|服务|管理|流程表", id="an odd number"),
        pytest.param("了解客户需求与参与人员合并处理", "了解客户需求与|参与人员合并处理", id="no particles"),
        pytest.param(
            "处理<strong>客户信息服务管理</strong>", "处理<strong>客户信息服务管理</strong>", id="marked"
        ),
        pytest.param("回访，满意度调查", "回访，满意度调查", id="punctuation breaks by itself"),
    ],
)
def test_a_long_run_breaks_between_words(cell: str, broken: str) -> None:
    assert cells(with_breaks(table([cell]))) == [broken.replace("|", "<wbr>")]


def test_a_table_of_many_columns_breaks_shorter_runs() -> None:
    wide = [["客户服务流程"] * 8]
    assert cells(with_breaks(table(*wide)))[0] == "客户<wbr>服务<wbr>流程"
    assert cells(with_breaks(table(["客户服务流程"] * 4)))[0] == "客户服务流程"
    assert LONGEST_RUN * 4 < TABLE_WIDTH


@given(st.lists(st.text("支持过程时长的和了（分），a1 ", max_size=30), min_size=1, max_size=6))
def test_nothing_but_breaks_is_added(texts: list[str]) -> None:
    html = f"<p>前</p>{table(texts, texts)}<p>支持过程支持过程支持过程</p>"
    shown = with_breaks(html)
    assert shown.replace("<wbr>", "") == html
    assert "<wbr>" not in shown.partition("</table>")[2]


def test_what_goes_out_has_no_breaks() -> None:
    assert "<wbr>" not in to_html(f"{HEAD}| 客户信息服务管理流程登记 | 1 |")
