"""Numbers of questions: in which of several ways a file writes them, and which of them begin a question."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cbt.bank.formats.reading.lines import Line

_LEAD = (
    r"(?:[★☆▲△●◆■*]+\s*)?"
    r"(?:[（(\[【]\s*(?P<token>[A-Ha-hＡ-ＨTF√×✓✗✔✘对错正确误是否 　,，、]{0,16})[)）\]】]\s*)?"
)
_STYLES: Mapping[str, re.Pattern[str]] = {
    "dot": re.compile(_LEAD + r"(?P<n>\d{1,4})\s*[.．、:：,，。]\s*(?!\d+\s*(?:[%％]|分[\s）)]*$))"),
    "close": re.compile(_LEAD + r"(?P<n>\d{1,4})\s*[)）]\s*[.．、]?\s*"),
    "bracket": re.compile(_LEAD + r"[（(\[【〔]\s*(?P<n>\d{1,4})\s*[)）\]】〕]\s*[.．、:：]?\s*"),
    "word": re.compile(
        r"[【\[（(]?\s*(?:第\s*(?P<n>\d{1,4})\s*[题道]|(?:题目|试题|问题|题号|题|Question|Q|No\.?)\s*[:：#]?\s*(?P<m>\d{1,4})题?)"
        r"\s*[】\])）]?\s*[.．、:：]?\s*",
        re.IGNORECASE,
    ),
    "space": re.compile(_LEAD + r"(?P<n>\d{1,4})\s+(?=\S)"),
    "glued": re.compile(r"(?P<n>\d{1,4})(?=[\u4e00-\u9fff“《（(])(?P<token>)"),
}
_UNSURE = {"space": 3, "glued": 3}
"""Ways that other lines have too: so many in a row make them numbers."""


@dataclass(frozen=True, slots=True)
class QuestionStart:
    """A line that may begin a question: its number, where its text begins, what a bracket before it holds."""

    number: int
    at: int
    token: str = ""
    led: bool = False


def start_of(text: str, style: str) -> QuestionStart | None:
    """Return how a line begins a question in one of the ways, or None."""
    found = _STYLES[style].match(text)
    groups = found.groupdict() if found else {}
    number = int(groups.get("n") or groups.get("m") or 0)
    if found is None or not number:
        return None
    token = groups.get("token")
    led = bool(token is not None and found.start("token"))
    return QuestionStart(number, found.end(), (token or "").strip(), led)


def style_of(lines: Sequence[Line], *, usual: str = "") -> str:
    """Return the way in which most questions of these lines are numbered, "" where none counts on."""
    last: dict[str, int] = defaultdict(int)
    score: dict[str, int] = defaultdict(int)
    for line in lines:
        for style in _STYLES if line.text else ():
            found = start_of(line.text, style)
            if found is None:
                continue
            if found.number == last[style] + 1 or found.number == 1:
                score[style] += 1
            if found.number <= last[style] + 20:
                last[style] = found.number
    fitting = {style: hits for style, hits in score.items() if hits >= _UNSURE.get(style, 1)}
    best = max(fitting, key=lambda style: fitting[style], default="")
    return usual if usual in fitting and 2 * fitting[usual] >= fitting[best] else best


def begins_again(following: Iterable[int], last: int) -> bool:
    """Say whether a 1 begins a new count, and is not the first of a list inside question `last`.

    `following` are the numbers from that 1 on: a list within a question breaks off before the next question, a
    count goes past it.
    """
    expected = 1
    for number in following:
        if number == expected:
            if expected > last:
                return True
            expected += 1
        else:
            return number != last + 1
    return True
