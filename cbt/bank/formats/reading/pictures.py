"""Pictures of a document on their way to their questions: in stems, choices, explanations, or nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from cbt.bank.foreign.marks import apart, drawn_up, has_mark, marks_in, texts_in, without
from cbt.bank.formats.reading.cutting.parts import FoundQuestion
from cbt.bank.formats.reading.lines import Line
from cbt.bank.formats.reading.words import letters, verdict
from cbt.sheets.findings import Finding, Place, Severity

MOST_TOLD = 200
DrawnLine = tuple[str, Line]
"""A line with pictures, and the file it stands in."""


def drawn_lines(lines: Sequence[Line]) -> list[Line]:
    """Return the lines in which pictures stand."""
    return [line for line in lines if line.pictures or line.drawn]


def gathered(lines: Sequence[Line]) -> list[Line]:
    """Return the lines of a question with those of nothing but pictures behind the lines before them."""
    done: list[Line] = []
    for line in lines:
        if done and line.bare:
            last = done[-1]
            done[-1] = replace(
                last, text=f"{last.text}\n{line.text}".strip(), pictures=last.pictures + line.pictures
            )
        else:
            done.append(line)
    return done


def behind_choices(choices: Sequence[str]) -> tuple[list[str], str]:
    """Return the choices, and the pictures in lines below the last of them where no other has one: the stem's."""
    moved = ""
    found = list(choices)
    if found and not any(map(has_mark, found[:-1])):
        last, tail = apart(found[-1])
        if tail.startswith("\n") and not has_mark(last):
            found[-1], moved = last, tail
    return [drawn_up(one) for one in found], moved


def key_alone(stated: str) -> tuple[str, str]:
    """Return a key of letters or a verdict without the pictures beside it, and these."""
    if not has_mark(stated):
        return stated, ""
    bare = without(stated).strip()
    if letters(bare) or verdict(bare) is not None:
        return bare, "".join(marks_in(stated))
    return stated, ""


def give_back(data: dict[str, Any], tail: str, told: str) -> None:
    """Put the pictures behind a stem, and those beside its key, into a content."""
    if tail and "stem" in data and not set(marks_in(tail)) <= set(marks_in(data["stem"])):
        data["stem"] += tail
    if told:
        data["explanation"] = f"{data.get('explanation', '')}\n{told}".strip()


def lines_of(question: FoundQuestion) -> list[Line]:
    """Return every line of a question."""
    entry = [question.entry.line] if question.entry is not None else []
    return [question.line, *question.body, *question.absorbed, *entry, *chain(*question.fields.values())]


def lost_of(question: FoundQuestion, data: dict[str, Any]) -> int:
    """Return how many pictures of a question could not be handed on, or stand where nothing is read."""
    lines = [*question.body, *chain(*question.fields.values())]
    there = {one for line in lines for one in marks_in(line.text)}
    kept = {one for text in texts_in(data) for one in marks_in(text)} if there else set()
    return sum(line.pictures for line in lines) + len(there - kept)


def nowhere(
    drawn: Sequence[DrawnLine], questions: Sequence[FoundQuestion], contents: Sequence[Any], name: str
) -> Iterator[Finding]:
    """Yield the pictures of a document that stand in no question."""
    if not drawn:
        return
    lines = [line for question in questions for line in lines_of(question)]
    numbers = {line.number for line in lines}
    texts = chain((line.text for line in lines), texts_in(list(contents)))
    used = {one for text in texts for one in marks_in(text)}
    left: list[tuple[Place, str, int]] = []
    for file, line in drawn:
        count = sum(one not in used for one in marks_in(line.text))
        count += line.pictures if file != name or line.number not in numbers else 0
        if count:
            left.append((Place(file, line=line.number), without(line.text).strip(), count))
    for place, text, count in left[:MOST_TOLD]:
        yield Finding(Severity.HINT, "picture_nowhere", place, text, params={"count": count})
    if rest := left[MOST_TOLD:]:
        count = sum(count for _place, _text, count in rest)
        yield Finding(Severity.HINT, "picture_nowhere", rest[0][0], "", params={"count": count})
