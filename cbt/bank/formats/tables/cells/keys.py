"""Keys however they are written: letters, numbers, marks, the text of a choice, or within the stem."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from cbt.bank.formats.tables.cells.dirt import one_line, same
from cbt.bank.items.types.true_false.authoring import truth_of

LETTERS = "ABCDEFGHIJ"
BLANK = "（　　）"
_LOOKALIKE = str.maketrans("АВСЕНΑΒΕΗавсеΧХ", "ABCEHABEHABCEXX")
_SAID = re.compile(
    r"^(?:(?:正确|标准|参考|本题)?(?:答案|选项)\s*(?:是|为)?\s*[:：]?|key\s*:|answer\s*:|应?选(?:择)?\s*[:：]?|答\s*[:：])\s*",
    re.IGNORECASE,
)
_EXPLAINED = re.compile(r"(?<=\S)[\s。；;，,]*[【(（\[]?(?:答案|试题)?解析[】)）\]]?\s*[:：】].*$", re.DOTALL)
_LABELLED_KEY = re.compile(r"^[（(【\[]?\s*([A-Na-n])\s*[)）】\]]?\s*[.．、:：,，\s]\s*(\S.*)$", re.DOTALL)
_BETWEEN = re.compile(r"[\s,;、，；.。|/\\&+·:：和与及\-—_]+")
_CIRCLED = {chr(0x2460 + n): n for n in range(14)}
_ENCLOSED = re.compile(r"^[（(【\[「“\"'](.*)[)）】\]」”\"']$", re.DOTALL)
_SEPARATORS = re.compile(r"\s*(?:\$;|[;；|｜\n$#&])\s*")
_SOFT_SEPARATORS = re.compile(r"\s*[,，、/]\s*")
_BRACKET = re.compile(r"[（(【\[]\s*([^（()）【】\[\]]*?)\s*[)）】\]]|(?<!_)_{2,}\s*([A-N√×✓✗]+)\s*_{2,}")
_KEY_TAIL = re.compile(
    r"[\s。.；;，,]*[（(【\[]?\s*(?:正确|标准|参考)?答案\s*[)）】\]]?\s*(?:是|为)?\s*[:：]\s*[（(【\[]?"
    r"([A-Na-n√×✓✗对错是否正确错误、,， ]+?)[)）】\]]?[。.]?\s*$"
)
_BEHIND = re.compile(r"(?<=[)）】\]_])\s*([A-N]{1,8})\s*[。.]?$|(?<=[。.\s！])([√×✓✔✗✘])\s*$")
_LONGEST = 4_000
_EMPTY = re.compile(r"[（(【\[][\s　_＿]*[)）】\]]|_{2,}|＿{2,}|﹍{2,}|…{3,}")
_NAMED = re.compile(r"[类级型种组区栋座股楼班]")
"""What a letter in brackets gives its name to: it is no key."""
_LETTERED = {*"ABab01YNynVv"}
_MARKS = {"√", "✓", "✔", "×", "✗", "✘", "X", "x", "☑", "☒"}


@dataclass(frozen=True, slots=True)
class KeyFound:
    """A key as letters of the choices; `problem` is why there is none: the code of a finding."""

    letters: str = ""
    problem: str = ""
    by_text: bool = False


def bare(text: str) -> str:
    """Return a key without what people write around it."""
    said = _SAID.sub("", one_line(text))
    said = _EXPLAINED.sub("", said).strip() if "解析" in said else said.strip()
    said = said.rstrip("。.；;，,、 ") or said
    while found := _ENCLOSED.match(said):
        said = found[1].strip()
    return said


def letters_in(text: str) -> str | None:
    """Return the sorted letters of a key that is nothing but letters, None for any other; twice one is none."""
    plain = unicodedata.normalize("NFKC", bare(text)).translate(_LOOKALIKE).upper()
    plain = re.sub(r"[()\[\]【】{}<>\"'“”‘’]", " ", plain)
    if re.search(r"[A-N]\s*[-—~～至到]\s*[A-N]", plain) and len(_BETWEEN.sub("", plain)) == 2:
        return None  # A-D may mean all of them, or two
    letters = _BETWEEN.sub("", plain)
    if not letters or any(letter not in LETTERS for letter in letters) or len(set(letters)) != len(letters):
        return None
    return "".join(sorted(letters))


def numbers_in(text: str) -> list[int] | None:
    """Return the numbers of a key that is nothing but numbers: 2, `1,3`, `①③`, `13`."""
    said = bare(text)
    if said and all(char in _CIRCLED or _BETWEEN.fullmatch(char) for char in said):
        return [_CIRCLED[char] + 1 for char in said if char in _CIRCLED]
    plain = unicodedata.normalize("NFKC", said)
    if re.fullmatch(r"\d(?:\.0+)?", plain):
        return [int(plain[0])]
    if re.fullmatch(r"\d{2,8}", plain) or re.fullmatch(r"\d(?:\s*[,;、|/&\s]\s*\d)+", plain):
        digits = [int(char) for char in plain if char.isdigit()]
        return digits if digits == sorted(set(digits)) else None
    return None


def looks_like_key(text: str) -> bool:
    """Return whether a cell may be a key: letters, a mark, or a word for right or wrong."""
    return len(text) <= 24 and (letters_in(text) is not None or truth_of(bare(text)) is not None)


def find_key(text: str, choices: Sequence[str], base: int, prefer: str = "") -> KeyFound:
    """Return which choices a key names; `base` is the number of the first one where numbers name them.

    `prefer` says what a number is that may be both: a choice's "place", or its "text".
    """
    if len(text) > _LONGEST:
        return KeyFound(problem="key_unmatched")
    letters = letters_in(text)
    by_text = _by_text(text, choices)
    if letters is not None:
        if by_text and by_text != letters and len(letters) == 1 and same(bare(text)) in map(same, choices):
            return KeyFound(problem="key_ambiguous")
        beyond = [one for one in letters if LETTERS.index(one) >= len(choices)]
        return KeyFound(letters=letters, problem="answer_no_choice" if beyond else "")
    numbers = numbers_in(text)
    if numbers is not None:
        placed = _places(numbers, len(choices), base)
        if placed and by_text and placed != by_text and prefer:
            return KeyFound(letters=by_text if prefer == "text" else placed, by_text=prefer == "text")
        if placed and by_text and placed != by_text:
            return KeyFound(problem="key_ambiguous")
        if placed and not by_text and prefer == "text":
            return KeyFound(problem="key_unmatched")
        if placed or by_text:
            return KeyFound(letters=by_text or placed, by_text=not placed)
        return KeyFound(problem="key_unmatched")
    if by_text:
        return KeyFound(letters=by_text, by_text=True)
    return _labelled(text, choices)


def _places(numbers: Sequence[int], count: int, base: int) -> str:
    places = [number - base for number in numbers]
    if not places or any(not 0 <= place < count for place in places):
        return ""
    return "".join(LETTERS[place] for place in sorted(places))


def _by_text(text: str, choices: Sequence[str]) -> str:
    """Return the letters of the choices whose text a key is, "" for none; each must be one choice alone."""
    known = [same(choice) for choice in choices]
    whole = same(one_line(text))
    if known.count(whole) == 1:
        return LETTERS[known.index(whole)]
    for separators in (_SEPARATORS, _SOFT_SEPARATORS):
        pieces = [same(piece) for piece in separators.split(text) if piece.strip()]
        if len(pieces) > 1 and all(known.count(piece) == 1 for piece in pieces):
            places = sorted({known.index(piece) for piece in pieces})
            return "".join(LETTERS[place] for place in places) if len(places) == len(pieces) else ""
    return ""


def _labelled(text: str, choices: Sequence[str]) -> KeyFound:
    """Return the key of `B、防风险`: its letter, when what follows is that choice."""
    pieces = [piece for piece in re.split(r"\n|[;；|]", text) if piece.strip()]
    letters = []
    for piece in pieces:
        found = _LABELLED_KEY.match(unicodedata.normalize("NFKC", _SAID.sub("", piece.strip())))
        place = LETTERS.find(found[1].upper()) if found else -1
        if found is None or not 0 <= place < len(choices) or same(found[2]) != same(choices[place]):
            return KeyFound(problem="key_unmatched")
        letters.append(LETTERS[place])
    if not letters or len(set(letters)) != len(letters):
        return KeyFound(problem="key_unmatched")
    return KeyFound(letters="".join(sorted(letters)))


@dataclass(frozen=True, slots=True)
class InnerKey:
    """A key found within a stem, and the stem without it; `kind` is letters, truth or text."""

    text: str
    kind: str
    stem: str
    at_end: bool = True


def keys_in_stem(stem: str, choices: Sequence[str]) -> list[InnerKey]:
    """Return what may be the key within a stem: letters, a mark, a choice's text, 答案：B at its end."""
    said = stem.rfind("答案")
    if said >= 0 and (tail := _KEY_TAIL.search(stem, max(said - 12, 0))):
        text = tail[1].strip()
        kind = "letters" if letters_in(text) else "truth" if truth_of(text) is not None else ""
        if kind and tail.start():
            return [
                InnerKey(
                    text,
                    kind,
                    stem[: tail.start()] + ("。" if stem[tail.start() : tail.start() + 1] == "。" else ""),
                )
            ]
    if end := _BEHIND.search(stem):
        kind = "letters" if end[1] and choices else "truth" if end[2] else ""
        if kind:
            return [InnerKey(end[1] or end[2], kind, stem[: end.start()].rstrip())]
    known = {same(choice) for choice in choices}
    found = []
    for bracket in _BRACKET.finditer(stem):
        text = (bracket[1] if bracket[1] is not None else bracket[2] or "").strip()
        if not text:
            continue
        if _NAMED.match(stem[bracket.end() :]):
            continue
        if letters_in(text) is not None and choices:
            found.append(InnerKey(text, "letters", stem[: bracket.start()] + BLANK + stem[bracket.end() :]))
        elif text in _MARKS or (
            text not in _LETTERED
            and truth_of(text) is not None
            and _at_an_end(stem, bracket.start(), bracket.end())
        ):
            edge = _at_an_end(stem, bracket.start(), bracket.end())
            found.append(InnerKey(text, "truth", _without(stem, bracket.start(), bracket.end()), edge))
        elif same(text) in known:
            found.append(InnerKey(text, "text", stem[: bracket.start()] + BLANK + stem[bracket.end() :]))
    return found


def _at_an_end(stem: str, start: int, end: int) -> bool:
    return not stem[:start].strip() or not stem[end:].strip(" 。.．")


def _without(stem: str, start: int, end: int) -> str:
    """Return a statement without the mark in it; what stood around it closes up."""
    before, after = stem[:start].rstrip(" 　"), stem[end:].lstrip(" 　")
    if not after.strip("。.．") and before.endswith(("。", "．", ".", "！", "？")):
        return before
    return before + after


def has_blank(stem: str) -> bool:
    """Return whether a stem has an empty bracket or a line to fill in."""
    return _EMPTY.search(stem) is not None


def blanks_marked(stem: str) -> tuple[str, int]:
    """Return a stem with each of its blanks as （　　）, and how many there are."""
    return _EMPTY.subn(BLANK, stem)


def without_answer_bracket(stem: str) -> str:
    """Return a statement without the empty bracket for its verdict at either end."""
    bare_stem = re.sub(r"^\s*[（(【\[][\s　]*[)）】\]]\s*", "", stem)
    found = re.search(r"[（(【\[][\s　_＿]*[)）】\]]\s*([。.．]?)\s*$", bare_stem)
    if not found:
        return bare_stem
    before = bare_stem[: found.start()].rstrip(" 　")
    return before if before.endswith(("。", "．", "！", "？")) else before + found[1]
