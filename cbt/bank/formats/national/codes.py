"""Which type of item a cell of a sheet names."""

from __future__ import annotations

import re

from cbt.bank.formats.cells import plain
from cbt.bank.items.types.choices import letters_of
from cbt.bank.items.types.registry import AUTHORING
from cbt.rules.items.values import ItemType

_TYPES = {code: ItemType(kind) for kind, own in AUTHORING.items() for code in own.codes}
_UNSUPPORTED = {"W", "E", "F", "论述", "案例", "综合", "主观"}
_CODE = re.compile(r"([A-Z])(?:\(([^()]*)\))?")


def item_type(cell: str, *, choices: int, answer: str) -> ItemType | str:
    """Return the type a cell names, or why not: "type_unknown", "type_unsupported" or "type_ask".

    D is 简答 in one tool and 多选 in another: without choices it is 简答, with choices and two or more letters in
    the answer 多选, with choices and one letter the author must say.
    """
    text = plain(cell)
    code = _CODE.fullmatch(text)
    letter = code[1] if code else ""
    words = ((code[2] if code else None) or ("" if code else text)).removesuffix("题").removesuffix("选择")
    if words.startswith(("单项", "多项", "不定项")):
        words = "单选" if words.startswith("单") else "多选"
    if words in _TYPES:
        return _TYPES[words]
    if letter == "D" and choices:
        letters = letters_of(answer)
        return ItemType.MULTIPLE_CHOICE if letters is not None and len(letters) > 1 else "type_ask"
    if letter in _UNSUPPORTED or words in _UNSUPPORTED:
        return "type_unsupported"
    return _TYPES.get(letter, "type_unknown")
