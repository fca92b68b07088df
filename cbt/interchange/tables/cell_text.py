"""What cells hold beside their text: characters nobody sees, labels, numbers, bullets, lines broken by hand."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from html import unescape

from cbt.interchange.picture_marks import without

_UNSEEN = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\x00-\x08\x0e-\x1f\x7f\ufffc]"
)
_BREAKS = re.compile("(?:_x000D_)?(?:\r\n|\r|\n|\x0b|\x0c|\u2028|\u2029)|_x000D_")
_WIDE = "\u2e80-\u9fff\uff00-\uffef\u3001-\u303f“”‘’…"
_SPACES = re.compile("[\u00a0\u2000-\u200a\u202f\u205f\t]")
_ODD_SPACE = re.compile(f"(?<=[{_WIDE}])[\u00a0\u2000-\u200a\u202f\u205f]+(?=[{_WIDE}])")
_RADICALS = re.compile("[\u2e80-\u2fd5]")
_DINGBATS = str.maketrans(
    {"\uf0fc": "√", "\uf0d6": "√", "\uf0fb": "×", "\uf0b4": "×", "\uf050": "√", "\uf04f": "×"}
)
_WRAPPED = re.compile(r"<(p|div|span)(?:\s[^<>]*)?>.*</\1>", re.DOTALL | re.IGNORECASE)
_TAGS = re.compile(r"</?(?:p|div|span|font|strong|b|em|u|br)(?:\s[^<>]*)?/?>", re.IGNORECASE)
_PARAGRAPHS = re.compile(r"<br\s*/?>|</(?:p|div)>", re.IGNORECASE)
_BULLETS = re.compile(r"^[\s║┆│┃▏▌■□●○◆◇▲△★☆※•·\ufffd]+(?=\S)")
_LINE_END = re.compile(r"[。；;：:？?！!）)”…]\s*$")
_LISTED = re.compile(
    r"^\s*(?:[①-⑳❶-❿⑴-⒇]|[（(]?\d{1,2}[)）.、．]|[（(][一二三四五六七八九十]+[)）]|[A-H][.、．])"
)
NUMBER = re.compile(
    r"^\s*(?:第\s*(\d{1,5})\s*题\s*[.．、:：]?|[（(【\[]\s*(\d{1,5})\s*[)）】\]]\s*[.．、]?|(\d{1,5})\s*[.．、:：)）](?!\d)|"
    r"(\d{1,5})\s*[.．、](?=\d))\s*"
)
_ANSWER_BRACKET = re.compile(
    r"^\s*[（(【\[]([\sA-Na-n,，、√×✓✗✔✘对错是否正确误]{0,12})[)）】\]]\s*(?=\d{1,5}\s*(?:[．、:：]|\.(?!\d)))"
)
_WORTH = re.compile(r"[（(【\[]\s*(?:本题|每题|共)?\s*\d{1,3}(?:\.\d{1,2})?\s*分\s*[)）】\]]")
_KIND_BEHIND = re.compile(r"[（(【\[]\s*([单多不定项]{1,3}选择?题?|判断题?|填空题?|简答题?)\s*[)）】\]]$")
_KIND = re.compile(
    r"^\s*[（(【\[]\s*([^（()）【】\[\]\d]{1,8}?(?:题|选|断|空|选择))\s*[)）】\]]\s*[.．、:：]?\s*"
)


def clean(text: str) -> str:
    """Return a cell as people see it: one kind of break, one kind of space, radicals as ideographs."""
    if text.isascii() and "\r" not in text and "\t" not in text and "<" not in text and "_x" not in text:
        return text.strip() if "&" not in text else _unescaped(text)
    text = _BREAKS.sub("\n", text)
    text = _UNSEEN.sub("", text)
    text = _SPACES.sub(" ", _ODD_SPACE.sub("", text)).translate(_DINGBATS)
    text = _RADICALS.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    if "<" in text and _WRAPPED.fullmatch(text.strip()):
        text = unescape(_TAGS.sub("", _PARAGRAPHS.sub("\n", text)))
    return _unescaped(text)


def _unescaped(text: str) -> str:
    return text.replace("&nbsp;", " ").replace("&ldquo;", "“").replace("&rdquo;", "”").strip(" \n\u3000")


def joined(text: str) -> str:
    """Return a text without the line breaks somebody put within its sentences."""
    lines = [line.strip(" ") for line in text.split("\n")]
    lines = [line for line in lines if line]
    said = lines[0] if lines else ""
    for line in lines[1:]:
        if (
            _LINE_END.search(said) and (_LISTED.match(line) or not said.endswith(("）", ")", "”")))
        ) or _LISTED.match(line):
            said += "\n" + line
        else:
            wide = bool(re.match(f"[{_WIDE}]", said[-1:]) or re.match(f"[{_WIDE}]", line[:1]))
            said += line if wide else f" {line}"
    return said


def one_line(text: str) -> str:
    """Return a choice or a key on one line."""
    return joined(text).replace("\n", "")


def without_bullets(text: str) -> str:
    """Return a stem without the marks before it."""
    return _BULLETS.sub("", text)


def leading_bracket(stem: str) -> tuple[str, str] | None:
    """Return what stands in an answer bracket before the number of a stem, and the stem from its number on."""
    found = _ANSWER_BRACKET.match(stem)
    return (found[1].strip(), stem[found.end() :]) if found else None


def leading_number(stem: str) -> tuple[int, str] | None:
    """Return the number a stem begins with, and the rest."""
    found = NUMBER.match(stem)
    if found is None or found.end() == len(stem):
        return None
    return int(next(group for group in found.groups() if group)), stem[found.end() :]


def without_worth(stem: str) -> str:
    """Return a stem without what it is worth at its beginning or end."""
    for found in _WORTH.finditer(stem):
        before, after = stem[: found.start()].rstrip(), stem[found.end() :].lstrip()
        if not before or not after:
            return before + after
    return stem


def trailing_kind(stem: str) -> tuple[str, str]:
    """Return the type a stem ends with in brackets, "" for none, and the rest."""
    found = _KIND_BEHIND.search(stem)
    return (found[1], stem[: found.start()].rstrip()) if found and found.start() else ("", stem)


def leading_kind(stem: str) -> tuple[str, str]:
    """Return the type a stem begins with in brackets, "" for none, and the rest."""
    found = _KIND.match(stem)
    return (found[1], stem[found.end() :]) if found and found.end() < len(stem) else ("", stem)


@lru_cache(20_000)
def same(text: str) -> str:
    """Return a text for comparing a key with a choice: NFKC, case folded, without spaces and stops at its end."""
    folded = unicodedata.normalize("NFKC", without(text) or text).casefold()
    return re.sub(r"\s+", "", folded).rstrip("。.;；，,、")
