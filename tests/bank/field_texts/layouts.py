"""From questions to lines, in the ways that people write them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from tests.bank.field_texts.truth import FILL, MULTIPLE, SHORT, SINGLE, TRUTH, Item

TITLES = {
    SINGLE: ("单选题", "单项选择题", "单项选择"),
    MULTIPLE: ("多选题", "多项选择题"),
    TRUTH: ("判断题", "是非题"),
    FILL: ("填空题",),
    SHORT: ("简答题", "问答题"),
}
NUMBERS = ("{}.", "{}、", "{}．", "（{}）", "{} ", "第{}题 ", "{})", "{}. ", "({})", "")
LABELS = ("{}. ", "{}、", "{}．", "（{}）", "{}.", "({}) ", "{}：", "{} ")
CHOICES = ("lines", "lines", "inline", "one line", "two a line")
WORDS = (("√", "×"), ("对", "错"), ("正确", "错误"), ("✓", "✗"), ("T", "F"), ("是", "否"))
ANSWERS = (
    "答案：{}",
    "【答案】{}",
    "参考答案：{}",
    "正确答案: {}",
    "答案:{}。",
    "答：{}",
    "答案 {}",
    "标准答案：（{}）",
    "[答案] {}",
    "(答案：{})",
)
BY_LINE, IN_STEM, BLOCK, SECOND, LEAD, TICK, MARK, NONE = (
    "line",
    "stem",
    "block",
    "second",
    "lead",
    "tick",
    "mark",
    "none",
)


@dataclass
class Written:
    """A line: its text, whether it is a right choice (to be marked), a heading, its automatic number."""

    text: str
    right: bool = False
    heading: bool = False
    listed: tuple[str, int] | None = None
    """(kind of list, which): the label comes from automatic numbering, not from the text."""


@dataclass
class Plan:
    """How one file is written."""

    number: str = "{}."
    label: str = "{}. "
    choices: str = "lines"
    keys: str = BY_LINE
    answer: str = "答案：{}"
    words: tuple[str, str] = ("√", "×")
    heads: str = "sections"
    restart: bool = True
    truth_choices: tuple[str, ...] = ()
    block: str = "range"
    explain: bool = False
    blank_lines: bool = False
    title: bool = True
    auto: bool = False
    names: dict[str, str] = field(default_factory=dict)


def write(sections: list[list[Item]], plan: Plan, rng: random.Random) -> tuple[list[Written], list[Written]]:
    """Return the lines of a bank and of its second file, which is empty but where keys stand there."""
    body: list[Written] = [Written("某中心理论知识题库", heading=True)] if plan.title else []
    blocks: list[Written] = []
    count = 0
    for place, section in enumerate(sections):
        kind = section[0].type
        title = plan.names.setdefault(kind, rng.choice(TITLES[kind]))
        body += _head(plan, place, title, len(section))
        count = 0 if plan.restart else count
        first = count + 1
        for one in section:
            count += 1
            body += _question(one, count, plan, rng)
        if plan.keys in (BLOCK, SECOND):
            blocks += _block(section, first, place, title, plan)
    if plan.keys == BLOCK:
        return [*body, Written("参考答案", heading=True), *blocks], []
    if plan.keys == SECOND:
        return body, [Written("某中心理论知识题库答案", heading=True), *blocks]
    return body, []


def _head(plan: Plan, place: int, title: str, count: int) -> list[Written]:
    cn = "一二三四五六七"[place]
    match plan.heads:
        case "sections":
            return [Written(f"{cn}、{title}（每题1分，共{count}分）", heading=True)]
        case "plain":
            return [Written(title, heading=True)]
        case "part":
            return [Written(f"第{cn}部分 {title}", heading=True)]
        case "running":
            return [Written(f"题型：{title}", heading=True)]
        case "long":
            return [
                Written(
                    f"{cn}、{title}（第1题～第{count}题。请将正确答案填入题内的括号中。每题1分，满分{count}分。）",
                    heading=True,
                )
            ]
    return []


def _key(one: Item, plan: Plan) -> str:
    if one.type == TRUTH:
        if plan.truth_choices and plan.keys != IN_STEM:
            return "AB"[plan.truth_choices.index(plan.words[0] if one.key else plan.words[1])]
        return plan.words[0] if one.key else plan.words[1]
    return str(one.key)


def _question(one: Item, number: int, plan: Plan, rng: random.Random) -> list[Written]:
    key, stem = _key(one, plan), one.stem
    inside = plan.keys == IN_STEM and one.type not in (FILL, SHORT)
    if one.type == TRUTH and (inside or plan.keys in (BLOCK, SECOND)) and not plan.truth_choices:
        stem = f"{stem}（{key if inside else '　　'}）"
    elif inside:
        stem = (
            stem.replace("（　　）", f"（ {key} ）" if rng.random() < 0.7 else f"({key})")
            if one.type != TRUTH
            else f"{stem}（ {key} ）"
        )
    lead = ""
    if plan.keys == LEAD and one.type in (SINGLE, MULTIPLE, TRUTH):
        lead = f"（ {key} ）"
    label = "" if plan.auto else plan.number.format(number)
    tag = f"（{plan.names[one.type]}）" if plan.heads == "tags" else ""
    head = Written(f"{lead}{label}{tag}{stem}", listed=("question", number) if plan.auto else None)
    texts = list(one.choices) or (list(plan.truth_choices) if one.type == TRUTH else [])
    lines = _choices(head, texts, key, plan)
    if (
        plan.keys == BY_LINE
        or (plan.keys in (IN_STEM, LEAD, TICK, MARK) and one.type in (FILL, SHORT))
        or (plan.keys in (TICK, MARK) and not texts)
    ):
        lines.append(Written(plan.answer.format(key)))
    if plan.explain:
        lines.append(Written(f"解析：见规程第 {number} 条，{stem[:6]}有明确要求。"))
        lines.append(Written("难度：中"))
    if plan.blank_lines:
        lines.append(Written(""))
    return lines


def _choices(head: Written, texts: list[str], key: str, plan: Plan) -> list[Written]:
    if not texts:
        return [head]
    made = []
    for letter, text in zip("ABCDE", texts, strict=False):
        right = letter in key
        shown = f"{text}（正确答案）" if plan.keys == TICK and right else text
        label = "" if plan.auto else plan.label.format(letter)
        made.append(
            Written(
                f"{label}{shown}", right, listed=("choice", "ABCDE".index(letter) + 1) if plan.auto else None
            )
        )
    if plan.choices == "lines" or plan.keys == MARK or plan.auto:
        return [head, *made]
    if plan.choices == "inline":
        return [Written(head.text + " " + "  ".join(one.text for one in made))]
    if plan.choices == "one line":
        return [head, Written("   ".join(one.text for one in made))]
    return [
        head,
        *(Written("    ".join(one.text for one in made[n : n + 2])) for n in range(0, len(made), 2)),
    ]


def _block(section: list[Item], first: int, place: int, title: str, plan: Plan) -> list[Written]:
    keys = [_key(one, plan) for one in section]
    head = (
        []
        if plan.heads in ("none", "tags")
        else [Written(f"{'一二三四五六七'[place]}、{title}", heading=True)]
    )
    last = first + len(keys) - 1
    if section[0].type in (FILL, SHORT):
        return [*head, *(Written(f"{n}. {key}") for n, key in enumerate(keys, first))]
    if plan.block == "range":
        text = ("" if all(len(one) == 1 for one in keys) else " ").join(keys)
        return [*head, Written(f"{first}-{last} {text}")]
    if plan.block == "bracket range":
        text = ("" if all(len(one) == 1 for one in keys) else "、").join(keys)
        return [*head, Written(f"{first}-{last}） {text}")]
    if plan.block == "lines":
        return [*head, *(Written(f"{n}. {key}") for n, key in enumerate(keys, first))]
    if plan.block == "table":
        numbers = "  ".join(str(n) for n in range(first, last + 1))
        return [*head, Written(f"题号  {numbers}"), Written(f"答案  {'  '.join(keys)}")]
    return [*head, Written("  ".join(f"{n}.{key}" for n, key in enumerate(keys, first)))]
