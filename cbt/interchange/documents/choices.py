"""Choices, however they stand: one a line, several a line, within the stem's line, unlabelled behind bullets."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cbt.interchange.documents.lines import Line
from cbt.interchange.documents.terms import LETTERS
from cbt.interchange.picture_marks import RANGE

_AT_START = re.compile(
    r"[√✓✔*＊☑●]?\s*(?:[（(\[【]\s*(?P<a>[A-La-lＡ-Ｌ])\s*[)）\]】]\s*[.．、:：]?|选项\s*(?P<b>[A-La-l])\s*[:：.、]?"
    r"|(?P<c>[A-La-lＡ-Ｌ])\s*[.．。、:：,，)）|｜])\s*"
)
_LOOSE_START = re.compile(rf"(?P<c>[A-LＡ-Ｌ])(?:\s+|(?=[\u3400-\u9fff《“\d（({RANGE}]))")
_INLINE = re.compile(
    r"(?:[（(]\s*(?P<a>[A-LＡ-Ｌ])\s*[)）]\s*[.．、:：]?|(?<![A-Za-z0-9.])(?P<c>[A-LＡ-Ｌ])\s*[.．、:：)）]|(?<=\s)(?P<d>[a-l])[.．、)）])\s*"
)
_LOOSE_INLINE = re.compile(
    rf"(?<=[\s\u3000|｜;；])(?P<c>[A-LＡ-Ｌ])(?:\s+|(?=[\u3400-\u9fff《“\d（({RANGE}]))"
)
TICKED = re.compile(r"[（(【\[]\s*(?:正确答案|正确选项)\s*[)）】\]]\s*$")
_BULLET = re.compile(r"(?:[-*+•·○●◯□◇▪‣]|\[[ xX√]?\]|[（(]\s*[)）])\s+")
_TICKS = "√✓✔☑✅xX*＊●"
_TRAILING = " \t　|｜/"


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice as it stands in a file: its letter ("" behind a bullet) and its lines."""

    letter: str
    lines: tuple[Line, ...]
    ticked: bool = False


@dataclass(frozen=True, slots=True)
class SplitQuestion:
    """A question in pieces: the lines of its stem, its choices; `faults` are codes of what does not fit."""

    stem: tuple[Line, ...]
    choices: tuple[Choice, ...]
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Label:
    """A letter that may begin a choice: its line, where it stands, where its text begins."""

    letter: str
    line: int
    start: int
    end: int
    leads: bool
    apart: bool
    ticked: bool = False

    @property
    def place(self) -> tuple[int, int]:
        return self.line, self.start


def begins_choice(text: str) -> str:
    """Return the letter of the choice a line begins, "" for none."""
    found = _AT_START.match(text)
    return _letter(found) if found else ""


def last_letter(text: str) -> str:
    """Return the letter of the last choice that begins in a line, "" for none."""
    found = [_letter(match) for match in _INLINE.finditer(text)]
    return found[-1] if found else begins_choice(text)


def loose_letter(text: str) -> str:
    """Return the letter a line begins with where nothing but a space, or nothing, stands behind it."""
    found = _LOOSE_START.match(text)
    return _letter(found) if found else ""


def has_bullet(line: Line) -> bool:
    """Say whether a line stands behind a bullet or a box."""
    return line.bullet or _BULLET.match(line.text) is not None


def split_body(lines: Sequence[Line]) -> SplitQuestion:
    """Return stem and choices of the lines of one question, whose fields are taken out already."""
    labels = _labels(lines, _AT_START, _INLINE)
    if chosen := _run(labels):
        return _cut(lines, chosen, labels)
    labels = _labels(lines, _LOOSE_START, _LOOSE_INLINE)
    if (chosen := _run(labels)) and (len(chosen) > 3 or (chosen[0].leads and chosen[0].line)):
        return _cut(lines, chosen, labels)
    return _bullets(lines) or _ticked(lines) or SplitQuestion(tuple(lines), ())


def _letter(found: re.Match[str]) -> str:
    name = next(one for one in found.groupdict().values() if one)
    return unicodedata.normalize("NFKC", name).upper()


def _labels(lines: Sequence[Line], leading: re.Pattern[str], inline: re.Pattern[str]) -> list[_Label]:
    found = []
    for number, line in enumerate(lines):
        text = line.text
        first = leading.match(text)
        if first:
            ticked = text[0] in _TICKS
            found.append(
                _Label(_letter(first), number, 0, first.end(), leads=True, apart=True, ticked=ticked)
            )
        for match in inline.finditer(text, first.end() if first else 0):
            apart = not match.start() or text[match.start() - 1] in " \t　|｜;；）)?？。:："
            if match.start() or not first:
                found.append(
                    _Label(_letter(match), number, match.start(), match.end(), leads=False, apart=apart)
                )
    return found


def _run(labels: Sequence[_Label]) -> list[_Label]:
    """Return the labels that count from A on: those that begin lines before those inside, the last run of all."""
    best: list[_Label] = []
    firsts = [place for place, label in enumerate(labels) if label.letter == "A"]
    leading = [place for place in firsts if labels[place].leads and labels[place].line]
    for place in leading[:1] or firsts[-4:]:
        run = [labels[place]]
        rest = list(labels[place + 1 :])
        while rest and (following := _next(rest, LETTERS.find(run[-1].letter) + 1)) is not None:
            run.append(rest[following])
            rest = rest[following + 1 :]
        if len(run) >= 2 and len(run) >= len(best):
            best = run
    return best


def _next(rest: Sequence[_Label], wanted: int) -> int | None:
    """Return the place of the label that goes on: one that begins a line, unless a later letter does so before."""
    if wanted >= len(LETTERS):
        return None
    letter, inside, glued = LETTERS[wanted], None, None
    for place, label in enumerate(rest):
        if label.leads and label.letter > letter:
            break
        if label.letter != letter:
            continue
        if label.leads:
            return place
        if label.apart and inside is None:
            inside = place
        if glued is None:
            glued = place
    return glued if inside is None else inside


def _cut(lines: Sequence[Line], chosen: Sequence[_Label], labels: Sequence[_Label]) -> SplitQuestion:
    ends = [*(label.place for label in chosen[1:]), (len(lines) - 1, len(lines[-1].text))]
    pieces = [
        Choice(label.letter, tuple(_between(lines, (label.line, label.end), end)), label.ticked)
        for label, end in zip(chosen, ends, strict=True)
    ]
    stem = tuple(_between(lines, (0, 0), chosen[0].place))
    faults = []
    if any(not "".join(line.text for line in one.lines) for one in pieces):
        faults.append("text_choice_empty")
    taken = set(chosen)
    beside = [
        label for label in labels if label.leads and label not in taken and label.place > chosen[0].place
    ]
    if beside:
        faults.append("text_choice_labels")
    return SplitQuestion(stem, tuple(_tidy(pieces)), tuple(faults))


def _between(lines: Sequence[Line], start: tuple[int, int], end: tuple[int, int]) -> list[Line]:
    found = []
    for number in range(start[0], end[0] + 1):
        first = start[1] if number == start[0] else 0
        piece = lines[number].cut(first, end[1] if number == end[0] else None)
        if piece.text:
            found.append(piece)
    return found


def _tidy(pieces: Sequence[Choice]) -> list[Choice]:
    """Take off what stands between choices: `|` always, `；` where all but the last end with it."""
    marks = _TRAILING
    if len(pieces) > 1 and all(one.lines and one.lines[-1].text.endswith(("；", ";")) for one in pieces[:-1]):
        marks += "；;。"
    done = []
    every = all(one.ticked for one in pieces)
    for one in pieces:
        lines = one.lines
        if lines:
            last = lines[-1]
            lines = (*lines[:-1], last.cut(0, len(last.text.rstrip(marks))))
        done.append(Choice(one.letter, lines, one.ticked and not every))
    return done


def _ticked(lines: Sequence[Line]) -> SplitQuestion | None:
    """Return choices without letters where the right ones say so: `对（正确答案）`."""
    if any(begins_choice(line.text) or loose_letter(line.text) for line in lines[1:]):
        return None
    if len(lines) < 3 or not any(TICKED.search(line.text) for line in lines[1:]):
        return None
    return SplitQuestion(tuple(lines[:1]), tuple(Choice("", (line,)) for line in lines[1:]))


def _bullets(lines: Sequence[Line]) -> SplitQuestion | None:
    first = next((place for place, line in enumerate(lines) if place and has_bullet(line)), None)
    if first is None or len(lines) - first < 2 or not all(has_bullet(line) for line in lines[first:]):
        return None
    found = []
    for line in lines[first:]:
        label = _BULLET.match(line.text)
        ticked = label is not None and any(one in _TICKS for one in label[0])
        found.append(Choice("", (line.cut(label.end() if label else 0),), ticked))
    if all(one.ticked for one in found):
        found = [replace(one, ticked=False) for one in found]
    return SplitQuestion(tuple(lines[:first]), tuple(found))
