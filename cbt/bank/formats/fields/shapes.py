"""The shapes of a question in JSON: what names its parts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cbt.bank.formats.reading.words import LETTERS, named_type
from cbt.rules.items.values import ItemType

NAMES: Mapping[str, tuple[str, ...]] = {
    part: tuple(names.split())
    for part, names in {
        "stem": """
            q stem question questiontext questioncontent questionstem questiontitle ques quescontent timu tigan
            题干 题目 试题 题目内容 试题内容 问题 题目描述
            problem prompt subject topic content title body text t name
            description""",
        "kind": """
            type kind qtype questiontype quetype typename typecode
            题型 题目类型 试题类型 类型 tx t category classify""",
        "choices": """
            o options option opts choices choice 选项 selections selectlist optionlist answerlist answers items
            alternatives xuanxiang""",
        "answer": """
            a answer ans key correct correctanswer rightanswer rightkey trueanswer answerkey correctoption
            correctindex answerindex
            答案 正确答案 参考答案 标准答案 daan solution result right standardanswer answers
            reply""",
        "explanation": """
            e explanation explain analysis analyze
            解析 答案解析 题目解析 试题解析 jiexi rationale hint remark desc note""",
        "difficulty": "difficulty level 难度 难度系数 nandu d diff",
        "point": "point knowledge knowledgepoint 知识点 鉴定点 考点 鉴定点代码",
    }.items()
}
_LETTERED = re.compile(r"(?:option|choice|opt|选项|answer|item|xx|选项)?[_ -]?([A-La-l])(?:项|选项)?")
_KINDS = (
    ("multi|checkbox|多|duoxuan|mcq_multi|indefinite", ItemType.MULTIPLE_CHOICE),
    ("single|radio|单|danxuan|one|^sc$|^mcq$", ItemType.SINGLE_CHOICE),
    ("judg|true|bool|^tf$|判断|是非|panduan|yesno", ItemType.TRUE_FALSE),
    ("fill|blank|填空|cloze|tiankong", ItemType.FILL_BLANK),
    ("short|essay|qa|subjective|简答|问答|jianda|text", ItemType.SHORT_ANSWER),
)


@dataclass(frozen=True, slots=True)
class Shape:
    """Which name stands for which part, and which names are single choices."""

    parts: Mapping[str, str]
    lettered: tuple[str, ...]


def shape_of(rows: Sequence[Mapping[str, Any]]) -> Shape:
    """Return the shape most rows have; a part that nothing names is missing."""
    counts: dict[str, int] = {}
    for row in rows:
        for name in row:
            counts[name] = counts.get(name, 0) + 1
    usual = {
        plain_name(name): name for name, count in sorted(counts.items(), key=lambda pair: pair[1]) if count
    }
    lettered = _lettered(usual)
    parts: dict[str, str] = {}
    for part, aliases in NAMES.items():
        for alias in aliases:
            name = usual.get(alias, "")
            if not name or name in parts.values() or name in lettered:
                continue
            if _fits(part, [row[name] for row in rows if name in row]):
                parts[part] = name
                break
    return Shape(parts, lettered)


def plain_name(name: str) -> str:
    """Return a name for comparing."""
    return re.sub(r"[\s*_()（）-]+", "", name).casefold()


def _lettered(usual: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of single choices in order, where they go on from A without a gap."""
    found: dict[str, str] = {}
    for plain, name in usual.items():
        match = _LETTERED.fullmatch(plain)
        if match:
            found.setdefault(match[1].upper(), name)
    run: list[str] = []
    for letter in LETTERS:
        if letter not in found:
            break
        run.append(found[letter])
    return tuple(run) if len(run) > 1 else ()


def _fits(part: str, values: Sequence[Any]) -> bool:
    said = [one for one in values if one not in (None, "", [], {})]
    if not said:
        return False
    if part == "stem":
        texts = [one for one in said if isinstance(one, str)]
        return (
            len(texts) * 2 > len(said)
            and (len(set(texts)) * 2 > len(texts))
            and any(len(one) > 3 for one in texts)
        )
    if part == "kind":
        return all(isinstance(one, str | int) and len(str(one)) <= 30 for one in said) and len(
            set(map(str, said))
        ) <= max(8, len(said) // 3)
    if part == "choices":
        return any(isinstance(one, list | dict) or (isinstance(one, str) and len(one) > 4) for one in said)
    if part == "answer":
        return not any(isinstance(one, list) and one and isinstance(one[0], dict) for one in said)
    return any(isinstance(one, str | int | float) for one in said)


def kind_of(value: Any) -> str:
    """Return the type a word names, "" for a number or a word that is none."""
    text = str(value or "")
    if named := named_type(text):
        return named
    word = text.strip().casefold()
    return (
        next((str(kind) for pattern, kind in _KINDS if re.search(pattern, word)), "")
        if not word.isdigit()
        else ""
    )
