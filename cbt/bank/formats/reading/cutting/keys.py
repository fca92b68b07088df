"""Lists of keys that stand apart from their questions: `1-5 ABCDA`, `1.A 2.BC 3、√`, a row of a table, `1. 对`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cbt.bank.formats.reading.lines import Line
from cbt.bank.formats.reading.words import letters, verdict

_MARK = (
    r"[√×✓✗✔✘☑☒]|正确|错误|不对|對|錯|对|错|[是否](?=[是否]|[^\u4e00-\u9fff]|$)|True|False"
    r"|[TFtf](?![A-EG-SU-Za-eg-su-z])"
)
_TOKEN = rf"[A-LＡ-Ｌ](?:[ 　]?[,，、][ 　]?[A-LＡ-Ｌ]|[A-LＡ-Ｌ])*|[a-l]+(?![a-z])|{_MARK}"
_RANGE = re.compile(
    r"[（(\[【第]?\s*(?P<from>\d{1,4})\s*[-~～—–－―─至到]+\s*(?P<to>\d{1,4})\s*[题]?\s*[)）\]】]?\s*[.．、:：题]?\s*"
    rf"(?P<keys>(?:(?:[A-LＡ-Ｌa-l]|{_MARK})[\s　,，、;；|/.．。]*)+)"
)
_PAIR = re.compile(
    r"(?:第\s*)?[（(\[【]?\s*(?P<n>\d{1,4})\s*(?:[)）\]】]\s*[.．、:：]?|[.．、:：题]+|[-—–－=]|\s|\t|(?=[A-LＡ-Ｌ√×✓✗对错正是否（(\[【]))\s*[:：]?\s*"
    rf"[（(\[【]?\s*(?:答案\s*[:：]?)?\s*(?P<key>{_TOKEN})\s*[)）\]】]?"
    r"(?=[\s　,，、;；|/.．。\d第（(\[【]|$)[\s　,，、;；|/.．。]*"
)
_ONE = re.compile(rf"[A-LＡ-Ｌa-l]|{_MARK}")
_NUMBERS = re.compile(
    r"(?:题号|序号|题目|题)[\s　:：]*(?P<all>\d{1,4}(?:[\s　|]+\d{1,4})+)|(?P<bare>\d{1,4}(?:[\s　|]+\d{1,4}){2,})"
)
_ANSWERS = re.compile(r"(?:参考|正确|标准)?答\s*案?[\s　:：|]*(?P<all>\S.*)")
_TEXT = re.compile(
    r"(?:第\s*)?[（(]?\s*(?P<n>\d{1,4})\s*(?:[)）]\s*[.．、:：]?|[.．、:：题]+|\s)\s*(?P<text>\S.*)"
)


@dataclass(frozen=True, slots=True)
class WrittenKey:
    """The key of one number, as it is written, and the lines that explain it."""

    number: int
    token: str
    line: Line
    told: tuple[Line, ...] = ()


def key_list(line: Line) -> list[WrittenKey] | None:
    """Return the keys of a line that holds nothing else; None when it is no such line, or its counts differ."""
    text, found, here = line.text, [], 0
    while here < len(text):
        span = _RANGE.match(text, here)
        if span:
            tokens = _tokens(span["keys"], int(span["to"]) - int(span["from"]) + 1)
            if tokens is None:
                return None
            found += [
                WrittenKey(number, token, line) for number, token in enumerate(tokens, int(span["from"]))
            ]
            here = span.end()
            continue
        pair = _PAIR.match(text, here)
        if pair is None:
            return None
        found.append(WrittenKey(int(pair["n"]), pair["key"], line))
        here = pair.end()
    return found or None


def broken_range(text: str) -> bool:
    """Say whether a line is a range of keys whose count is another than its numbers say."""
    span = _RANGE.match(text)
    if span is None or span.end() < len(text):
        return False
    return _tokens(span["keys"], int(span["to"]) - int(span["from"]) + 1) is None


def _tokens(text: str, count: int) -> list[str] | None:
    if not 0 < count <= 1000:
        return None
    groups = [one for one in re.split(r"[\s　,，、;；|/.．。]+", text) if one]
    if len(groups) == count and all(letters(one) or verdict(one) is not None for one in groups):
        return groups
    ones = _ONE.findall(text)
    return ones if len(ones) == count else None


def table_numbers(text: str) -> list[int] | None:
    """Return the numbers of a row such as `题号 1 2 3`, or None."""
    found = _NUMBERS.fullmatch(text)
    if found is None:
        return None
    return [int(one) for one in re.findall(r"\d+", found["all"] or found["bare"])]


def table_keys(line: Line, numbers: list[int]) -> list[WrittenKey] | None:
    """Return the keys of a row below such numbers (`答案 A B C`), or None when their counts differ."""
    named = _ANSWERS.fullmatch(line.text)
    tokens = _tokens(named["all"] if named else line.text, len(numbers))
    if tokens is None:
        return None
    return [WrittenKey(number, token, line) for number, token in zip(numbers, tokens, strict=True)]


def text_entry(line: Line) -> WrittenKey | None:
    """Return a number with whatever stands behind it: the key of a 填空 or 简答, or a key with words after it."""
    found = _TEXT.fullmatch(line.text)
    return WrittenKey(int(found["n"]), found["text"], line.cut(found.start("text"))) if found else None


def bare_keys(line: Line) -> list[str] | None:
    """Return the keys of a line that gives no numbers (`ABCDA BCDAB`, `√×√`), or None."""
    text = line.text
    if not re.fullmatch(rf"(?:(?:[A-LＡ-Ｌ]|{_MARK})[\s　,，、;；|/.．。]*)+", text):
        return None
    return _ONE.findall(text)
