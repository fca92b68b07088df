"""What the headers of the field mean: by alias, by pattern, whatever stands in brackets beside them."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from cbt.bank.formats.tables.cells.aliases import ALIASES
from cbt.bank.formats.tables.cells.dirt import clean
from cbt.sheets.columns import Column

LETTERS = "ABCDEFGHIJKLMN"
CHOICES = tuple(f"choice_{letter}" for letter in LETTERS)
BLANKS = tuple(f"blank_{number}" for number in range(1, 13))
LEFT_OUT = "left_out"
"""A column whose meaning is known and that is not read."""
POSSIBLE = "possible"
"""答案1 and the like: choices beside a key, else the blanks of a 填空."""
LONGEST = 40

TEMPLATE = (
    Column("point", ("鉴定点代码",), required=True, width=16),
    Column("type", ("题目类型代码",), required=True, width=14),
    Column("stem", ("试题(题干)",), required=True, width=60),
    *(Column(f"choice_{letter}", (f"选项{letter}",), width=24) for letter in "ABCDE"),
    Column("answer", ("答案",), required=True, width=10),
    Column("difficulty", ("难度代码",), width=10),
    Column("consistency", ("一致性代码",), width=12),
)
"""The 国标 11 columns."""

_MEANINGS = {alias: field for field, aliases in ALIASES.items() for alias in aliases.casefold().split()}
_MARKS = re.compile(r"[\s*:：·/()（）_\-【】\[\]《》<>“”\"'、，,。.!！?？#＊★☆●|\\]+")
_BRACKETS = re.compile(r"[(（【\[][^()（）【】\[\]]*[)）】\]]|[(（【\[][^()（）【】\[\]]*$")
_ONE = r"[a-n]|[1-9]|1[0-2]|[一二三四五六七八九]"
_CHOICE = re.compile(
    rf"(?:试题|题目)?(?:选项|选择项|可选项|候选项|备选项|备选答案|备选|候选答案|答案选项|option|opt|choice|选择|选支|备选选项|item|支)({_ONE})"
    r"(?:内容|项|描述|文本|text|content)?"
)
_CHOICE_BEFORE = re.compile(
    r"(?:试题|题目)?([a-n])(?:选项|项|项目|选择项|选择|option|choice|支|备选答案|答案)(?:内容|答案|描述)?"
)
_ORDINAL_CHOICE = re.compile(r"第?([1-9一二三四五六七八九])(?:个)?(?:选项|选择项)")
_BLANK = re.compile(r"(?:填空|空|空格|第|blank)([1-9]|1[0-2]|[一二三四五六七八九])(?:空|答案|空答案)?")
_POSSIBLE = re.compile(r"(?:答案|answer|ans)([a-n]|[1-9]|[一二三四五六七八九])")
_DIGITS = "一二三四五六七八九"
_TAILS = re.compile(r"(?:必填项?|选填|可选|可不填|非必填|可为空|不能为空|必须|列|栏)$")


@lru_cache(20_000)
def meant(header: str) -> str:
    """Return the field a header means, "" for none; `possible:A` for what only the other columns decide."""
    if not header or len(header) > LONGEST:
        return ""
    header = clean(header)
    bare = _BRACKETS.sub("", unicodedata.normalize("NFKC", header))
    for text in (plain_header(header), plain_header(bare)):
        if not text:
            continue
        if field := _known(text) or _known(_TAILS.sub("", text)):
            return field
    return ""


def plain_header(header: str) -> str:
    """Return a header as it is compared: NFKC, case folded, without spaces and marks."""
    return _MARKS.sub("", unicodedata.normalize("NFKC", header).casefold())


def _known(text: str) -> str:
    if text in _MEANINGS:
        return _MEANINGS[text]
    for pattern in (_CHOICE, _CHOICE_BEFORE, _ORDINAL_CHOICE):
        if found := pattern.fullmatch(text):
            return f"choice_{LETTERS[place_of(found[1])]}"
    if (found := _BLANK.fullmatch(text)) and (text[0] != "第" or text.endswith("空")):
        return f"blank_{place_of(found[1]) + 1}"
    if found := _POSSIBLE.fullmatch(text):
        return f"{POSSIBLE}:{place_of(found[1])}"
    return ""


def place_of(said: str) -> int:
    """Return the place (from 0) that a letter or a number from 1 names."""
    if said in _DIGITS:
        return _DIGITS.index(said)
    return int(said) - 1 if said.isdigit() else ord(said.lower()) - ord("a")


def bare_place(cell: str) -> int | None:
    """Return the place that a cell names which is nothing but a letter or a number."""
    text = plain_header(cell)
    if re.fullmatch(r"[a-n]|[1-9]|[一二三四五六七八九]", text):
        return place_of(text)
    return None
