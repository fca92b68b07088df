"""What a line of a roster wishes for: a day, an hour, a sitting by its name, a place."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time

from cbt.sheets.columns import plain

_DAY = re.compile(
    r"(?<![\d:])(?:(\d{4})\s*[-/.年]\s*)?(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*[日号]?(?![\d:])|"
    r"(?<!\d)(\d{4})(\d{2})(\d{2})(?!\d)"
)
_HOUR = re.compile(
    r"(上午|下午|晚上|am|pm)?\s*(\d{1,2})\s*(?:[:：时点]\s*(\d{2}|半)?)\s*分?(?::\d{2})?", re.IGNORECASE
)
_HALVES = {
    "上午": "am",
    "早上": "am",
    "上午场": "am",
    "am": "am",
    "下午": "pm",
    "下午场": "pm",
    "晚上": "pm",
    "pm": "pm",
}
_REST = re.compile(r"[\s\-–—~～至到,，、;；T（）()]+|(?:周|星期)[一二三四五六日天]|[起始开]", re.IGNORECASE)
NOON = time(12)


@dataclass(frozen=True, slots=True)
class Wish:
    """Where and when somebody is to be examined, as far as a file says it; what it does not say is empty.

    `on` is a day, `month` and `day` one without its year (0 without); `at` an hour, `half` "am" or "pm".
    """

    on: date | None = None
    month: int = 0
    day: int = 0
    at: time | None = None
    half: str = ""
    sitting: str = ""
    centre: str = ""
    room: str = ""
    seat: int | None = None

    @property
    def timed(self) -> bool:
        """Whether it says when, or names a sitting."""
        return bool(self.on or self.month or self.at or self.half or self.sitting)

    @property
    def placed(self) -> bool:
        """Whether it says where."""
        return bool(self.centre or self.room or self.seat is not None)

    def fits(self, local_start: datetime, *, sitting: str = "", centre: str = "") -> bool:
        """Say whether a sitting that begins then, under that name at that centre, is what is wished for."""
        day = local_start.date()
        return (
            self.on in {None, day}
            and (not self.month or (self.month, self.day) == (day.month, day.day))
            and self.at in {None, local_start.time().replace(second=0, microsecond=0)}
            and self.half in {"", "am" if local_start.time() < NOON else "pm"}
            and (not self.sitting or plain(self.sitting) == plain(sitting))
            and (not self.centre or plain(self.centre) == plain(centre))
        )


@dataclass(frozen=True, slots=True)
class When:
    """A day and an hour as cells say them."""

    on: date | None = None
    month: int = 0
    day: int = 0
    at: time | None = None
    half: str = ""


def when_of(*texts: str) -> When | None:
    """Return the day and the hour that cells say together (empty for empty ones), or None.

    2026-10-12, 10月12日, 20261012, 上午, 9:00-10:30, 下午2点 and any of them together are understood.
    """
    text = " ".join(unicodedata.normalize("NFKC", one) for one in texts if one.strip())
    days = {found.groups() for found in _DAY.finditer(text)}
    rest = _DAY.sub(" ", text)
    if len(days) > 1:
        return None
    hours = list(_HOUR.finditer(rest))
    rest = _REST.sub("", _HOUR.sub(" ", rest)).casefold()
    half = _HALVES.get(rest, "") if rest else ""
    if (rest and not half) or len(hours) > 2:
        return None
    try:
        on, month, day = _day(*next(iter(days))) if days else (None, 0, 0)
        at, half = _hour(hours[0], half) if hours else (None, half)
    except ValueError:
        return None
    return When(on, month, day, at, half)


def _day(year: str, month: str, day: str, *whole: str) -> tuple[date | None, int, int]:
    if whole[0]:
        return date(*map(int, whole)), 0, 0
    if year:
        return date(int(year), int(month), int(day)), 0, 0
    date(2024, int(month), int(day))  # a year with a 29 February
    return None, int(month), int(day)


def _hour(found: re.Match[str], half: str) -> tuple[time, str]:
    half = _HALVES.get((found[1] or "").casefold(), half)
    hour, minutes = int(found[2]), {"": 0, "半": 30}.get(found[3] or "", -1)
    hour += 12 if half == "pm" and hour < 12 else 0
    at = time(hour, int(found[3]) if minutes < 0 else minutes)
    if half and half != ("am" if at < NOON else "pm"):
        raise ValueError(half)
    return at, ""


_YES = frozenset("√✓✔☑✅是yY1考有●■★".replace(" ", "")) | {
    "yes",
    "true",
    "报",
    "报考",
    "参加",
    "报名",
    "要考",
    "选考",
    "已选",
    "v",
}
_NO = frozenset("×✗✘否nN0无/-—\\") | {
    "no", "false", "不考", "不参加", "不报", "免", "免考", "免试", "已合格", "合格", "已通过", "通过", "未报",
    "不报考", "",
}  # fmt: skip
_MARKS: Mapping[str, bool] = {
    **{unicodedata.normalize("NFKC", mark).casefold(): True for mark in _YES},
    **{unicodedata.normalize("NFKC", mark).casefold(): False for mark in _NO},
}


def mark_of(text: str) -> bool | None:
    """Return whether a mark in the column of a paper says that it is taken, or None for anything else.

    √, 是, 1 and 报考 say so; ×, 否, 0, 免考, 合格 and an empty cell say that it is not.
    """
    return _MARKS.get(unicodedata.normalize("NFKC", text).strip().casefold())
