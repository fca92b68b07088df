"""Names that say a day or an hour (9月26日上午场): what they say once a sitting is held at another time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_WEEKDAYS = ("一一", "二二", "三三", "四四", "五五", "六六", "日天")
"""Each with its second way of being written."""
_HALVES = (("上午", "上午", "morning"), ("下午", "下午", "afternoon"), ("晚上", "晚间", "evening"))
_NOON, _EVENING = 12, 18
_BEFORE = "(?<![0-9A-Za-z年./:：-])"
_AFTER = "(?![0-9A-Za-z]|[./:：-][0-9])"
"""Digits and letters stand for themselves, and are no part of a longer date, hour, number or word."""


def following_name(name: str, *, former: datetime, start: datetime) -> str:
    """Return a name that says when something was to start (`former`) with when it starts now.

    Both are the wall time of the centre. What the name says of another day, weekday, half of a day or hour stays.
    """
    words: dict[str, str] = {}
    for was, becomes in zip(_ways(former), _ways(start), strict=True):
        words.setdefault(was, becomes)
    longest_first = sorted(words, key=len, reverse=True)
    return re.sub("|".join(map(_apart, longest_first)), lambda found: words[found[0]], name)


def _apart(word: str) -> str:
    before = _BEFORE if word[0].isascii() else ""
    after = _AFTER if word[-1].isascii() else ""
    return f"{before}{re.escape(word)}{after}"


def _ways(at: datetime) -> Iterator[str]:
    """Yield how an instant is said, in the same order for every instant; the usual way first."""
    year, month, day = at.year, at.month, at.day
    for mark in "日号":
        for of_month in (f"{month}月{day}{mark}", f"{month:02d}月{day:02d}{mark}"):
            yield f"{year}年{of_month}"
            yield of_month
    for mark in "-/.":
        yield f"{year}{mark}{month:02d}{mark}{day:02d}"
        yield f"{year}{mark}{month}{mark}{day}"
        yield f"{month:02d}{mark}{day:02d}"
    for mark in "/.":
        yield f"{month}{mark}{day}"
    yield f"{year}{month:02d}{day:02d}"
    yield f"{month:02d}{day:02d}"
    for of_month in (_MONTHS[month - 1], _MONTHS[month - 1][:3]):
        yield f"{of_month} {day}"
        yield f"{day} {of_month}"
    for weekday in _WEEKDAYS[at.weekday()]:
        for prefix in ("周", "星期", "礼拜"):
            yield prefix + weekday
    yield _DAYS[at.weekday()]
    yield _DAYS[at.weekday()][:3]
    yield from _HALVES[(at.hour >= _NOON) + (at.hour >= _EVENING)]
    for colon in ":：":
        yield f"{at.hour}{colon}{at.minute:02d}"
        yield f"{at.hour:02d}{colon}{at.minute:02d}"
