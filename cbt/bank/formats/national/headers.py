"""Column headers as people write them, and the field each one means."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

CHOICES = tuple(f"choice_{letter}" for letter in "ABCDEFGH")

_ALIASES: Mapping[str, tuple[str, ...]] = {
    "point": ("鉴定点代码", "认定点代码", "鉴定点", "认定点", "知识点代码", "知识点", "考核点代码"),
    "type": ("题目类型代码", "题型代码", "题目类型", "题型", "试题类型"),
    "stem": ("试题(题干)", "试题", "题干", "题目内容", "题目", "试题内容"),
    "answer": ("答案", "正确答案", "标准答案", "参考答案"),
    "difficulty": ("难度代码", "难度", "难度等级"),
    "consistency": ("一致性代码", "一致性"),
    "explanation": ("解析", "题目解析", "整体解析", "试题解析", "答案解析"),
}
REQUIRED = ("point", "type", "stem", "answer")
_CHOICE = re.compile(r"(?:试题)?\(?选项([a-h])\)?")


def field_of(header: str) -> str:
    """Return the field a header means, or "": width, spaces and kinds of brackets do not matter."""
    plain = _plain(header)
    if choice := _CHOICE.fullmatch(plain):
        return f"choice_{choice[1].upper()}"
    return _FIELDS.get(plain, "")


def header_row(rows: Sequence[Sequence[str]], within: int = 12) -> int | None:
    """Return the place of the row that names every required column, among the first `within` rows."""
    for index, row in enumerate(rows[:within]):
        if set(REQUIRED) <= {field_of(cell) for cell in row}:
            return index
    return None


def near_header_row(rows: Sequence[Sequence[str]], within: int = 12) -> tuple[int, list[str]] | None:
    """Return the row that looks most like a header, and the required fields it lacks; None when none does."""
    best = max(
        range(min(within, len(rows))),
        key=lambda index: sum(bool(field_of(cell)) for cell in rows[index]),
        default=None,
    )
    if best is None:
        return None
    found = {field_of(cell) for cell in rows[best]} - {""}
    return (best, [name for name in REQUIRED if name not in found]) if len(found) >= 2 else None


def _plain(header: str) -> str:
    text = unicodedata.normalize("NFKC", header).casefold()
    return re.sub(r"[\s*:：]", "", text)


_FIELDS = {_plain(alias): name for name, aliases in _ALIASES.items() for alias in aliases}
