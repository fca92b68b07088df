"""Which type of item a cell, a heading, a sheet or a file names, and what an item is whose type nobody named."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from cbt.interchange.tables.cells import bare, find_key, has_blank, letters_in
from cbt.items.exam_prose import plain
from cbt.items.types.folders import kinds
from cbt.items.types.registry import AUTHORING
from cbt.items.types.true_false.editor import truth_of
from cbt.rules.items.content import ItemType

DERIVED = "derived"
"""What an author may say of a type: each item by its choices and its key."""
_UNSUPPORTED_CODES = frozenset("EF")
_CODE = re.compile(r"([A-Z])(?:\(([^()]*)\))?")
_OTHER = (
    r"案例|综合|材料|阅读|完形|配伍|连线|匹配|排序|操作|实操|实务|写作|作文|翻译|编程|改错|听力|作图|画图|绘图|共用|组合|套题|应用题"
    r"|分析题|设计题|程序|match|order|case"
)
_NAMES_NO_TYPE = 4
"""A longer word with 操作 or 材料 in it names a trade or a subject, unless it says 题."""
_IS_TYPE = re.compile(rf"(?:{_OTHER})[^，。]{{0,4}}[题型]|match|order|case", re.IGNORECASE)
_ANY_CHOICE = re.compile(r"选择|客观|choice", re.IGNORECASE)


def item_type(cell: str, *, choices: int, answer: str) -> ItemType | str:
    """Return the type a cell names, or why not: "type_unknown", "type_unsupported", "type_ask", or "derived".

    D is 简答 in one tool and 多选 in another: without choices it is 简答, with choices and two or more letters in
    the answer 多选, with choices and one letter the author must say.
    """
    text = plain(cell)
    code = _CODE.fullmatch(text)
    if code and code[2] and not re.fullmatch(r"[A-Z]", code[2]):
        return named_type(code[2]) or "type_unknown"
    if code is None:
        return named_type(cell) or "type_unknown"
    letter = code[1]
    if letter == "D" and choices:
        letters = letters_in(answer)
        return ItemType.MULTIPLE_CHOICE if letters is not None and len(letters) > 1 else "type_ask"
    if letter in _UNSUPPORTED_CODES:
        return "type_unsupported"
    names = _names(kinds())
    return names.codes.get(letter) or names.shorts.get(letter) or "type_unknown"


@dataclass(frozen=True, slots=True)
class _TypeNames:
    """What names a type: its codes, its short names, patterns of its words."""

    codes: Mapping[str, ItemType]
    shorts: Mapping[str, ItemType]
    words: Sequence[tuple[re.Pattern[str], ItemType]]


@cache
def _names(_folders: frozenset[str]) -> _TypeNames:
    own = [(ItemType(kind), authoring) for kind, authoring in AUTHORING.items()]
    return _TypeNames(
        {code: kind for kind, authoring in own for code in authoring.codes},
        {short: kind for kind, authoring in own for short in authoring.shorts},
        [(re.compile(authoring.words, re.IGNORECASE), kind) for kind, authoring in own if authoring.words],
    )


def named_type(text: str) -> ItemType | str:
    """Return the type a word names, "derived" for one that names several, "" for none."""
    folded = unicodedata.normalize("NFKC", text).strip()
    short = plain(folded).removesuffix("题")
    names = _names(kinds())
    if (kind := names.shorts.get(short)) is not None:
        return kind
    named = [kind for pattern, kind in names.words if pattern.search(folded)]
    other = re.search(_OTHER, folded, re.IGNORECASE) is not None
    if len(named) > 1:
        return DERIVED
    if named or (other and (len(short) < _NAMES_NO_TYPE or _IS_TYPE.search(folded))):
        return "type_unsupported" if other else named[0]
    return DERIVED if _ANY_CHOICE.search(folded) else ""


def heading_type(text: str) -> ItemType | str:
    """Return the type that a heading, the name of a sheet or of a file says, "" when it says none."""
    kind = named_type(text)
    return "" if kind == "type_unsupported" and not _IS_TYPE.search(text) else kind


def derive(choices: Sequence[str], answer: str, stem: str, base: int, prefer: str = "") -> ItemType | str:
    """Return what an item is by its choices and its key; "type_ask" when that does not tell."""
    truth = truth_of(bare(answer))
    if is_verdict_pair(choices):
        return ItemType.TRUE_FALSE
    if len(choices) >= 2:
        key = find_key(answer, choices, base, prefer)
        if not key.letters:
            return "type_ask"
        return ItemType.SINGLE_CHOICE if len(key.letters) == 1 else ItemType.MULTIPLE_CHOICE
    if truth is not None and not re.fullmatch(r"\d+", bare(answer)):
        return ItemType.TRUE_FALSE
    if truth is not None or not answer.strip():
        return "type_ask"
    if has_blank(stem):
        return ItemType.FILL_BLANK
    return ItemType.SHORT_ANSWER if letters_in(answer) is None else "type_ask"


def is_verdict_pair(choices: Sequence[str]) -> bool:
    """Return whether the choices are right and wrong, in either order."""
    return len(choices) == 2 and verdicts(choices) is not None


def verdicts(choices: Sequence[str]) -> list[bool] | None:
    """Return what each choice of a 判断 says, None when they are no verdicts."""
    truths = [truth_of(bare(choice)) for choice in choices]
    texts = [plain(choice) for choice in choices]
    if (
        len(truths) < 2
        or any(one is None for one in truths)
        or any(re.fullmatch(r"[A-Z0-9]", t) and t not in "TFYNX" for t in texts)
    ):
        return None
    return [bool(one) for one in truths] if len(set(truths)) == 2 else None
