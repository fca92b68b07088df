"""The child's side of showing a typed cell: a number and the format of its cell to the text a spreadsheet shows."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  a wall clock without a zone, as cells hold it
_FURTHEST = 2_958_465
_TOKEN = re.compile(
    r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]|AM/PM|A/P|上午/下午|General|y+|e+(?![+-])|m+|d+|h+|s+|[#0?,.]+|%|E[+-]|.',
    re.IGNORECASE | re.DOTALL,
)
_ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
_PLACES = re.compile(r"[#0?][#0?,.]*")
_WORDS = re.compile(r"[^\d.,+\-eE\s]")
_WEEKDAYS = "一二三四五六日"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_YMD, _YM, _MD = 'yyyy"年"m"月"d"日"', 'yyyy"年"m"月"', 'm"月"d"日"'
_HM, _HMS = 'h"时"mm"分"', 'h"时"mm"分"ss"秒"'
BUILT_IN = {
    **{1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00"},
    **{12: "# ?/?", 13: "# ??/??", 14: "yyyy/m/d", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy"},
    **{18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy/m/d h:mm"},
    **{27: _YM, 28: _MD, 29: _MD, 30: "m-d-yy", 31: _YMD, 32: _HM, 33: _HMS},
    **{34: f"上午/下午{_HM}", 35: f"上午/下午{_HMS}", 36: _YM, 37: "#,##0;-#,##0", 38: "#,##0;-#,##0"},
    **{39: "#,##0.00;-#,##0.00", 40: "#,##0.00;-#,##0.00", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0"},
    **{48: "##0.0E+0", 50: _YM, 51: _MD, 52: _YM, 53: _MD, 54: _MD, 55: f"上午/下午{_HM}"},
    **{56: f"上午/下午{_HMS}", 57: _YM, 58: _MD},
}
"""What the numbers of formats mean that no file spells out, as a Chinese spreadsheet program shows them."""


def is_plain(code: str) -> bool:
    return code.strip().lower() in {"", "general", "@", "g/通用格式"}


def shown(value: object, code: str) -> str | None:
    """Return what a cell with a number, date or time shows under a format, or None when it is not known."""
    try:
        section = _section(value, code)
        if _is_date(section):
            moment = _moment(value)
            return None if moment is None else _date(moment, section)
        number = _number(value)
        return None if number is None else _figure(number, section)
    except (ArithmeticError, ValueError, OverflowError):
        return None


def valued(value: object, code: str, text: str | None = None) -> str:
    """Return what a typed cell holds: every digit of a whole number, a day as 2026-10-12, a time as 09:00.

    What is shown counts where it is more than that: the zeros of 007, a percentage, a word beside the number.
    `text` is what the file itself says that the cell shows.
    """
    formatted = text if text is not None else shown(value, code) if code else None
    match value:
        case datetime() if value.year < 1900:
            return f"{value:%H:%M}"
        case datetime():
            return f"{value:%Y-%m-%d}" if value.time() == time.min else f"{value:%Y-%m-%d %H:%M}"
        case date():
            return value.isoformat()
        case time():
            return f"{value:%H:%M}"
        case int() | float() if float(value).is_integer():
            bare = re.sub(r"[\s,]", "", formatted or "")
            plain = str(int(value))
            return bare if bare and (bare.lstrip("0") == plain or _WORDS.search(bare)) else plain
        case float():
            return formatted if formatted and _WORDS.search(formatted) else general(value)
        case _:
            return str(value).strip()


def general(value: float) -> str:
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    plain = repr(value)
    return plain if len(plain) <= 12 else f"{value:.10g}"


def _section(value: object, code: str) -> str:
    """Return the part of a format that holds for a value: positive;negative;zero;text."""
    parts: list[str] = re.findall(r'(?:"[^"]*"|\\.|[^;"\\])+', code) or [""]
    negative = isinstance(value, int | float) and value < 0
    if negative and len(parts) > 1:
        return parts[1]
    return parts[2] if isinstance(value, int | float) and value == 0 and len(parts) > 2 else parts[0]


def _tokens(section: str) -> list[str]:
    return _TOKEN.findall(section)


def _is_date(section: str) -> bool:
    tokens = [token for token in _tokens(section) if token.lower() != "general"]
    if any(_ELAPSED.fullmatch(token) for token in tokens):
        return True
    return any(token[0] in "yYmMdDhHsS" for token in tokens) and not any(token[0] in "#?" for token in tokens)


def _moment(value: object) -> datetime | timedelta | None:
    match value:
        case datetime() | timedelta():
            return value
        case date():
            return datetime(value.year, value.month, value.day)  # noqa: DTZ001  a day of a cell has no zone
        case time():
            return datetime.combine(_EPOCH, value)
        case int() | float() if 0 <= value <= _FURTHEST:
            # Days and seconds apart, to the second: what a cell holds is a sum of binary fractions.
            return _EPOCH + timedelta(seconds=round(float(value) * 86_400))
        case _:
            return None


def _date(moment: datetime | timedelta, section: str) -> str:
    tokens = [token for token in _tokens(section) if token.lower() != "general"]
    elapsed = moment if isinstance(moment, timedelta) else moment - _EPOCH
    stamp = _EPOCH + moment if isinstance(moment, timedelta) else moment
    half = any(token.upper() in {"AM/PM", "A/P"} or token == "上午/下午" for token in tokens)
    parts: list[str] = []
    for place, token in enumerate(tokens):
        parts.append(_piece(token, stamp, elapsed, half=half, minutes=_is_minutes(tokens, place)))
    return "".join(parts).strip()


def _is_minutes(tokens: list[str], place: int) -> bool:
    """Return whether an m stands for minutes: after hours, or before seconds."""
    around = [token.strip("[]").lower() for token in tokens]
    letters = [n for n, token in enumerate(around) if token[:1] in {"y", "m", "d", "h", "s"} and token]
    at = letters.index(place) if place in letters else -1
    if at < 0:
        return False
    before = around[letters[at - 1]] if at else ""
    after = around[letters[at + 1]] if at + 1 < len(letters) else ""
    return before.startswith("h") or after.startswith("s")


def _piece(token: str, stamp: datetime, elapsed: timedelta, *, half: bool, minutes: bool) -> str:
    if match := _ELAPSED.fullmatch(token):
        seconds = int(elapsed.total_seconds())
        per = {"h": 3600, "m": 60, "s": 1}[match[1][0].lower()]
        return str(seconds // per).zfill(len(match[1]))
    kind, width = token[0].lower(), len(token)
    if token.upper() in {"AM/PM", "A/P"}:
        return "PM" if stamp.hour >= 12 else "AM"
    if token == "上午/下午":
        return "下午" if stamp.hour >= 12 else "上午"
    if kind == "y" or kind == "e":
        return f"{stamp.year:04d}" if width > 2 or kind == "e" else f"{stamp.year % 100:02d}"
    if kind == "m" and minutes:
        return str(stamp.minute).zfill(width)
    if kind == "m":
        return _MONTHS[stamp.month - 1] if width >= 3 else str(stamp.month).zfill(width)
    if kind == "d":
        return f"星期{_WEEKDAYS[stamp.weekday()]}" if width >= 3 else str(stamp.day).zfill(width)
    if kind == "h":
        hour = (stamp.hour % 12 or 12) if half else stamp.hour
        return str(hour).zfill(width)
    if kind == "s":
        return str(stamp.second).zfill(width)
    if re.fullmatch(r"\.0+", token):
        return f".{stamp.microsecond:06d}"[: width or 1]
    return _literal(token)


def _literal(token: str) -> str:
    if token[0] == '"':
        return token[1:-1]
    if token[0] == "[":
        return token[2:].partition("-")[0].rstrip("]") if token.startswith("[$") else ""
    if token[0] == "\\":
        return token[1:]
    return "" if token[0] in "_*" and len(token) == 2 else token


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return Decimal(repr(value))


def _figure(number: Decimal, section: str) -> str:
    tokens = _tokens(section)
    if any(token.lower() == "general" for token in tokens):
        return "".join(general(float(number)) if t.lower() == "general" else _literal(t) for t in tokens)
    if "/" in tokens and "?" in section:
        return _as_fraction(number, section)
    percent = tokens.count("%")
    number = number.scaleb(2 * percent)
    pattern = next((token for token in tokens if _PLACES.fullmatch(token) or token[0] == "."), "")
    if not pattern:
        return "".join(_literal(token) for token in tokens)
    if any(token.upper() in {"E+", "E-"} for token in tokens):
        decimals = len(pattern.partition(".")[2])
        mantissa, _e, exponent = f"{number:.{decimals}E}".partition("E")
        return f"{mantissa}E{exponent[0]}{exponent[1:].zfill(2)}"
    negative = number < 0 and ";" not in section
    text, placed = "", False
    for token in tokens:
        if token is pattern and not placed:
            text, placed = text + _digits(abs(number), pattern), True
        elif not _PLACES.fullmatch(token):
            text += _literal(token)
    keeps_sign = negative and not (section.strip().startswith(("-", "(")))
    return f"-{text.strip()}" if keeps_sign else text.strip()


def _digits(number: Decimal, pattern: str) -> str:
    whole, _dot, part = pattern.partition(".")
    scaled = len(whole) - len(whole.rstrip(",")) if not part else len(part) - len(part.rstrip(","))
    number = number.scaleb(-3 * scaled)
    whole, part = whole.rstrip(","), part.rstrip(",")
    rounded = number.quantize(Decimal(1).scaleb(-len(part)), rounding=ROUND_HALF_UP)
    text = f"{rounded:,f}" if "," in whole else f"{rounded:f}"
    before, _dot, after = text.partition(".")
    least = len(part.rstrip("#?")) if part else 0
    while len(after) > least and after.endswith("0"):
        after = after[:-1]
    zeros = whole.count("0")
    before = before.zfill(zeros) if zeros > 1 and "," not in whole else before
    if before == "0" and not zeros:
        before = ""
    return f"{before}.{after}" if after else before


def _as_fraction(number: Decimal, section: str) -> str:
    most = 9 if "??" not in section else 99
    exact = Fraction(abs(number))
    whole = int(exact) if "#" in section or "0" in section.split("/")[0] else 0
    part = (exact - whole).limit_denominator(most)
    sign = "-" if number < 0 else ""
    if not part:
        return f"{sign}{whole}"
    return f"{sign}{whole or ''} {part.numerator}/{part.denominator}".strip()
