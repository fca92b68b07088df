"""Paragraphs of a document in reading order, each a row of runs; table rows become lines of named fields.

Children that open documents import these, so nothing of the product is imported here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec


class Paragraph(msgspec.Struct, array_like=True):
    """One paragraph or line; `runs` are (text, marks), marks such as `bold`, `underline`, `color:FF0000`.

    A picture that was handed on stands in a run as one character (`foreign.marks`). `pictures` and `formulas` count
    what stands in it and could not be handed on; `heading` says that its author made it one; `cells` are those of
    a row of a table.
    """

    number: int
    runs: list[tuple[str, list[str]]]
    heading: bool = False
    bullet: bool = False
    pictures: int = 0
    formulas: int = 0
    cells: list[str] = []


class DocumentText(msgspec.Struct, array_like=True):
    """The paragraphs of a document; `notes` are codes of what in it could not be read as text.

    `marks` are what stands for its pictures, in their order, `bodies` these by their keys.
    """

    paragraphs: list[Paragraph]
    notes: list[str] = []
    marks: list[str] = []
    bodies: dict[str, bytes] = {}


_ROLES: Mapping[str, frozenset[str]] = {
    role: frozenset(names.split())
    for role, names in {
        "题干": "题干 题目 试题 试题内容 题目内容 问题 题目描述 试题题干 内容 试题(题干) 题目名称 question stem",
        "答案": "答案 正确答案 标准答案 参考答案 正确选项 answer key",
        "题型": "题型 类型 试题类型 题目类型 题型代码 type",
        "选项": "选项 备选项 备选答案 choices options",
        "解析": "解析 答案解析 试题解析 题目解析 依据 explanation",
        "难度": "难度 难度系数 难度等级 难度代码",
    }.items()
}
_CHOICE = re.compile(r"(?:选项|答案选项|备选)?\s*[（(]?([A-Ha-hＡ-Ｈ])[)）]?\s*(?:选项|项)?")
_ORDINAL = re.compile(r"选项\s*([一二三四五六七八1-8])")


def roles_of(cells: Sequence[str]) -> dict[int, str] | None:
    """Return what each column holds where the cells name a stem and a key; None for any other row."""
    roles: dict[int, str] = {}
    for place, cell in enumerate(cells):
        name = re.sub(r"[\s*:：]+", "", cell).replace("（", "(").replace("）", ")").casefold()
        role = next((role for role, names in _ROLES.items() if name in names), "")
        letter, ordinal = _CHOICE.fullmatch(name), _ORDINAL.fullmatch(name)
        if role and role not in roles.values():
            roles[place] = role
        elif letter:
            roles[place] = f"选项{chr(ord('A') + 'abcdefgh'.find(letter[1].lower()))}"
        elif ordinal:
            number = "一二三四五六七八".find(ordinal[1]) + 1 or int(ordinal[1])
            roles[place] = f"选项{'ABCDEFGH'[number - 1]}"
    values = set(roles.values())
    return roles if {"题干", "答案"} <= values and len(roles) == len(values) else None


def with_rows_named(paragraphs: Sequence[Paragraph]) -> list[Paragraph]:
    """Return the paragraphs with each row of a table that names its columns as lines of those names."""
    done: list[Paragraph] = []
    roles: dict[int, str] | None = None
    for paragraph in paragraphs:
        if not paragraph.cells:
            roles = None
            done.append(paragraph)
        elif named := roles_of(paragraph.cells):
            roles = named
        elif roles is None:
            done.append(paragraph)
        else:
            done += _lines(paragraph, roles)
    return done


def _lines(row: Paragraph, roles: Mapping[int, str]) -> list[Paragraph]:
    order = ("题型", "题干", "选项", *(f"选项{letter}" for letter in "ABCDEFGH"), "答案", "解析", "难度")
    texts = {role: row.cells[place].strip() for place, role in roles.items() if place < len(row.cells)}
    if not texts.get("题干"):
        return [row]
    made = []
    for role in order:
        if text := texts.get(role, ""):
            label = (
                f"{role[-1]}. "
                if role.startswith("选项") and len(role) > 2
                else ""
                if role == "选项"
                else f"{role}："
            )
            made.append(Paragraph(row.number, [(f"{label}{text}", [])]))
    made[0].pictures, made[0].formulas = row.pictures, row.formulas
    return made
