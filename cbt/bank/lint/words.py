"""Small questions about Chinese exam prose that several checks ask."""

from __future__ import annotations

import re
import unicodedata

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


def normal(text: str) -> str:
    """Return a text for comparing: NFKC, lower case, letters, digits and ideographs only."""
    return _NOT_TEXT.sub("", unicodedata.normalize("NFKC", text).casefold())


def is_negative(stem: str) -> bool:
    """Return whether a stem asks for what does not hold."""
    return bool(_EMPHASISED.search(stem) or _NEGATIVE.search(stem.replace("*", "")))


def is_emphasised(stem: str) -> bool:
    """Return whether the negation of a stem stands in bold."""
    return bool(_EMPHASISED.search(stem))
