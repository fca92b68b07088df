"""Invented people with what they ask for: the truth that a made roster must be read as."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

_FAMILY = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜"
_GIVEN = ("伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "洋", "艳", "勇", "军", "杰", "涛", "明", "超", "霞",
          "平", "䶮", "建国", "秀英", "小满", "子涵", "一诺", "思琪", "家豪", "语嫣")  # fmt: skip
_OTHERS = ("阿依古丽·买买提", "欧阳 娜娜", "司马文君", "Anna Müller", "古丽娜尔•艾山")
_UNITS = ("上海某某商贸有限公司", "华东客服中心（浦东）", "第一百货", "静安区职业技术学校", "长宁路门店2部")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def resident(number: int, *, male: bool, check_x: bool = False) -> str:
    """Return a valid resident number; with `check_x` the next one that ends with X."""
    for n in range(number, number + 60):
        born = f"{1960 + n % 40}{1 + n % 12:02d}{1 + n % 28:02d}"
        digits = f"310{n % 900 + 100:03d}{born}{n % 50:02d}{1 if male else 2}"
        total = sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=True))
        whole = digits + "10X98765432"[total % 11]
        if not check_x or whole.endswith("X"):
            return whole
    return whole


@dataclass(slots=True)
class Sent:
    """One person as the office must know it; `papers` are the codes asked for, each with its kind.

    `wrong` are the lines (sheet and row from 1) that must be refused, instead of being read.
    """

    name: str
    number: str
    document: str
    male: bool
    level: str
    occupation: str
    papers: dict[str, str]
    employer: str
    phone: str
    minutes: int = 0
    factor: str = "1"
    day: str = ""
    half: str = ""
    room: str = ""
    seat: str = ""
    unit: str = ""
    wrong: str = ""
    lines: list[tuple[int, int]] = field(default_factory=list)


class Town:
    """Draws people, each with a number of its own."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._next = rng.randrange(10_000)

    def person(self, *, unit: str = "") -> Sent:
        """Return somebody."""
        rng = self._rng
        self._next += 61
        male = rng.random() < 0.5
        name = rng.choice(_OTHERS) if rng.random() < 0.05 else rng.choice(_FAMILY) + rng.choice(_GIVEN)
        number = resident(self._next, male=male, check_x=rng.random() < 0.2)
        papers = rng.choice((("theory", "skills"), ("theory", "skills"), ("theory",), ("skills",)))
        level = rng.choice("32")
        return Sent(
            name=name,
            number=number,
            document="resident_id",
            male=male,
            level=level,
            occupation="客户服务管理员",
            papers=dict.fromkeys(papers, "first"),
            employer=unit or rng.choice(_UNITS),
            phone=f"13{rng.randrange(10**8, 10**9)}",
        )
