"""Chinese exam prose: small questions that several checks ask of a stem or a cell."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

BLANK = "（　　）"
EMPTY_BLANK = re.compile(r"[(（][\s　]*[)）]|_{2,}|＿{2,}")
CJK = "\u3400-\u4dbf\u4e00-\u9fff"

_NOT_TEXT = re.compile(r"[^\w]|_")
_NEGATIVE = re.compile(
    r"(不正确|不恰当|不合适|不适当|不妥|不合理|不符合|不属于|不包括|不包含|不宜|不应|不得|不能|不需要|不必"
    r"|不便于|错误|有误|除外)(当|该|计入|作为|用于|采用|于)?[^，。；：]{0,8}?(的)?(做法|说法|表述|行为|环节)?(是|有|为)?"
    r"（　　）"
)
_EMPHASISED = re.compile(r"\*\*[^*]*[不错误除][^*]*\*\*")

LONGEST_SIGNATURE = 120
_SIGNATURE = re.compile(
    r"[\s　]*(?:(?:出题|命题|拟题|审题|审核|审定|校对|制表|编制|复核|批准)(?:人员?|者|老师|教师|专家)"
    r"|签字|签名|校对|制表|审核)"
    r"[\s　]*(?:签[字名])?[\s　]*(?:[:：].{0,80}|_{2,}.{0,40})?"
)


def is_signature(text: str) -> bool:
    """Return whether a line says who wrote or checked a paper: it belongs to no item."""
    return len(text) <= LONGEST_SIGNATURE and _SIGNATURE.fullmatch(text) is not None


def normal(text: str) -> str:
    """Return a text for comparing: NFKC, lower case, letters, digits and ideographs only."""
    return _NOT_TEXT.sub("", unicodedata.normalize("NFKC", text).casefold())


def is_negative(stem: str) -> bool:
    return bool(_EMPHASISED.search(stem) or _NEGATIVE.search(stem.replace("*", "")))


def is_emphasised(stem: str) -> bool:
    return bool(_EMPHASISED.search(stem))


def plain(text: str) -> str:
    """Return a cell for reading codes: NFKC, capitals, no spaces."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).upper()


def scale_of(cell: str) -> int | None:
    """Return the 1 to 5 of a cell such as `3`, `3.0` or `3（中等）`, or None."""
    match = re.fullmatch(r"([1-5])(?:\.0+)?(?:\(.*\))?", plain(cell))
    return int(match[1]) if match else None


def blank_marks(stem: str, marks: re.Pattern[str]) -> tuple[str, int]:
    """Return the stem with its empty brackets as {{1}}, {{2}}, …, and how many there are."""
    pieces: Sequence[str] = marks.split(stem)
    numbered = [piece for n, text in enumerate(pieces, 1) for piece in (text, f"{{{{{n}}}}}")]
    return "".join(numbered[:-1]), len(pieces) - 1
