"""Choices that stand in one cell, or behind the stem: by their labels, by what separates them, as a JSON list."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Sequence

from cbt.bank.formats.tables.cells.dirt import one_line
from cbt.bank.formats.tables.cells.keys import LETTERS

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
_CIRCLED = re.compile(r"([①-⑩])\s*[.．、:：]?\s*")
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
        found = json.loads(text)
    except ValueError:
        try:
            found = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
    if isinstance(found, dict):
        keys = [str(key).strip().upper() for key in found]
        if keys != list(LETTERS[: len(keys)]) and keys != [str(n) for n in range(1, len(keys) + 1)]:
            return None
        found = list(found.values())
    if not isinstance(found, list) or not 2 <= len(found) <= MOST:
        return None
    said = [_entry(entry) for entry in found]
    return unlabelled([one for one in said if one]) if all(said) else None


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
    for style, first in ((_NUMBERED, "1"), (_CIRCLED, "①")):
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
    return [one for piece in pieces if (one := piece.rstrip(_TAIL).strip())]


def split(text: str, separator: str) -> list[str] | None:
    """Return the choices that stand in one cell, None when nothing tells them apart."""
    if found := structured(text.strip()):
        return found
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
