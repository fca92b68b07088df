"""What an office did beside an exam, act by act, as a table of docs/city.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.published.report import Results
from bench.published.words import NONE

ROWS = {"office_beside_exam": "内置数据库", "postgres_office_beside_exam": "PostgreSQL"}
ACTS = {
    "draw": "组卷 2,000 份",
    "workbook": "导出成绩册 15,000 人",
    "tickets": "打印准考证 2,000 张",
    "release": "发布成绩 15,000 人（双人）",
    "publicity": "公示成绩 15,000 人",
    "roster": "导入名册 10,000 人",
    "bank": "导入题库 10,000 题",
    "publish": "发布批次的场次（2,000 人）",
    "statement": "500 人对账单（PDF 与表格）",
    "certificates": "发证 50 张",
    "destruction": "销毁一个批次的记录（2,000 人）",
}


def lines(results: Results) -> list[str]:
    """Return the table; nothing where none was measured."""
    found = {name: figure for name in ROWS if (figure := results["figures"].get(name)) is not None}
    return [line for name, figure in found.items() for line in _table(ROWS[name], figure)]


def _table(database: str, figure: Mapping[str, Any]) -> list[str]:
    return [
        "",
        f"考试进行时考务逐项办公（{database}）：{figure['candidates']:,} 名考生每秒保存 {figure['per_s']:,.0f} 次，"
        f"没有考务操作时保存的 p99 是 {_number(figure['alone_p99_ms'])} 毫秒。",
        "",
        "| 操作 | 用时，秒 | 其间保存的 p99，毫秒 | 最慢，毫秒 | 被拒 | 办成 |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
        *(
            f"| {ACTS.get(name, name)} | {act['seconds']:,.1f} | {_number(act['p99_ms'])} | "
            f"{_number(act['max_ms'])} | {act['refused']} | {'**否**' if act['said'] else '是'} |"
            for name, act in figure["acts"].items()
        ),
    ]


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:,.0f}"
