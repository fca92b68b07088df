"""What somebody may have meant by a name that is not known."""

from __future__ import annotations

import difflib
import zoneinfo
from collections.abc import Iterable

USUAL_ZONE = "Asia/Shanghai"
_CHINA = ("beijing", "peking", "china", "prc", "cst", "+8", "+08", "北京", "上海", "中国")
"""What people write for the zone whose name is that of another city."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known name that is nearest to `word`, whatever its case; "" when none is near."""
    names = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word.casefold(), names, n=1, cutoff=0.7)
    return names[found[0]] if found else ""


def near_zone(word: str) -> str:
    """Return the zone that is nearest to `word`."""
    if any(part in word.casefold() for part in _CHINA):
        return USUAL_ZONE
    return nearest(word, zoneinfo.available_timezones()) or USUAL_ZONE


def near_language(word: str, languages: tuple[str, ...]) -> str:
    """Return the language that a tag such as `zh_CN.UTF-8` or `English` begins with, else the first."""
    return next((one for one in languages if word.casefold().startswith(one)), languages[0])
