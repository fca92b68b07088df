"""The type of a question written beside its stem: `(单选题, 2.0分)`, `【多选】`, `[判断题]`, `单选题：`."""

from __future__ import annotations

import re

from cbt.bank.formats.reading.words import named_type

_WORDS = r"(?:不定项|单项|多项|单|多|判断|是非|填空|简答|问答|选择|选|论述|名词解释|计算)"
_TAG = re.compile(
    rf"[（(【\[]\s*(?P<word>{_WORDS}{{1,3}}(?:题|解释)?)\s*(?:[,，、;；|/\s]\s*[\d.]+\s*分?)?\s*[)）】\]]\s*[*＊]?\s*[:：.、]?\s*"
)
_PREFIX = re.compile(rf"(?P<word>{_WORDS}{{1,3}}题)(?:\s*[:：]\s*|\s+)")
_SCORE = re.compile(r"[（(【\[]\s*(?:本题)?\s*\d+(?:\.\d+)?\s*分\s*[)）】\]]\s*")


def without_tag(text: str) -> tuple[str, str]:
    """Return a stem without what names its type and points, and the type."""
    head, tail = _TAG.match(text) or _PREFIX.match(text), None
    kind = named_type(head["word"]) if head else None
    if head and kind:
        text = text[head.end() :]
    else:
        tail = next((one for one in _TAG.finditer(text[-40:]) if one.end() == len(text[-40:])), None)
        kind = named_type(tail["word"]) if tail else None
        if tail and kind:
            text = text[: len(text) - len(tail[0])].rstrip()
    score = _SCORE.match(text)
    text = text[score.end() :] if score else text
    last = next((one for one in _SCORE.finditer(text[-16:]) if one.end() == len(text[-16:])), None)
    return (text[: len(text) - len(last[0])].rstrip() if last else text), kind or ""
