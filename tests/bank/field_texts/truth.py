"""Questions whose type, stem, choices and key are known. All words are our own."""

from __future__ import annotations

import random
from dataclasses import dataclass

SINGLE, MULTIPLE, TRUTH, FILL, SHORT = (
    "single_choice",
    "multiple_choice",
    "true_false",
    "fill_blank",
    "short_answer",
)
WHO = (
    "接待员",
    "客服员",
    "值班人员",
    "坐席",
    "质检员",
    "维护工",
    "库管员",
    "操作工",
    "班组长",
    "安全员",
    "新员工",
    "主管",
)
WHEN = (
    "客户离柜前",
    "接到投诉后",
    "每天开机前",
    "交接班时",
    "设备停机后",
    "到货当日",
    "月末盘点时",
    "巡检途中",
    "2021年版规程生效后",
    "雨天作业时",
)
WHAT = (
    "确认诉求已经办结",
    "如实登记来访信息",
    "核对三项单据",
    "切断总电源",
    "佩戴绝缘手套",
    "向上级报告",
    "保留原始记录",
    "清点 12 件工具",
    "把温度控制在 25.5 ℃ 以下",
    "按 GB/T 的要求贴标",
    "双人复核",
    "先疏散后处置",
    "用 A4 纸打印清单",
    "拍照留存",
    "在 24 小时内回访",
    "关闭 3 号阀门",
)
END = (
    "以免遗漏",
    "并签字",
    "不得代签",
    "由专人负责",
    "必要时请示",
    "做到件件有着落",
    "保证可追溯",
    "不影响他人",
    "（夜间除外）",
    "同时通知 B 座前台",
)


@dataclass(frozen=True)
class Item:
    """One question; `key` is letters, a verdict, or a text; `blank` says where the bracket of a choice stem is."""

    type: str
    stem: str
    choices: tuple[str, ...]
    key: object


def bank(rng: random.Random, types: tuple[str, ...], least: int = 3, most: int = 7) -> list[list[Item]]:
    """Return questions in sections, one of each type."""
    seen: set[str] = set()
    return [[_item(rng, kind, seen) for _ in range(rng.randint(least, most))] for kind in types]


def _item(rng: random.Random, kind: str, seen: set[str]) -> Item:
    while True:
        made = _made(rng, kind)
        if made.stem not in seen:
            seen.add(made.stem)
            return made


def _made(rng: random.Random, kind: str) -> Item:
    who, when = rng.choice(WHO), rng.choice(WHEN)
    if kind == TRUTH:
        return Item(kind, f"{who}{when}应当{rng.choice(WHAT)}，{rng.choice(END)}。", (), rng.random() < 0.5)
    if kind == FILL:
        return Item(
            kind, f"{who}{when}应当在（　　）内完成登记，{rng.choice(END)}。", (), f"{rng.randint(2, 48)}小时"
        )
    if kind == SHORT:
        return Item(
            kind,
            f"简述{who}{when}的工作要点。",
            (),
            f"{rng.choice(WHAT)}；{rng.choice(WHAT)}，{rng.choice(END)}。",
        )
    stem = rng.choice(
        (
            f"{who}{when}应当（　　）。",
            f"（　　）是{who}{when}的首要要求",
            f"关于{who}的职责，{when}做法正确的是（　　）",
            f"根据 2019 年的规定，{who}{when}最先要做的是（　　）。",
        )
    )
    count = rng.choice((4, 4, 4, 3, 5)) if kind == MULTIPLE else rng.choice((4, 4, 4, 4, 3))
    short = rng.random() < 0.3
    pool = list(WHAT) if not short else [f"{n} 次" for n in range(1, 9)] + ["0.5", "1.5", "2022", "60%"]
    choices = tuple(rng.sample(pool, count))
    many = rng.randint(2, count) if kind == MULTIPLE else 1
    return Item(kind, stem, choices, "".join(sorted(rng.sample("ABCDE"[:count], many))))
