"""What a written key says of a question: its letters, its verdict, the text of its choice, and words after it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from cbt.bank.formats.reading.words import LETTERS, folded, letters, verdict

_LETTERS_FIRST = re.compile(
    r"[（(【\[]?\s*([A-LＡ-Ｌ](?:[ 　]?[,，、]?[ 　]?[A-LＡ-Ｌ])*)\s*(?:[)）】\]]|(?=[\s.．、:：;；,，。(（【]))"
)
_VERDICT_FIRST = re.compile(
    r"[（(【\[]?\s*(正确|错误|不正确|不对|对|错|√|×|✓|✗|✔|✘|是|否)[)）】\]]?[\s,，。.;；:：（(【\n]+"
)
_PIECES = re.compile(r"(?:^|(?<=[\s;；,，、。]))([A-LＡ-Ｌ])\s*[:：.．、]\s*")
_WRAPPED = re.compile(r"[【\[（(]([^【】\[\]]*)[】\])）][。.]?", re.DOTALL)
_EDGE = re.compile(r"[\s　;；,，。.、|]+$|^[\s　:：、.．]+")
_MARKED = re.compile(
    r"[\s　]*[（(【\[]\s*(?:正确答案|正确选项|答案|正确|right|correct|√|✓|✔|对)\s*[)）】\]][\s　]*$"
    r"|[\s　]*[√✓✔☑✅][\s　]*$",
    re.IGNORECASE,
)
_MARKED_FIRST = re.compile(r"[√✓✔☑✅]\s*(?=\S)")


def letters_among(text: str, choices: Sequence[str]) -> str | None:
    """Return the letters a key names, by letters or by the choices' own text; None when it names none for sure."""
    found = letters(text)
    if found:
        return found
    pieces = _pieces(text)
    if pieces and all(_same(rest, _choice(letter, choices)) for letter, rest in pieces):
        return _sorted(letter for letter, _rest in pieces)
    if by_text := _by_text(text, choices):
        return by_text
    first = _LETTERS_FIRST.match(text)
    if first is None:
        return None
    rest = text[first.end() :].strip()
    named = letters(first[1])
    tail = _EDGE.sub("", rest)
    if named is None:
        return None
    others = [one for letter, one in zip(LETTERS, choices, strict=False) if letter not in named]
    if any(tail and folded(tail) == folded(one) for one in others):
        return None
    if rest[:1] in {"、", ".", "．"} and not (len(named) == 1 and _same(tail, _choice(named, choices))):
        return None
    return named


def verdict_among(text: str) -> bool | None:
    """Return the verdict a key begins with; words may follow (`错误，应为 24 小时`)."""
    said = verdict(text)
    if said is not None:
        return said
    first = _VERDICT_FIRST.match(text)
    return verdict(first[1]) if first else None


def after_key(text: str) -> str:
    """Return the words after letters or a verdict, but for the choices' own."""
    if _pieces(text) or letters(text) or verdict(text) is not None:
        return ""
    first = _LETTERS_FIRST.match(text) or _VERDICT_FIRST.match(text)
    return _EDGE.sub("", text[first.end() :]).strip() if first else ""


def unmarked(text: str) -> tuple[str, bool]:
    """Return a choice without the mark that says it is right (`（正确答案）`, `√`), and whether there was one."""
    tail = _MARKED.search(text[-16:])
    if tail and len(text) > len(tail[0]):
        return text[: len(text) - len(tail[0])].rstrip(), True
    head = _MARKED_FIRST.match(text)
    return (text[head.end() :], True) if head else (text, False)


def _pieces(text: str) -> list[tuple[str, str]]:
    marks = list(_PIECES.finditer(text))
    ends = [*(one.start() for one in marks[1:]), len(text)]
    if not marks or marks[0].start() > 0:
        return []
    return [(folded(one[1]), text[one.end() : end]) for one, end in zip(marks, ends, strict=True)]


def _by_text(text: str, choices: Sequence[str]) -> str | None:
    by_text: dict[str, str] = {}
    for letter, one in zip(LETTERS, choices, strict=False):
        if folded(one) in by_text:
            return None
        by_text[folded(one)] = letter
    inner = _WRAPPED.fullmatch(text.strip())
    text = inner[1] if inner and folded(text) not in by_text else text
    whole = folded(_EDGE.sub("", text))
    if whole in by_text:
        return by_text[whole]
    parts = [folded(one) for one in re.split(r"[;；\n|]", text) if one.strip()]
    if len(parts) > 1 and all(one in by_text for one in parts) and len(set(parts)) == len(parts):
        return _sorted(by_text[one] for one in parts)
    return None


def _choice(letter: str, choices: Sequence[str]) -> str:
    place = LETTERS.find(letter)
    return choices[place] if 0 <= place < len(choices) else "\0"


def _same(text: str, choice: str) -> bool:
    return folded(_EDGE.sub("", text)) == folded(_EDGE.sub("", choice))


def _sorted(found: Iterable[str]) -> str | None:
    given = list(found)
    return "".join(sorted(given)) if len(set(given)) == len(given) else None
