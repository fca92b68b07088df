"""The words of Chinese banks: dirt, verdicts, letters, labels of choices, names of types, keys inside stems.

Pure and without a guess: what can be read in two ways is not read here but left to whoever knows the rest of
the file. Every pattern is linear in the length of its text.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from cbt.rules.items.content import ItemType

BLANK = "（　　）"
MOST_CHOICES = 12
_MOST_INSIDE = 4
"""A stem with so many brackets of keys has none that is sure."""
LETTERS = "ABCDEFGHIJKL"

_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_SPACES = re.compile(r"[ \t\u00a0\u1680\u2000-\u200a\u202f\u205f]+")
_RADICALS = re.compile(r"[\u2e80-\u2fdf\uf900-\ufaff\u2474-\u249b\u3220-\u3229]")
_LOOKALIKE = re.compile(r"(?:(?<=^)|(?<=[\s（(]))[АВСЕАВЕ](?=[\s　]*[.．、:：)）])")
_LATIN = str.maketrans("АВСЕ", "ABCE")
"""Cyrillic letters that look like labels of choices."""
_FRAMES, _AROUND = "║┆│┃|¦", " \n\u3000"
_SYMBOLS = str.maketrans(
    {"\uf0fc": "√", "\uf0fb": "×", "\uf050": "√", "\uf04f": "×", "\uf0fe": "√", "\uf0fd": "×"}
    | {"\uf0d6": "√", "\uf0b4": "×", "\uf052": "√", "\uf054": "×"}
)
"""What 对 and 错 become when they were typed in Wingdings or Symbol and lost their font."""

_RIGHT = {
    "√",
    "✓",
    "✔",
    "☑",
    "✅",
    "对",
    "對",
    "正确",
    "正確",
    "是",
    "T",
    "TRUE",
    "Y",
    "YES",
    "RIGHT",
    "V",
    "对的",
}
_WRONG = {
    "×",
    "✗",
    "✘",
    "✕",
    "☒",
    "❌",
    "╳",
    "X",
    "错",
    "錯",
    "错误",
    "錯誤",
    "否",
    "F",
    "FALSE",
    "N",
    "NO",
    "WRONG",
}
_WRONG |= {"不对", "不正确", "不是", "非", "误", "错的"}
_RIGHT |= {"正确的", "是的"}
_EDGES = re.compile(r"^[\s(（\[【「『\"'“‘]+|[\s)）\]】」』\"'”’。.．,，;；、!！]+$")
_JOINED = re.compile(r"[\s,;、，；.．|/\\+&和与及]+")
_LABEL = re.compile(r"^\s*[(（\[【]?\s*([A-La-lＡ-Ｌａ-ｌ])\s*(?:[)）\]】]\s*[.．、:：]?|[.．。、:：,，])\s*")
_BARE_LABEL = re.compile(r"^\s*([A-LＡ-Ｌ])(?:\s+|(?=[\u3400-\u9fff《“（(]))")

_TYPES: tuple[tuple[str, str], ...] = (
    (r"不定项|多选|多项|多重选择|复选", ItemType.MULTIPLE_CHOICE),
    (r"单选|单项|单一选择|最佳选择|(?<![A-Z])A[12]型", ItemType.SINGLE_CHOICE),
    (r"判断|是非|对错|正误", ItemType.TRUE_FALSE),
    (r"填空|完形", ItemType.FILL_BLANK),
    (r"简答|问答|论述|名词解释|简述|主观|案例分析|综合分析|解答|计算(?!机)", ItemType.SHORT_ANSWER),
    (r"选择", "choice"),
)
_NAMED = [(re.compile(pattern), str(kind)) for pattern, kind in _TYPES]

_OPEN, _CLOSE = r"(（\[【〔{｛", r")）\]】〕}｝"
_IN_BRACKETS = re.compile(
    rf"[{_OPEN}]([^{_OPEN}{_CLOSE}]{{0,24}})[{_CLOSE}]|(?<!_)_+[ 　]*([A-La-l√×✓✗ ,，、]{{1,24}})[ 　]*_+"
)
_ONLY_LETTERS = re.compile(r"[\s　]*[A-La-lＡ-Ｌ](?:[\s　,，、;；./．和]*[A-La-lＡ-Ｌ])*[\s　.．。]*")
EMPTY = re.compile(rf"[{_OPEN}][\s　_＿]*[{_CLOSE}]|_{{2,}}|＿{{2,}}|…{{2,}}")
"""An empty blank of a stem."""


def clean(text: str) -> str:
    """Return one line without what nobody sees or means.

    Control and zero-width characters go, spaces of every width but the full one become one, Kangxi radicals
    their characters (⼯ is 工), frames at the edges (║ ┆) go, ticks that lost their font come back.
    """
    text = _UNSEEN.sub("", text).translate(_SYMBOLS)
    text = _RADICALS.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    text = _SPACES.sub(" ", text).strip(_AROUND)
    if text[:1] in set(_FRAMES) or text[-1:] in set(_FRAMES):
        text = text.strip(_FRAMES + _AROUND) or text
    return _LOOKALIKE.sub(lambda found: found[0].translate(_LATIN), text)


def folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).upper().split())


def verdict(text: str) -> bool | None:
    """Return what a word or a mark says of a statement, None for anything else; A, B, 1 and 0 say nothing here."""
    word = folded(_EDGES.sub("", clean(text)))
    if word in _RIGHT:
        return True
    return False if word in _WRONG else None


def letters(text: str) -> str | None:
    """Return the sorted letters of a key however they are written (`Ｄ`, `c`, `A、B`, `(ABC)。`), or None."""
    cleaned = _JOINED.sub("", unicodedata.normalize("NFKC", _EDGES.sub("", clean(text))).upper())
    if not cleaned or len(cleaned) > MOST_CHOICES or any(one not in LETTERS for one in cleaned):
        return None
    return "".join(sorted(cleaned)) if len(set(cleaned)) == len(cleaned) else None


def label_of(text: str) -> tuple[str, str]:
    """Return the letter a choice begins with and the rest (`A、甲` → A, 甲); "" and the text when there is none."""
    match = _LABEL.match(text) or _BARE_LABEL.match(text)
    if match is None:
        return "", text.strip()
    return unicodedata.normalize("NFKC", match[1]).upper(), text[match.end() :].strip()


def unlabelled(texts: list[str]) -> list[str]:
    """Return choices without the labels they repeat; taken off only where each has its own (A, B, C …)."""
    pairs = [label_of(text) for text in texts]
    own = all(name == letter and rest for (name, rest), letter in zip(pairs, LETTERS, strict=False))
    return [rest for _name, rest in pairs] if own and len(texts) <= MOST_CHOICES else texts


def named_type(text: str) -> str | None:
    """Return the type a heading or a cell names, "choice" where it does not say how many are right, or None."""
    word = folded(text)
    return next((kind for pattern, kind in _NAMED if pattern.search(word)), None)


@dataclass(frozen=True, slots=True)
class StemKey:
    """What stands in a bracket of a stem where its key may be: the token, and the stem with the bracket emptied."""

    token: str
    stem: str
    last: bool
    """Whether nothing but punctuation follows it, or it leads the stem: where the verdict of a 判断 stands."""


def keys_in_stem(stem: str) -> list[StemKey]:
    """Return every bracket of a stem that holds nothing but letters, or a verdict (`（ D ）`, `(ABC)。`, `（✗）`).

    More than one, or one beside an empty bracket, is for the caller to judge: （A） is also an ampere.
    """
    stem_keys = []
    for match in _IN_BRACKETS.finditer(stem):
        token = clean(match[1] if match[1] is not None else match[2])
        if not token or not (_ONLY_LETTERS.fullmatch(token) or verdict(token) is not None):
            continue
        before, after = stem[: match.start()], stem[match.end() :]
        edge = not after.strip(" 　。.．？?！!") or not before.strip()
        stem_keys.append(StemKey(token, f"{before}{BLANK}{after}".strip(), edge))
        if len(stem_keys) == _MOST_INSIDE:
            break
    return stem_keys


def without_last_blank(stem: str) -> str:
    """Return a 判断 without the empty bracket for its verdict, at its end or before it."""
    stem = re.sub(rf"^[{_OPEN}][\s　]*[{_CLOSE}][\s　]*", "", stem)
    tail = re.search(rf"[\s　]*[{_OPEN}][\s　]*[{_CLOSE}][\s　]*([。.．]?)$", stem[-24:])
    if tail is None:
        return stem
    bare = stem[: len(stem) - len(tail[0])]
    return bare + (tail[1] if tail[1] and not bare.endswith(("。", "！", "？", ".")) else "")
