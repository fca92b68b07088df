"""What the codes and answers in a sheet mean: types, difficulty, the many ways to write a key."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from cbt.rules.items.basis.authored import number
from cbt.rules.items.values import LETTERS, ItemType

_TYPES = {
    "B": ItemType.SINGLE_CHOICE,
    "C": ItemType.TRUE_FALSE,
    "G": ItemType.MULTIPLE_CHOICE,
    "T": ItemType.FILL_BLANK,
    "U": ItemType.NUMERIC,
    "单选": ItemType.SINGLE_CHOICE,
    "判断": ItemType.TRUE_FALSE,
    "多选": ItemType.MULTIPLE_CHOICE,
    "填空": ItemType.FILL_BLANK,
    "计算": ItemType.NUMERIC,
}
_UNSUPPORTED = {"D", "W", "E", "F", "简答", "论述", "案例", "综合", "主观"}
_CODE = re.compile(r"([A-Z])(?:\(([^()]*)\))?")
_TRUE = {"√", "✓", "✔", "对", "正确", "是", "T", "TRUE", "A", "1", "Y", "YES"}
_FALSE = {"×", "✗", "✘", "X", "错", "错误", "否", "F", "FALSE", "B", "0", "N", "NO"}
_BETWEEN = re.compile(r"[\s,;、，；.|/和与]+")


def plain(text: str) -> str:
    """Return a cell for reading codes: NFKC, capitals, no spaces."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).upper()


def item_type(cell: str, *, choices: int, answer: str) -> ItemType | str:
    """Return the type a cell names, or why not: "type_unknown", "type_unsupported" or "type_ask".

    D is 简答 in one tool and 多选 in another: with choices and two or more letters in the answer it is
    多选, with choices and one letter the author must say.
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


def truth_of(cell: str) -> bool | None:
    """Return what a 判断 answer says, or None."""
    text = plain(cell).removesuffix("的")
    if text in _TRUE:
        return True
    return False if text in _FALSE else None


def letters_of(cell: str) -> str | None:
    """Return the sorted letters of a choice answer however they are separated, or None."""
    text = _BETWEEN.sub("", unicodedata.normalize("NFKC", cell).upper())
    if not text or any(letter not in LETTERS for letter in text) or len(set(text)) != len(text):
        return None
    return "".join(sorted(text))


def scale_of(cell: str) -> int | None:
    """Return the 1 to 5 of a cell such as `3`, `3.0` or `3（中等）`, or None."""
    found = re.fullmatch(r"([1-5])(?:\.0+)?(?:\(.*\))?", plain(cell))
    return int(found[1]) if found else None


def blanks_of(cell: str, count: int) -> list[list[str]] | None:
    """Return the spellings of each blank (`24|二十四；首问负责制`), or None when they are not `count`."""
    parts = [part for part in re.split(r"[;；]", cell) if part.strip()]
    if len(parts) != count:
        return None
    return [[text.strip() for text in re.split(r"[|｜]", part) if text.strip()] for part in parts]


def number_key(cell: str) -> dict[str, Any] | None:
    """Return answer, decimals and tolerance (half a unit of the last place) of a numeric key, or None."""
    text = unicodedata.normalize("NFKC", cell).replace(",", "").strip().removesuffix("%")
    found = number(text)
    if found is None:
        return None
    decimals = max(0, -int(found.as_tuple().exponent))
    tolerance = Decimal(5).scaleb(-decimals - 1) if decimals else Decimal(0)
    return {"answer": f"{found:f}", "decimals": decimals, "tolerance": f"{tolerance:f}"}


def blank_marks(stem: str, marks: re.Pattern[str]) -> tuple[str, int]:
    """Return the stem with its empty brackets as {{1}}, {{2}}, …, and how many there are."""
    pieces: Sequence[str] = marks.split(stem)
    numbered = [piece for n, text in enumerate(pieces, 1) for piece in (text, f"{{{{{n}}}}}")]
    return "".join(numbered[:-1]), len(pieces) - 1
