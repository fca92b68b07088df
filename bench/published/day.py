"""The exam day's requests, kind by kind, as a table of docs/city.md."""

from __future__ import annotations

from typing import Any

from bench.published.report import Results
from bench.published.words import NONE

KINDS = {
    "seat": "座位页",
    "sign_in": "登录",
    "confirm": "核对信息页",
    "confirm_post": "确认信息",
    "notice": "考生须知页",
    "notice_post": "同意须知",
    "wait": "候考页",
    "ahead": "答题页预取清单",
    "ahead_file": "预取的文件",
    "wait_poll": "候考询问",
    "wait_news": "候考等候（挂起）",
    "runner": "答题页",
    "start": "开卷",
    "answers": "保存",
    "heartbeat": "心跳",
    "news": "等候消息（挂起）",
    "clock": "询问剩余时间",
    "advance": "换单元",
    "submit": "交卷",
    "done": "交卷后页面",
    "board": "打开监考大屏",
    "board_poll": "大屏刷新",
    "act": "监考操作",
}


def lines(results: Results) -> list[str]:
    """Return the table; nothing where no day was measured."""
    day = results["figures"].get("exam_day")
    if day is None:
        return []
    return [
        "",
        "整天演练里的每一类请求，从该发出的时刻到收到回答（挂起的请求没有快慢可言）：",
        "",
        "| 请求 | 次数 | p50 毫秒 | p99 毫秒 | 最慢毫秒 |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(
            f"| {KINDS.get(kind, kind)} | {found['count']:,} | "
            + " | ".join(_number(found.get(name)) for name in ("p50_ms", "p99_ms", "max_ms"))
            + " |"
            for kind, found in sorted(day["kinds"].items(), key=_place)
        ),
    ]


def _place(one: tuple[str, Any]) -> int:
    """Return where a kind stands; one that has no name here is last, under its own."""
    order = list(KINDS)
    return order.index(one[0]) if one[0] in KINDS else len(order)


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:,.0f}"
