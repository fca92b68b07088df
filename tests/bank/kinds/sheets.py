"""Sheets and JSON of the field: each kind writes the cells of items whose truth is known."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

from tests.bank.field.containers import Cell, Grid, Sheets
from tests.bank.field_texts.truth import FILL, MULTIPLE, SHORT, SINGLE, TRUTH, Item
from tests.bank.kinds.texts import of, shown

Kind = Callable[[random.Random, int], tuple[Sheets, list[Item]]]
NAMES = {SINGLE: "单选题", MULTIPLE: "多选题", TRUTH: "判断题", FILL: "填空题", SHORT: "简答题"}
HEAD: list[Cell] = ["题型", "题干", "选项A", "选项B", "选项C", "选项D", "选项E", "答案"]


def row(item: Item) -> list[Cell]:
    """Return an item in the columns of HEAD."""
    return [NAMES[item.type], item.stem, *item.choices, *[""] * (5 - len(item.choices)), shown(item)]


def one(grid: Grid, name: str = "Sheet1") -> Sheets:
    return Sheets({name: grid}, {})


def _key_in_options(rng: random.Random, variant: int) -> tuple[Sheets, list[Item]]:
    items = of(rng, SINGLE, *((FILL, SHORT), (FILL,), (SHORT,))[variant], least=4, most=6)
    rows = [
        row(item) if item.choices else [NAMES[item.type], item.stem, str(item.key), "", "", "", "", "A"]
        for item in items
    ]
    return one([HEAD, *rows]), items


def _two_languages(rng: random.Random, variant: int) -> tuple[Sheets, list[Item]]:
    items = [item for item in of(rng, SINGLE, least=10, most=14) if len(item.choices) == 4]
    asks = (
        "What should be done first in case {}?",
        "Which measure fits case {}?",
        "In case {} the agent should ( )",
    )[variant % 3]
    rows: Grid = [
        [*([number] if variant < 3 else []), item.stem, asks.format(number), *item.choices, str(item.key)]
        for number, item in enumerate(items, 1)
    ]
    return one(rows), items


def _classes(rng: random.Random, variant: int) -> tuple[Sheets, list[Item]]:
    classes = (("C1", "A2", "B1"), ("A", "B", "C"), ("G",), ("多项",), ("C",))[variant]
    items = of(rng, SINGLE, least=9, most=12)
    rows = [[rng.choice(classes), *row(item)[1:]] for item in items]
    return one([["类型", *HEAD[1:]], *rows]), items


def _legend(rng: random.Random, variant: int) -> tuple[Sheets, list[Item]]:
    items = [item for item in of(rng, SINGLE, least=8, most=11) if len(item.choices) == 4]
    said = ("正确答案：{}", "答案：{}", "参考答案：", "【答案】：{}")[variant]
    rows = [[*row(item)[:6], said.format(item.key), str(item.key)] for item in items]
    return one([HEAD, *rows]), items


def _plan(rng: random.Random, variant: int) -> tuple[Sheets, list[Item]]:
    topics = ("岗位职责", "登记台账", "交接班", "消防器材", "用电安全", "应急处置")
    head: list[Cell] = (
        ["序号", "内容", "题型", "结果"],
        ["序号", "题目", "题型", "答案"],
        ["编号", "标题", "类型", "判断"],
    )[variant % 3]  # type: ignore[assignment]
    plan: Grid = [head, *([n, topic, "判断", rng.choice("√×")] for n, topic in enumerate(topics, 1))]
    if variant < 3:
        return one(plan, "安排"), []
    items = of(rng, SINGLE)
    return Sheets({"题库": [HEAD, *map(row, items)], "安排": plan}, {}), items


def _dollars(rng: random.Random, variant: int) -> tuple[Sheets, list[Item]]:
    items, rows = [], []
    between = ("$;", "$；", "$;$", "#;")[variant]
    for number, item in enumerate(of(rng, FILL), 1):
        parts = [f"第{number}项{word}" for word in ("登记", "复核", "归档")]
        stem = f"{item.stem[:6]}第{number}步应依次（　　）、（　　）、（　　）。"
        items.append(Item(FILL, stem, (), "；".join(parts)))
        rows.append(["填空题", stem, between.join(parts)])
    return one([["题型", "题干", "答案"], *rows]), items


def _code_words(rng: random.Random, variant: int) -> tuple[Sheets, list[Item]]:
    head = (
        ["TX", "TG", "XXA", "XXB", "XXC", "XXD", "XXE", "DA"],
        ["tixing", "timu", "opA", "opB", "opC", "opD", "opE", "daan"],
        ["F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8"],
        ["col_a", "col_b", "col_c", "col_d", "col_e", "col_f", "col_g", "col_h"],
    )[variant]
    items = of(rng, SINGLE, MULTIPLE)
    return one([[*head], *map(row, items)]), items


def _blanks(rng: random.Random, variant: int) -> tuple[Sheets, list[Item]]:
    head = (["空1", "空2"], ["填空1", "填空2"], ["第1空", "第2空"], ["空1答案", "空2答案"])[variant]
    items, rows = [], []
    for number, item in enumerate(of(rng, FILL), 1):
        parts = [f"{rng.randint(2, 9)}.5", f"第{number}组"]
        stem = f"{item.stem[:6]}每（　　）小时由（　　）巡检一次。"
        items.append(Item(FILL, stem, (), "；".join(parts)))
        rows.append(["填空题", stem, *parts])
    return one([["题型", "题干", *head], *rows]), items


def _footed(rng: random.Random, variant: int) -> tuple[Sheets, list[Item]]:
    foot = ("出题人：某甲", "审核人：某乙　日期：2026年", "命题教师：某丙", "制表：某丁")[variant]
    items = of(rng, SINGLE, TRUTH)
    place = variant % 2
    return one([HEAD, *map(row, items), [*[""] * place, foot]]), items


def _repeated(rng: random.Random, variant: int) -> tuple[Sheets, list[Item]]:
    items = of(rng, SINGLE, MULTIPLE)
    rows = [row(item) for item in items]
    if variant:
        return Sheets({"全部": [HEAD, *rows], "备份": [HEAD, *rows]}, {}), items
    return one([HEAD, *rows, *rows]), items


KINDS: dict[str, tuple[Kind, int]] = {
    "key in options": (_key_in_options, 3),
    "two languages": (_two_languages, 6),
    "classes": (_classes, 5),
    "key as choice": (_legend, 4),
    "plan": (_plan, 6),
    "dollars": (_dollars, 4),
    "code words": (_code_words, 4),
    "blank columns": (_blanks, 4),
    "signed sheet": (_footed, 4),
    "sheet twice": (_repeated, 2),
}

Row = dict[str, object]


def _own_labels(rng: random.Random, variant: int) -> tuple[object, list[Item]]:
    if variant == 1:
        items = of(rng, TRUTH)
        return [
            {"question": item.stem, "options": {"T": "正确", "F": "错误"}, "answer": "TF"[not item.key]}
            for item in items
        ], items
    items = of(rng, SINGLE)
    rows: list[Row] = []
    for item in items:
        place = "ABCDE".index(str(item.key))
        match variant:
            case 0:
                rows.append(
                    {
                        "tm": item.stem,
                        **{f"o{c}": t for c, t in zip("ABCDE", item.choices, strict=False)},
                        "da": item.key,
                    }
                )
            case 2:
                rows.append(
                    {
                        "stem": item.stem,
                        "options": {str(n): t for n, t in enumerate(item.choices, 1)},
                        "answer": str(place + 1),
                    }
                )
            case _:
                listed = [{"label": c, "text": t} for c, t in zip("ABCDE", item.choices, strict=False)]
                rng.shuffle(listed)
                rows.append({"stem": item.stem, "options": listed, "answer": item.key})
    return rows, items


def _mistyped(rng: random.Random, variant: int) -> tuple[object, list[Item]]:
    """One item's last label is another letter: it must be held, the rest come in."""
    items = [item for item in of(rng, SINGLE, least=7, most=9) if len(item.choices) == 4]
    wrong = rng.randrange(len(items))
    rows: list[Row] = []
    for number, item in enumerate(items):
        labels = [*"ABC", ("B#", "C#", "E", "B#")[variant]] if number == wrong else list("ABCD")
        named = dict(zip(labels, item.choices, strict=True))
        options: object = (
            named
            if variant < 3
            else [{"key": c, "value": t} for c, t in zip(labels, item.choices, strict=True)]
        )
        rows.append({"question": item.stem, "options": options, "answer": item.key})
    return rows, [item for number, item in enumerate(items) if number != wrong]


def _two_lists(rng: random.Random, variant: int) -> tuple[object, list[Item]]:
    items = of(rng, SINGLE)
    rows = [{"question": item.stem, "options": list(item.choices), "answer": item.key} for item in items]
    names = (("all", "single"), ("list", "backup"), ("questions", "items"))[variant]
    return dict.fromkeys(names, rows), items


def _loose_answers(rng: random.Random, variant: int) -> tuple[object, list[Item]]:
    """Keys in words beside choices of a name nobody knows: what is lost must be asked about."""
    items = of(rng, SINGLE)
    name = ("xuanze", "beixuan", "candidates")[variant]
    rows = [
        {
            "question": item.stem,
            name: list(item.choices),
            "answer": item.choices["ABCDE".index(str(item.key))],
        }
        for item in items
    ]
    return rows, items


OBJECTS: dict[str, tuple[Callable[[random.Random, int], tuple[object, list[Item]]], int]] = {
    "own labels": (_own_labels, 4),
    "mistyped label": (_mistyped, 4),
    "two lists": (_two_lists, 3),
    "unknown choices": (_loose_answers, 3),
}


def dumped(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).replace('#"', '"').encode()
