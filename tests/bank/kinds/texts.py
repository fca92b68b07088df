"""Texts and Word papers of the field: each kind writes the lines of items whose truth is known."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from tests.bank.field_texts.truth import FILL, MULTIPLE, SHORT, SINGLE, TRUTH, Item, bank

Lines = list[str]
Kind = Callable[[random.Random, int], tuple[Lines, list[Item]]]
"""Makes a file of one of its variants: the lines, and the items that must come in."""


def of(rng: random.Random, *types: str, least: int = 6, most: int = 11) -> list[Item]:
    return [item for section in bank(rng, types, least, most) for item in section]


def question(
    item: Item, number: int, *, mark: str = ".", key: str = "答案：{}", label: str = "{}. "
) -> Lines:
    """Return an item as most people write it."""
    lines = [f"{number}{mark} {item.stem}"]
    lines += [label.format(letter) + text for letter, text in zip("ABCDE", item.choices, strict=False)]
    return [*lines, key.format(shown(item))] if key else lines


def shown(item: Item) -> str:
    return {True: "√", False: "×"}.get(item.key, str(item.key))  # type: ignore[call-overload]


def _decimals(rng: random.Random, variant: int) -> tuple[Lines, list[Item]]:
    between = ("；", ";", "、", "  ", "|", "，")[variant]
    items = []
    for who in rng.sample(("水泵房", "配电室", "档案库", "机房", "洁净间", "冷库", "油库"), 5):
        low, high = rng.randint(11, 60) + rng.choice((0.5, 0.25)), rng.randint(70, 95)
        key = f"{low}；{high}.{rng.randint(1, 9)}"
        items.append(Item(FILL, f"{who}的温度应保持在（　　）℃，湿度不超过（　　）%。", (), key))
    lines = ["一、填空题"]
    for number, item in enumerate(items, 1):
        lines += question(replace(item, key=str(item.key).replace("；", between)), number)
    return lines, items


def _named_verdicts(rng: random.Random, variant: int) -> tuple[Lines, list[Item]]:
    right, wrong, rule = (
        ("true. 正确", "false. 错误", "-----"),
        ("T. 对", "F. 错", ""),
        ("true、正确", "false、错误", "====="),
        ("True：对", "False：错", "-----"),
    )[variant]
    items, lines = of(rng, TRUTH), []
    for number, item in enumerate(items, 1):
        word = (right, wrong)[not item.key].split(right[len(right.rstrip("正确对")) - 1])[0].strip()
        lines += [
            f"{number}. {item.stem.rstrip('。')}。（　　）",
            right,
            wrong,
            f"答案：{word.rstrip('.、：')}",
        ]
        lines += [rule] if rule else []
    return lines, items


def _stray(rng: random.Random, variant: int) -> tuple[Lines, list[Item]]:
    stray = ("注意保存好试卷", "以上内容节选自内部规程", "（本页以下为补充部分）", "8月修订")[variant % 4]
    items = of(rng, SINGLE, least=9, most=14)
    lines = ["单选题"]
    for number, item in enumerate(items, 1):
        odd = number > 5 and variant >= 4
        own = question(item, number, mark="、" if odd else ".")
        lines += [*own[:2], stray, *own[2:]] if number == 5 and variant % 2 else own
        lines += [stray] if number == 5 and not variant % 2 else []
    return lines, items


def _running_head(rng: random.Random, variant: int) -> tuple[Lines, list[Item]]:
    kinds = (
        (MULTIPLE, "多选题", "单选题"),
        (SINGLE, "单选题", "多选题"),
        (SINGLE, "单选题", "判断题"),
        (SINGLE, "单选题", "简答题"),
    )
    kind, title, head = kinds[variant % 4]
    items, lines = of(rng, kind, least=9, most=14), [title]
    every = 3 if variant < 4 else 4
    for number, item in enumerate(items, 1):
        lines += question(item, number)
        lines += [head] if number % every == 0 and number < len(items) else []
    return lines, items


def _key_table(rng: random.Random, variant: int) -> tuple[Lines, list[Item]]:
    items = of(rng, (TRUTH, SINGLE)[variant % 2], least=10, most=10)
    lines = [("判断题", "单选题")[variant % 2]]
    for number, item in enumerate(items, 1):
        stem = item.stem if item.choices else f"{item.stem}（　　）"
        lines += question(replace(item, stem=stem), number, key="")
    keys = [shown(item) for item in items]
    spans = [("1-5", keys[:5]), ("6-10", keys[5:])]
    match variant // 2:
        case 0:
            rows = [f"{span}）" + "".join(f"({key})" for key in some) for span, some in spans]
        case 1:
            rows = [f"{span}：" + " ".join(some) for span, some in spans]
        case _:
            rows = [f"（{span}）" + "".join(f"（{key}）" for key in some) for span, some in spans]
    return [*lines, "参考答案", *rows], items


def _worked(rng: random.Random, variant: int) -> tuple[Lines, list[Item]]:
    items, lines = [], ["一、单选题"]
    singles = of(rng, SINGLE, least=4, most=6)
    for number, item in enumerate(singles, 1):
        lines += question(item, number)
    lines.append("二、计算题" if variant % 2 else "二、简答题")
    mark = ("{}. ", "（{}）", "{}、", "第{}步：")[variant // 2 % 4]
    for number, item in enumerate(of(rng, SHORT, least=4, most=5), 1):
        steps = [
            mark.format(step) + text for step, text in enumerate(str(item.key).rstrip("。").split("；"), 1)
        ]
        lines += [f"{number}. {item.stem}", "参考答案：", *steps]
        items.append(replace(item, key="\n".join(steps)))
    return lines, [*singles, *items]


def _parted(rng: random.Random, variant: int) -> tuple[Lines, list[Item]]:
    kind, outer, inner = (
        (SINGLE, "#", "$"),
        (TRUTH, "|||", ""),
        (SINGLE, "|||", ";"),
        (TRUTH, "#", ""),
        (SINGLE, "@@", "|"),
        (MULTIPLE, "##", "$"),
    )[variant]
    items = of(rng, kind)
    words = {True: "对", False: "错"}
    lines = []
    for number, item in enumerate(items, 1):
        key = words.get(item.key, str(item.key))  # type: ignore[call-overload]
        fields = [str(number), item.stem, *([inner.join(item.choices)] if item.choices else []), key]
        lines.append(outer.join(fields))
    return lines, items


def _signed(rng: random.Random, variant: int) -> tuple[Lines, list[Item]]:
    foot = ("出题人：某甲  审核人：某乙", "命题教师：某丙", "审核：某丁　　校对：某戊", "出题人______")[
        variant
    ]
    items, lines = of(rng, SINGLE, TRUTH), []
    for number, item in enumerate(items, 1):
        lines += question(item, number)
    return [*lines, foot], items


def _twice(rng: random.Random, variant: int) -> tuple[Lines, list[Item]]:
    items, lines = of(rng, (SINGLE, MULTIPLE)[variant % 2]), []
    for title in (("全部试题", "再次汇总"), ("一、选择题", "二、选择题"))[variant // 2]:
        lines.append(title)
        for number, item in enumerate(items, 1):
            lines += question(item, number)
    return lines, items


def _prose(rng: random.Random, variant: int) -> tuple[Lines, list[Item]]:
    rules = [
        "本资料由教研小组整理，仅供岗前学习使用。",
        "学习时请结合现场设备逐条对照。",
        "如与新版规程不一致，以新版规程为准。",
        "整理过程中得到各班组的大力协助。",
    ]
    numbered = [f"{number}. {text}" if variant % 2 else text for number, text in enumerate(rules, 1)]
    items, lines = of(rng, SINGLE), ["编写说明", *numbered, "单选题"]
    for number, item in enumerate(items, 1):
        lines += question(item, number)
        lines += [rules[3], rules[1]] if variant >= 2 and number == 3 else []
    return lines, items


def _without_choices(rng: random.Random, variant: int) -> tuple[Lines, list[Item]]:
    lines = ["单选题"] if variant % 2 else []
    items = of(rng, SINGLE)
    for number, item in enumerate(items, 1):
        lines += question(replace(item, choices=()), number, key="" if variant >= 2 else "答案：{}")
    keys = (
        ["参考答案", "".join(f"{n}.{shown(item)} " for n, item in enumerate(items, 1))]
        if variant >= 2
        else []
    )
    return [*lines, *keys], []


def _all_alike(rng: random.Random, variant: int) -> tuple[Lines, list[Item]]:
    items = [replace(item, key="ABCD"[variant % 3]) for item in of(rng, SINGLE, least=12, most=15)]
    lines = []
    for number, item in enumerate(items, 1):
        lines += question(item, number)
    return lines, items


def _gap(rng: random.Random, variant: int) -> tuple[Lines, list[Item]]:
    """An item whose number lost its mark is taken into the one before it."""
    items, lines = of(rng, SINGLE, least=9, most=12), ["单选题"]
    for number, item in enumerate(items, 1):
        own = question(item, number)
        if number == 6:
            own[0] = (item.stem, f"6 {item.stem}", f"六 {item.stem}", f"*{item.stem}")[variant]
        lines += own
    return lines, items


KINDS: dict[str, tuple[Kind, int]] = {
    "decimals": (_decimals, 6),
    "named verdicts": (_named_verdicts, 4),
    "stray line": (_stray, 8),
    "running head": (_running_head, 8),
    "key table": (_key_table, 6),
    "worked answers": (_worked, 8),
    "parted fields": (_parted, 6),
    "signed": (_signed, 4),
    "list twice": (_twice, 4),
    "prose": (_prose, 4),
    "without choices": (_without_choices, 4),
    "one key": (_all_alike, 3),
    "lost number": (_gap, 4),
}
"""By name: what makes its files, and how many variants it has."""
