"""What goes wrong in one line of a bank: whatever then comes in otherwise must be told."""

from __future__ import annotations

import random
import re

from cbt.bank.commands import understood
from cbt.errors import CbtError
from cbt.interchange.documents.items import read_lines
from cbt.interchange.documents.lines import plain_lines
from cbt.spreadsheets.findings import Severity
from tests.bank.field_texts import layouts
from tests.bank.field_texts.layouts import MARK, SECOND, Written
from tests.bank.field_texts.making import TYPES, plain, plan_of
from tests.bank.field_texts.truth import bank

JUNK = (
    "某中心内部资料",
    "注意：以上内容仅供参考",
    "（接上页）",
    "2024年3月修订",
    "职业道德概述",
    "A4纸张要求如下",
)
JUNK += ("12 附则", "答案见下页", "学号：      姓名：", "B超检查单", "第三节 服务规范")
_KEY = re.compile(r"[（(]\s*([A-E]+|[√×对错TF]|正确|错误)\s*[)）]$|(?<=答案：)[A-E√×对错]+$")
SAME, TOLD, REFUSED, SILENT = "same", "told", "refused", "silent"


def outcome_of(seed: int) -> str:
    """Return what becomes of a sound text after one mishap; "" where it was not sound before."""
    rng = random.Random(seed)
    types = rng.choice(TYPES)
    sections = bank(rng, types)
    plan = plan_of(rng, "txt", types)
    if plan.keys in (MARK, SECOND):
        return ""
    body, _keys = layouts.write(sections, plan, rng)
    wanted = [plain(one.type, one.stem, one.choices, one.key) for section in sections for one in section]
    try:
        if _read([one.text for one in body])[0] != wanted:
            return ""
    except CbtError:
        return ""
    broken = [one.text for one in _mishap(body, rng)]
    try:
        got, told = _read(broken)
    except CbtError:
        return REFUSED
    if got == wanted or broken == [one.text for one in body]:
        return SAME
    return TOLD if told else SILENT


def _read(lines: list[str]) -> tuple[list[tuple[object, ...]], bool]:
    found = read_lines(plain_lines("\n".join(lines)), "plain", "a.txt", {})
    items = [
        plain(one["type"], one["stem"], one["choices"], one["key"]) for one in understood(found)["items"]
    ]
    return items, any(one.severity is not Severity.FIXED for one in found.findings)


def _mishap(lines: list[Written], rng: random.Random) -> list[Written]:
    made = list(lines)
    place = rng.choice([number for number, one in enumerate(lines) if one.text])
    text = lines[place].text
    match rng.choice(("number", "label", "key", "junk", "merge", "count", "letter", "split")):
        case "number":
            made[place] = Written(re.sub(r"^[（(第]?\d+[)）题]?\s*[.、．]?\s*", "", text))
        case "label":
            made[place] = Written(re.sub(r"^[（(]?[A-E][)）]?\s*[.、．：]?\s*", "", text))
        case "key":
            made[place] = Written(_KEY.sub("（ ）", text))
        case "junk":
            made.insert(place, Written(rng.choice(JUNK)))
        case "merge" if place + 1 < len(made):
            made[place : place + 2] = [Written(text + rng.choice(("", " ")) + made[place + 1].text)]
        case "count":
            other = rng.choice((-1, 1, 10))
            made[place] = Written(
                re.sub(r"^([（(第]?)(\d+)", lambda found: f"{found[1]}{int(found[2]) + other}", text)
            )
        case "letter":
            made[place] = Written(
                re.sub(r"^([（(]?)[A-E]", lambda found: found[1] + rng.choice("ABCDE"), text)
            )
        case "split" if len(text) > 6:
            at = rng.randrange(2, len(text) - 2)
            made[place : place + 1] = [Written(text[:at]), Written(text[at:])]
    return made
