"""Amounts as people write them: 280.00, and in the capital figures of a bill (大写)."""

from __future__ import annotations

import re
import unicodedata

from cbt.errors import InvalidInput

MOST_FEN = 10**11 - 1
"""Just under a thousand million yuan: what is more is a slip."""
_TYPED = re.compile(r"(\d{1,9}|\d{1,3}(?:,\d{3}){1,2})(?:\.(\d{1,2}))?", re.ASCII)
_FIGURES = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿")


def yuan(fen: int) -> str:
    """Return an amount in 元 with two decimals."""
    sign, rest = ("-", -fen) if fen < 0 else ("", fen)
    return f"{sign}{rest // 100}.{rest % 100:02}"


def typed_amount(text: str) -> int:
    """Return an amount of 元 as somebody typed it in 分; raise InvalidInput("fees.amount") for what is none."""
    plain = "".join(unicodedata.normalize("NFKC", text).split()).removeprefix("¥").removesuffix("元")
    match = _TYPED.fullmatch(plain)
    fen = int(match[1].replace(",", "")) * 100 + int((match[2] or "0").ljust(2, "0")) if match else 0
    if not fen:
        raise InvalidInput("fees.amount")
    return fen


def capital_amount(fen: int) -> str:
    """Return an amount from 0 to `MOST_FEN` in capital figures, 整 where nothing follows the yuan or the jiao."""
    whole, jiao, rest = fen // 100, fen // 10 % 10, fen % 10
    said = _whole(whole) + "元" if whole or not fen else ""
    if jiao:
        said += _FIGURES[jiao] + "角"
    elif rest and whole:
        said += "零"
    return said + (_FIGURES[rest] + "分" if rest else "整")


def _whole(number: int) -> str:
    said, gap = "", False
    digits = str(number)
    for place, digit in zip(range(len(digits) - 1, -1, -1), digits, strict=True):
        if digit != "0":
            said += ("零" if gap else "") + _FIGURES[int(digit)] + _PLACES[place % 4]
            gap = False
        else:
            gap = bool(said)
        if place % 4 == 0 and number // 10**place % 10**4:
            said += _GROUPS[place // 4]
    return said or "零"
