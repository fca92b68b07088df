"""Numbers of questions: in which of several ways a file writes them, and which of them begin a question."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cbt.bank.formats.reading.choices import begins_choice, loose_letter
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
        r"[【\[（(]?\s*(?:第\s*(?P<n>\d{1,4})\s*[题道]|(?:题目|试题|问题|题号|(?:单选|多选|判断|填空|简答)?题|Question|Q|No\.?)\s*[:：#]?\s*(?P<m>\d{1,4})题?)"
        r"\s*[】\])）]?\s*[.．、:：]?\s*",
        re.IGNORECASE,
    ),
    "tagged": re.compile(
        r"(?P<n>\d{1,4})\s*(?=[【\[（(]\s*(?:单|多|不定|判断|是非|填空|简答|问答))(?P<token>)"
    ),
    "alone": re.compile(r"(?P<n>\d{1,4})[.．、]?(?P<token>)$"),
    "space": re.compile(_LEAD + r"(?P<n>\d{1,4})\s+(?=\S)"),
    "glued": re.compile(r"(?P<n>\d{1,4})(?=[\u4e00-\u9fff“《（(【\[])(?P<token>)"),
}
_UNSURE = {"space": 2, "glued": 3, "alone": 2}
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
    said = [line.text for line in lines if line.text]
    letters = [begins_choice(text) for text in said]
    for place, text in enumerate(said):
        choice = _among(letters, place)
        for style in _STYLES:
            found = start_of(text, style)
            if found is None or (found.led and choice):
                continue
            if found.number == last[style] + 1 or found.number == 1:
                score[style] += 1
            if found.number <= last[style] + 20:
                last[style] = found.number
    fitting = {style: hits for style, hits in score.items() if hits >= _UNSURE.get(style, 1)}
    best = max(fitting, key=lambda style: fitting[style], default="")
    first = sum("A" in {begins_choice(line.text), loose_letter(line.text)} for line in lines)
    if best and 3 * fitting[best] < first:
        return ""  # a few choices such as （C）1.5 look like numbers of a file that has none
    return usual if usual in fitting and 2 * fitting[usual] >= fitting[best] else best


def _among(letters: Sequence[str], place: int) -> bool:
    """Say whether a line that begins with a letter stands among lines that go on with it."""
    letter = letters[place]
    before = letters[place - 1] if place else ""
    after = letters[place + 1] if place + 1 < len(letters) else ""
    return bool(letter) and (before == chr(ord(letter) - 1) or after == chr(ord(letter) + 1))


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
