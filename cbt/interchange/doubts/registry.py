"""The doubts there are, and a reading with the questions they ask and what was answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from zlib import crc32

from cbt.interchange.doubts.choices import (
    asking_choice,
    letters_alone,
    one_key,
    repeated_choice,
    signs_left,
    worded_verdicts,
)
from cbt.interchange.doubts.coverage import joined_lines, unread_text
from cbt.interchange.doubts.doubt import Doubt, DoubtedReading, read_text
from cbt.interchange.doubts.numbers import broken_numbering, list_twice, lost_figures, numbers_left
from cbt.interchange.doubts.types import multiple_of_one, nothing_asked, returning_heading
from cbt.items.draft import DOUBT, Adjustments, Inferred, ItemDraft, Reading
from cbt.items.media import in_words
from cbt.spreadsheets.findings import Place

DOUBTS: tuple[Callable[[DoubtedReading], Doubt | None], ...] = (
    returning_heading,
    list_twice,
    broken_numbering,
    numbers_left,
    nothing_asked,
    multiple_of_one,
    letters_alone,
    worded_verdicts,
    asking_choice,
    repeated_choice,
    signs_left,
    one_key,
    lost_figures,
    joined_lines,
    unread_text,
)
_EXAMPLES, _LONGEST = 3, 40


def questioned(reading: Reading, adjust: Adjustments) -> Reading:
    """Return a reading with what is doubtful of it asked, and the items as its author's answers say they are.

    An answer is for what it was given about: where the same file is read otherwise, it is asked for again. Formats
    that name every part of an item, ours among them, leave nothing to doubt: their keys may well be all A.
    """
    if not reading.source:
        return reading
    evidence = DoubtedReading(reading)
    items: list[ItemDraft | None] = list(reading.items)
    questions = []
    for ask in DOUBTS:
        doubt = ask(evidence)
        if doubt is None:
            continue
        name = doubt.name or f"doubt:{doubt.code}:{_mark(doubt, evidence)}"
        answer = adjust.get(name, "")
        value = answer if answer in doubt.answers else ""
        for place in doubt.concerned if value else ():
            draft = items[place]
            items[place] = doubt.answers[value](draft) if draft is not None else None
        questions.append(_asked(doubt, name, value, evidence))
        if doubt.name and not value:
            break  # the answer has the file read otherwise: what else is doubtful shows then
    kept = [draft for draft in items if draft is not None]
    return replace(reading, items=kept, inferred=(*questions, *reading.inferred))


def _mark(doubt: Doubt, evidence: DoubtedReading) -> str:
    """Return what is the same for the same doubt about the same items, and for no other."""
    texts = [read_text(evidence.items[place].data) for place in doubt.concerned]
    return f"{crc32(chr(0).join([*texts, *doubt.said]).encode()):08x}"


def _asked(doubt: Doubt, name: str, value: str, evidence: DoubtedReading) -> Inferred:
    place = evidence.items[doubt.concerned[0]].place("") if doubt.concerned else Place()
    said = "；".join(f"“{_short(text)}”" for text in doubt.said[:_EXAMPLES])
    params = {**doubt.params, "count": len(doubt.concerned), "examples": said}
    return Inferred(
        name, DOUBT + doubt.code, value, tuple(doubt.answers), len(doubt.concerned), place, params
    )


def _short(text: str) -> str:
    line = " ".join(in_words(text).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
