"""One question in words: stem, choices, what is written as its key and where. Its type is not decided here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from cbt.bank.foreign.marks import apart
from cbt.bank.formats.reading.answers import unmarked
from cbt.bank.formats.reading.choices import Choice, split_body
from cbt.bank.formats.reading.cutting.parts import FoundQuestion
from cbt.bank.formats.reading.cutting.tags import without_tag
from cbt.bank.formats.reading.lines import Line
from cbt.bank.formats.reading.pictures import behind_choices, gathered, key_alone
from cbt.bank.formats.reading.words import EMPTY, LETTERS, StemKey, folded, keys_in_stem, letters, verdict

_LISTED = re.compile(
    r"[①-⑳⑴-⑽]|[（(]?\d{1,2}[)）.、．]|[-•·*]\s|[（(]?[一二三四五六七八九十ⅠⅡⅢⅣI]{1,3}[)）、.．]"
)
NEARLY = 14
"""A line that ends so near to the edge was broken there."""


@dataclass(slots=True, eq=False)
class WordedQuestion:
    """A question as its file words it."""

    source: FoundQuestion
    kind: str
    stem: str
    choices: list[str]
    stated: str
    """What is written as its key beside the stem, "" for nothing."""
    inside: list[StemKey]
    ticked: str
    """The letters of choices that carry a tick or （正确答案）."""
    marks: dict[str, str]
    """By mark (bold, color:FF0000): the letters of the choices that carry it."""
    faults: list[tuple[str, str]] = field(default_factory=list)
    """(code, value) of what does not fit in its words."""
    tail: str = ""
    """The pictures behind its stem, which says nothing of them while type and key are found."""
    told: str = ""
    """The pictures beside its key."""
    joined: list[Line] = field(default_factory=list)
    """Lines that were taken as going on with a choice and may be something else."""

    @property
    def empty_blank(self) -> bool:
        """Whether the stem has an empty bracket."""
        return EMPTY.search(self.stem) is not None


def asked(question: FoundQuestion, edge: int) -> WordedQuestion:
    """Return a question in words; `edge` is how wide lines are where the file breaks them, 0 where it does not."""
    first, kind = without_tag(question.body[0].text) if question.body else ("", "")
    lines = list(question.body)
    if lines and first != lines[0].text:
        start = lines[0].text.find(first)
        lines[0] = lines[0].cut(start, start + len(first)) if start >= 0 else lines[0]
    body = split_body(gathered(lines))
    choices, ticked = _choices(body.choices, edge)
    choices, moved = behind_choices(choices)
    stem, tail = apart(joined(body.stem, edge) + moved)
    stated, told = key_alone(_stated(question))
    if not kind and body.stem and len(body.stem) > 0:
        stem, kind = _tagged(stem)
    made = WordedQuestion(
        source=question,
        kind=question.kind or kind or question.section.kind,
        stem=stem,
        choices=choices,
        stated=stated,
        inside=keys_in_stem(stem),
        ticked=ticked,
        marks=_marks(body.choices),
        faults=[(code, "") for code in body.faults],
        tail=tail,
        told=told,
    )
    made.joined += _unlikely(body.stem, edge)
    made.faults += [("text_keys_differ", "")] if _second_key(question) else []
    for one in body.choices:
        made.joined += [
            line
            for before, line in zip(one.lines, one.lines[1:], strict=False)
            if not edge or before.wide < edge - NEARLY
        ]
    return made


def _unlikely(stem: Sequence[Line], edge: int) -> list[Line]:
    """Return the lines of a stem that go on after a line that seemed whole, and are no list."""
    return [
        line
        for before, line in pairwise(stem)
        if not (edge and before.wide >= edge - NEARLY)
        and not before.text.endswith(("：", ":", "；", ";", "，", "、"))
        and not _LISTED.match(line.text)
    ]


def _second_key(question: FoundQuestion) -> bool:
    """Say whether a question has two keys after it that are not the same."""
    again = question.fields.get("again", [])
    first = " ".join(line.text for line in question.fields.get("key", [])[:1])
    second = " ".join(line.text for line in again)
    if not again or folded(first) == folded(second):
        return False
    alike = letters(first) is not None and letters(first) == letters(second)
    return not alike and (verdict(first) is None or verdict(first) != verdict(second))


def joined(lines: Sequence[Line], edge: int) -> str:
    """Return lines as one text: those broken at the edge go on, others stay lines."""
    text = ""
    for place, line in enumerate(lines):
        if place:
            broken = edge and lines[place - 1].wide >= edge - NEARLY
            latin = (
                text[-1:].isascii()
                and text[-1:].isalnum()
                and line.text[:1].isascii()
                and line.text[:1].isalnum()
            )
            text += (" " if latin else "") if broken else "\n"
        text += line.text
    return text.strip()


def _tagged(stem: str) -> tuple[str, str]:
    head, newline, tail = stem.partition("\n")
    if not newline:
        return without_tag(stem)
    done, kind = without_tag(head)
    return f"{done}{newline}{tail}", kind


def _choices(found: Sequence[Choice], edge: int) -> tuple[list[str], str]:
    texts, ticked = [], ""
    for letter, one in zip(LETTERS, found, strict=False):
        text, right = unmarked(joined(one.lines, edge))
        texts.append(text)
        ticked += letter if right or one.ticked else ""
    return texts, ticked


def _stated(question: FoundQuestion) -> str:
    if question.entry is not None:
        return question.entry.token
    written = question.fields.get("key", [])
    return "\n".join(line.text for line in written).strip() or question.token


def _marks(found: Sequence[Choice]) -> dict[str, str]:
    marks: dict[str, str] = {}
    for letter, one in zip(LETTERS, found, strict=False):
        names = {name for line in one.lines for name, _start, _end in line.marks}
        for name in names:
            if sum(line.share(name) for line in one.lines) >= 0.6 * len(one.lines):
                marks[name] = marks.get(name, "") + letter
    return marks


def same_choices(texts: Sequence[str]) -> bool:
    """Say whether two choices are the same."""
    plain = [folded(one) for one in texts]
    return len(set(plain)) != len(plain)
