"""Items whose truth is known: sentences of an office that exists nowhere, with what is hard to read."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

BLANK = "（　　）"
_WHO = ("接待员", "值班人员", "班组长", "新到岗的同事", "库房保管员", "仪表工", "窗口负责人", "外呼坐席")
_WHEN = (
    "交接班前",
    "设备停机后",
    "收到投诉时",
    "雨季来临前",
    "每周盘点时",
    "夜间值守期间",
    "客户离开后",
    "系统升级当天",
)
_WHAT = (
    "登记台账",
    "核对身份",
    "切断电源",
    "上报主管",
    "佩戴手套",
    "清点备件",
    "复述要点",
    "填写交接单",
    "锁好档案柜",
    "通知下一班",
)
_WHY = ("防止遗漏", "便于追溯", "减少等待", "保证安全", "避免误操作", "符合规程", "节约材料", "保护隐私")
_HARD = (
    "使用 USB3.0 接口",
    "（A）类场所",
    "pH 值为 7 时",
    "①检查②登记③上报",
    "2.5 m 以内",
    "“三查七对”",
    "按 GB/T 19001-2016 的规定",
    "在 0.4MPa 压力下",
    "依据《值班办法》第12条",
    "A、B两相之间",
)
_CHOICES = (
    "立即{what}",
    "先{what}，再{other}",
    "由{who}{what}",
    "{when}{what}",
    "不必{what}",
    "{what}、{other}",
    "只需{why}",
)
_SHORT_CHOICES = (
    "甲组",
    "乙组",
    "丙组",
    "丁组",
    "戊组",
    "己组",
    "A级",
    "B级",
    "红色",
    "蓝色",
    "3 m",
    "5 m",
    "380V",
    "220V",
)


@dataclass(frozen=True, slots=True)
class Item:
    """One item; `key` is letters, true or false, or text, `stem` has BLANK where something is to be filled in."""

    type: str
    stem: str
    choices: tuple[str, ...]
    key: str | bool

    def with_stem(self, stem: str) -> Item:
        """Return the same item with another stem."""
        return replace(self, stem=stem)


class Author:
    """Writes items; no two stems of one author are the same."""

    def __init__(self, rng: random.Random, *, hard: bool = True) -> None:
        self._rng, self._hard, self._count = rng, hard, 0

    def item(self, kind: str) -> Item:
        """Return an item of a type."""
        self._count += 1
        make = {
            "single_choice": self._choice,
            "multiple_choice": self._choice,
            "true_false": self._truth,
            "fill_blank": self._blank,
            "short_answer": self._essay,
        }[kind]
        return make(kind)

    def _pick(self, *pools: tuple[str, ...]) -> list[str]:
        return [self._rng.choice(pool) for pool in pools]

    def _sentence(self) -> str:
        who, when = self._pick(_WHO, _WHEN)
        hard = self._rng.choice(_HARD) if self._hard and self._rng.random() < 0.25 else ""
        return f"{hard}，{when}第{self._count}号{who}" if hard else f"{when}第{self._count}号{who}"

    def _choice(self, kind: str) -> Item:
        count = (
            self._rng.choice((3, 4, 4, 4, 4, 5)) if kind == "single_choice" else self._rng.choice((4, 4, 5))
        )
        style = self._rng.random()
        if style < 0.6:
            texts = self._sentences(count)
        elif style < 0.85:
            texts = self._rng.sample(_SHORT_CHOICES, count)
        else:
            texts = [f"{number}" for number in self._rng.sample(range(10, 90), count)]
        least = 1 if kind == "single_choice" else 2
        most = 1 if kind == "single_choice" else count
        places = sorted(self._rng.sample(range(count), self._rng.randint(least, most)))
        stem = self._sentence()
        tail = self._rng.choice(
            (f"应当{BLANK}。", f"首先要做的是{BLANK}", f"，下列做法{BLANK}是妥当的？", "正确的做法是")
        )
        return Item(kind, stem + tail, tuple(texts), "".join("ABCDEFG"[place] for place in places))

    def _sentences(self, count: int) -> list[str]:
        found: list[str] = []
        while len(found) < count:
            what, other, who, when, why = self._pick(_WHAT, _WHAT, _WHO, _WHEN, _WHY)
            text = self._rng.choice(_CHOICES).format(what=what, other=other, who=who, when=when, why=why)
            if text not in found:
                found.append(text)
        return found

    def _truth(self, kind: str) -> Item:
        what, why = self._pick(_WHAT, _WHY)
        return Item(kind, f"{self._sentence()}应当{what}，以{why}。", (), self._rng.random() < 0.5)

    def _blank(self, kind: str) -> Item:
        what, why = self._pick(_WHAT, _WHY)
        if self._rng.random() < 0.5:
            return Item(kind, f"{self._sentence()}应当{BLANK}，目的是{why}。", (), what)
        return Item(kind, f"{self._sentence()}应当{BLANK}，以{BLANK}。", (), f"{what}；{why}")

    def _essay(self, kind: str) -> Item:
        what, why = self._pick(_WHAT, _WHY)
        return Item(
            kind, f"请说明{self._sentence()}为什么要{what}？", (), f"首先是为了{why}，其次是便于检查。"
        )
