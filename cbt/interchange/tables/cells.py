"""Cells of a table: their text without what nobody sees, and keys and choices however they are written."""

from __future__ import annotations

import ast
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import unescape

from cbt.interchange.picture_marks import without
from cbt.items.types.true_false.editor import truth_of

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
    merged = lines[0] if lines else ""
    for line in lines[1:]:
        if (
            _LINE_END.search(merged) and (_LISTED.match(line) or not merged.endswith(("）", ")", "”")))
        ) or _LISTED.match(line):
            merged += "\n" + line
        else:
            wide = bool(re.match(f"[{_WIDE}]", merged[-1:]) or re.match(f"[{_WIDE}]", line[:1]))
            merged += line if wide else f" {line}"
    return merged


def one_line(text: str) -> str:
    return joined(text).replace("\n", "")


def without_bullets(text: str) -> str:
    return _BULLETS.sub("", text)


def leading_bracket(stem: str) -> tuple[str, str] | None:
    """Return what stands in an answer bracket before the number of a stem, and the stem from its number on."""
    match = _ANSWER_BRACKET.match(stem)
    return (match[1].strip(), stem[match.end() :]) if match else None


def leading_number(stem: str) -> tuple[int, str] | None:
    match = NUMBER.match(stem)
    if match is None or match.end() == len(stem):
        return None
    return int(next(group for group in match.groups() if group)), stem[match.end() :]


def without_worth(stem: str) -> str:
    """Return a stem without what it is worth at its beginning or end."""
    for match in _WORTH.finditer(stem):
        before, after = stem[: match.start()].rstrip(), stem[match.end() :].lstrip()
        if not before or not after:
            return before + after
    return stem


def trailing_kind(stem: str) -> tuple[str, str]:
    """Return the type a stem ends with in brackets, "" for none, and the rest."""
    match = _KIND_BEHIND.search(stem)
    return (match[1], stem[: match.start()].rstrip()) if match and match.start() else ("", stem)


def leading_kind(stem: str) -> tuple[str, str]:
    """Return the type a stem begins with in brackets, "" for none, and the rest."""
    match = _KIND.match(stem)
    return (match[1], stem[match.end() :]) if match and match.end() < len(stem) else ("", stem)


@lru_cache(20_000)
def same(text: str) -> str:
    """Return a text for comparing a key with a choice: NFKC, case folded, without spaces and stops at its end."""
    folded = unicodedata.normalize("NFKC", without(text) or text).casefold()
    return re.sub(r"\s+", "", folded).rstrip("。.;；，,、")


# Keys and choices in cells: however a key is written, within the stem too, and choices that share one cell.
#
# A key is letters, numbers, marks or the text of a choice.

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
    key = _SAID.sub("", one_line(text))
    key = _EXPLAINED.sub("", key).strip() if "解析" in key else key.strip()
    key = key.rstrip("。.；;，,、 ") or key
    while match := _ENCLOSED.match(key):
        key = match[1].strip()
    return key


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
    key = bare(text)
    if key and all(char in _CIRCLED or _BETWEEN.fullmatch(char) for char in key):
        return [_CIRCLED[char] + 1 for char in key if char in _CIRCLED]
    plain = unicodedata.normalize("NFKC", key)
    if re.fullmatch(r"\d(?:\.0+)?", plain):
        return [int(plain[0])]
    if re.fullmatch(r"\d{2,8}", plain) or re.fullmatch(r"\d(?:\s*[,;、|/&\s]\s*\d)+", plain):
        digits = [int(char) for char in plain if char.isdigit()]
        return digits if digits == sorted(set(digits)) else None
    return None


def looks_like_key(text: str) -> bool:
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
    plain_choices = [same(choice) for choice in choices]
    whole = same(one_line(text))
    if plain_choices.count(whole) == 1:
        return LETTERS[plain_choices.index(whole)]
    for separators in (_SEPARATORS, _SOFT_SEPARATORS):
        pieces = [same(piece) for piece in separators.split(text) if piece.strip()]
        if len(pieces) > 1 and all(plain_choices.count(piece) == 1 for piece in pieces):
            places = sorted({plain_choices.index(piece) for piece in pieces})
            return "".join(LETTERS[place] for place in places) if len(places) == len(pieces) else ""
    return ""


def _labelled(text: str, choices: Sequence[str]) -> KeyFound:
    """Return the key of `B、防风险`: its letter, when what follows is that choice."""
    pieces = [piece for piece in re.split(r"\n|[;；|]", text) if piece.strip()]
    letters = []
    for piece in pieces:
        match = _LABELLED_KEY.match(unicodedata.normalize("NFKC", _SAID.sub("", piece.strip())))
        place = LETTERS.find(match[1].upper()) if match else -1
        if match is None or not 0 <= place < len(choices) or same(match[2]) != same(choices[place]):
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
    place = stem.rfind("答案")
    if place >= 0 and (tail := _KEY_TAIL.search(stem, max(place - 12, 0))):
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
    plain_choices = {same(choice) for choice in choices}
    inner_keys = []
    for bracket in _BRACKET.finditer(stem):
        text = (bracket[1] if bracket[1] is not None else bracket[2] or "").strip()
        if not text:
            continue
        if _NAMED.match(stem[bracket.end() :]):
            continue
        if letters_in(text) is not None and choices:
            inner_keys.append(
                InnerKey(text, "letters", stem[: bracket.start()] + BLANK + stem[bracket.end() :])
            )
        elif text in _MARKS or (
            text not in _LETTERED
            and truth_of(text) is not None
            and _at_an_end(stem, bracket.start(), bracket.end())
        ):
            edge = _at_an_end(stem, bracket.start(), bracket.end())
            inner_keys.append(InnerKey(text, "truth", _without(stem, bracket.start(), bracket.end()), edge))
        elif same(text) in plain_choices:
            inner_keys.append(InnerKey(text, "text", stem[: bracket.start()] + BLANK + stem[bracket.end() :]))
    return inner_keys


def _at_an_end(stem: str, start: int, end: int) -> bool:
    return not stem[:start].strip() or not stem[end:].strip(" 。.．")


def _without(stem: str, start: int, end: int) -> str:
    """Return a statement without the mark in it; what stood around it closes up."""
    before, after = stem[:start].rstrip(" 　"), stem[end:].lstrip(" 　")
    if not after.strip("。.．") and before.endswith(("。", "．", ".", "！", "？")):
        return before
    return before + after


def has_blank(stem: str) -> bool:
    return _EMPTY.search(stem) is not None


def blanks_marked(stem: str) -> tuple[str, int]:
    """Return a stem with each of its blanks as （　　）, and how many there are."""
    return _EMPTY.subn(BLANK, stem)


def without_answer_bracket(stem: str) -> str:
    """Return a statement without the empty bracket for its verdict at either end."""
    bare_stem = re.sub(r"^\s*[（(【\[][\s　]*[)）】\]]\s*", "", stem)
    match = re.search(r"[（(【\[][\s　_＿]*[)）】\]]\s*([。.．]?)\s*$", bare_stem)
    if not match:
        return bare_stem
    before = bare_stem[: match.start()].rstrip(" 　")
    return before if before.endswith(("。", "．", "！", "？")) else before + match[1]


_WIDTHS = str.maketrans("ＡＢＣＤＥＦＧＨＩＪ", "ABCDEFGHIJ")
_STYLES = (
    re.compile(r"(?<![A-Za-z0-9])[（(【\[]\s*([A-J])\s*[)）】\]]\s*[.．、:：]?\s*"),
    re.compile(r"(?<![A-Za-z0-9（(【\[])(?<![（(【\[]\s)([A-J])\s*[.．、:：,，)）]\s*"),
    re.compile(r"(?<![A-Za-z0-9])([a-j])\s*[.．、:：)）]\s*"),
    re.compile(r"(?:^|(?<=[\s|;；$]))([A-J])\s+(?=\S)"),
    re.compile(r"(?:^|(?<=[\n|;；$]))([A-J])(?=[\u3400-\u9fff])"),
    re.compile(r"([A-J])\s*[.．、:：]\s*"),
)
_BARE = {3, 4}
"""Styles with no mark behind the letter: nothing else may tell the choices apart."""
_APART = re.compile(r"[\n|｜$]|[;；]\s*\S")
_NUMBERED = re.compile(r"(?:^|(?<=[\s;；|$]))[（(]?([1-9])[)）]?\s*[.．、:：)）]\s*(?!\d)")
_CIRCLED_MARK = re.compile(r"([①-⑩])\s*[.．、:：]?\s*")
_TAIL = " \n\t\u3000|｜;；$&#,，、/\\"
LONGEST = 8_000
"""A longer text holds no choices: labels in it are looked for in no time."""
_HARD = (
    "\n",
    "$;",
    "|",
    "｜",
    "$$",
    "$",
    "&&",
    "&",
    "###",
    "##",
    "#",
    "@@",
    "@",
    "^",
    "~",
    "；",
    ";",
    "\\n",
    "<br>",
    "<br/>",
)
SOFT = ("，", ",", "、", "/", "  ", " ", "　")
MOST = 14


def structured(text: str) -> list[str] | None:
    """Return the choices of a JSON list or object, as programs keep them in one cell; None when it is none."""
    if text[:1] not in "[{" or len(text) > 20_000:
        return None
    try:
        parsed = json.loads(text)
    except ValueError:
        try:
            parsed = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
    if isinstance(parsed, dict):
        keys = [str(key).strip().upper() for key in parsed]
        if keys != list(LETTERS[: len(keys)]) and keys != [str(n) for n in range(1, len(keys) + 1)]:
            return None
        parsed = list(parsed.values())
    if not isinstance(parsed, list) or not 2 <= len(parsed) <= MOST:
        return None
    entries = [_entry(entry) for entry in parsed]
    return unlabelled([one for one in entries if one]) if all(entries) else None


def _entry(entry: object) -> str:
    if isinstance(entry, dict):
        for name in ("text", "value", "content", "name", "title", "label", "option", "选项", "内容"):
            if isinstance(entry.get(name), str | int | float):
                return str(entry[name]).strip()
        return ""
    return str(entry).strip() if isinstance(entry, str | int | float) else ""


def labelled(text: str) -> tuple[str, list[str]] | None:
    """Return what stands before the choices, and the choices of a text that labels them A, B, C …; None for none.

    One style of labels at a time, so that （A） in a sentence is none of A、 B、 C、.
    """
    if len(text) > LONGEST:
        return None
    text = text.translate(_WIDTHS)
    best: tuple[int, int, list[re.Match[str]]] | None = None
    for rank, style in enumerate(_STYLES):
        for run in _runs(list(style.finditer(text))):
            pieces = _pieces(text, run)
            if len(run) < 2 or not all(pieces) or (rank in _BARE and any(map(_APART.search, pieces))):
                continue
            score = (len(run), -rank, run)
            if best is None or score[:2] >= best[:2]:
                best = score
        if best is not None and rank in {1, 2, 4}:
            break
    if best is None:
        return None
    run = best[2]
    return text[: run[0].start()].strip(), _pieces(text, run)


def _runs(marks: Sequence[re.Match[str]]) -> Iterator[list[re.Match[str]]]:
    """Yield each run of labels that begins with A and goes on without a gap."""
    for n, first in enumerate(marks):
        if first[1].upper() != "A":
            continue
        run = [first]
        for mark in marks[n + 1 :]:
            if len(run) < len(LETTERS) and mark[1].upper() == LETTERS[len(run)]:
                run.append(mark)
        yield run


def _pieces(text: str, run: Sequence[re.Match[str]]) -> list[str]:
    ends = [mark.start() for mark in run[1:]] + [len(text)]
    return [text[mark.end() : end].rstrip(_TAIL).strip() for mark, end in zip(run, ends, strict=True)]


def numbered(text: str) -> list[str] | None:
    """Return the choices of a text that counts them: 1. … 2. …, or ① … ② …."""
    for style, first in ((_NUMBERED, "1"), (_CIRCLED_MARK, "①")):
        marks = list(style.finditer(text))
        wanted = [chr(ord(first) + n) for n in range(len(marks))]
        if len(marks) > 1 and marks[0].start() == 0 and [mark[1] for mark in marks] == wanted:
            pieces = _pieces(text, marks)
            return pieces if all(pieces) else None
    return None


def separator_of(texts: Sequence[str]) -> str:
    """Return what separates the choices in a column of cells, "" for nothing that does so throughout."""
    for separator in (*_HARD, *SOFT):
        counts = [len(split_by(text, separator)) for text in texts]
        enough = sum(2 <= count <= MOST for count in counts)
        usual = max(set(counts), key=counts.count, default=0)
        soft = separator in SOFT
        if soft and (usual < 2 or counts.count(usual) < 0.9 * len(counts) or enough < len(counts)):
            continue
        if enough >= 0.9 * len(counts) and counts:
            return separator
    return ""


def split_by(text: str, separator: str) -> list[str]:
    """Return the pieces of a text; blanks alone separate however many they are."""
    pieces = re.split(r"\s+|　+", text) if separator in {" ", "　"} else text.split(separator)
    return [part for piece in pieces if (part := piece.rstrip(_TAIL).strip())]


def split(text: str, separator: str) -> list[str] | None:
    """Return the choices that stand in one cell, None when nothing tells them apart."""
    if listed := structured(text.strip()):
        return listed
    named = labelled(text)
    if named is not None and not named[0]:
        return [one_line(choice) for choice in named[1]]
    pieces = split_by(text, separator) if separator else []
    if len(pieces) > 1:
        return unlabelled([one_line(piece) for piece in pieces])
    if counted := numbered(text):
        return [one_line(choice) for choice in counted]
    return None


_LABEL = r"^[（(【\[]?\s*{letter}\s*[)）】\]]?\s*{marks}\s*(?=\S)"


def unlabelled(choices: Sequence[str], *, loose: bool = False) -> list[str]:
    """Return choices without the letter before each; none unless two have their own.

    `loose` takes a letter with only a blank behind it, too, where every choice has one: in a whole file it is a
    label, in one item a name.
    """
    marks = r"(?:[.．、:：,，)）]|(?<=[)）】\]])|\s)" if loose else r"(?:[.．、:：)）]|(?<=[)）】\]]))"
    done = []
    for letter, choice in zip(LETTERS, choices, strict=False):
        own = f"[{letter}{letter.lower()}{chr(ord(letter) + 0xFEE0)}{chr(ord(letter.lower()) + 0xFEE0)}]"
        pattern = re.compile(_LABEL.format(letter=own, marks=marks))
        done.append(pattern.sub("", choice, count=1).strip() if pattern.match(choice) else None)
    if sum(one is not None for one in done) < (len(choices) if loose else 2) or len(done) < len(choices):
        return list(choices)
    return [choice if one is None else one for one, choice in zip(done, choices, strict=True)]
