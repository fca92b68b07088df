"""What makes a line of a made roster one that must be refused."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.bank.field.containers import Cell
    from tests.candidates.field.people import Sent
    from tests.candidates.field.recipes import Recipe

_TYPED = frozenset({"xlsx", "xlsx named xls", "xls"})


def damage(person: Sent, cells: dict[str, Cell], recipe: Recipe, rng: random.Random) -> None:
    """Damage the cells of a line; where it has no such cell the person is right after all."""
    number = person.number
    resident = person.document == "resident_id"
    level = "both" if "both" in cells else "level"
    match person.wrong:
        case "digit" if resident:
            at = rng.randrange(0, 17)
            cells["number"] = (
                number[:at] + str((int(number[at]) + rng.randrange(1, 10)) % 10) + number[at + 1 :]
            )
        case "short" if resident:
            cells["number"] = number[: rng.randrange(12, 18)]
        case "long" if resident:
            cells["number"] = number + rng.choice("0123456789X")
        case "science" if resident:
            cells["number"] = f"{number[0]}.{number[1:6]}E+17"
        case "lost" if resident and recipe.container in _TYPED and number[:-1].isdigit():
            cells["number"] = int(number[:17] + "0")
        case "zero_number" if resident:
            cells["number"] = number[:15] + "000" if not number.endswith("000") else number[:-1]
        case "level":
            cells[level] = rng.choice(("特级", "零级", "六级", "合格"))
        case "level_two" if level == "level":
            cells["level"] = rng.choice(("二级/高级工", "三级/技师", "二级、三级", "33"))
        case "levels_differ" if "both" not in cells and "occupation" in cells:
            cells["occupation"] = f"客户服务管理员（{'二级' if person.level == '3' else '三级'}）"
        case "trade" if "occupation" in cells:
            cells["occupation"] = rng.choice(("收银员", "电工", "4-01-02-03", "客户服务"))
        case "trade_joined" if level == "both":
            cells["both"] = "收银员（三级）"
        case "paper" if "paper" in cells:
            cells["paper"] = rng.choice(("综合评审", "笔试", "三科", "理论、论文", ""))
        case "kind" if "kind" in cells:
            cells["kind"] = rng.choice(("缓考", "第三次", "新考补考"))
        case "no_name":
            cells["name"] = ""
        case "name_says":
            said = rng.choice(("（补考）", "(理论补考)", "13800000000", " 三级"))
            cells["name"] = f"{person.name}{said}"
        case "dash_name":
            cells["name"] = rng.choice(("/", "——", "?"))
        case "no_number":
            cells["number"] = ""
        case "type" if "type" in cells:
            cells["type"] = rng.choice(("毕业证", "结婚证"))
        case "mark" if "theory" in cells:
            cells["theory"] = rng.choice(("85", "待定", "○", "?"))
        case "note_retake" if "note" in cells and "kind" not in cells and recipe.kinds != "marks":
            cells["note"] = rng.choice(("理论补考", "上次没过，补考", "2025年第二批补考人员"))
        case "extra" if "extra" in cells:
            cells["extra"] = rng.choice(("需要照顾", "多给点时间", "9倍", "999"))
        case "when" if "when" in cells:
            cells["when"] = rng.choice(("尽快", "2026-13-40", "10月12日或13日"))
        case "phone" if "phone" in cells:
            cells["phone"] = rng.choice(("电话见附件", "12"))
        case "unseen":
            cells["name"] = f"{person.name}\u200b"
        case _:
            person.wrong = ""
    if recipe.odd == "twin_differs" and "held" in cells:
        person.wrong = person.wrong or "twin"
