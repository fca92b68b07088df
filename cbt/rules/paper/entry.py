"""What goes into the journal of a paper: what was read on its sheet, what people typed, what people mark.

Source: R-81.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cbt.rules.items.registry import TYPES
from cbt.rules.paper.sheet import answers_of

HANDWRITTEN = "〔手写作答，见扫描件 {page}〕"
"""The answer of a position that people mark by its picture: it is answered, and no two people's are the same."""


@dataclass(frozen=True, slots=True)
class EnteredAnswers:
    """The value of each position as a browser would send it, and what still waits."""

    values: Mapping[int, object]
    handwritten: tuple[int, ...]
    """The positions whose handwriting goes to the marking desk."""
    to_type: tuple[int, ...]
    """The positions whose handwriting two people must type first; the values are whole without them."""


def to_be_typed(
    positions: Sequence[Mapping[str, Any]], written: Collection[tuple[int, int]]
) -> tuple[int, ...]:
    """Return the positions in whose fields (position, field) something is written that no person marks."""
    return tuple(
        one["position"]
        for one in positions
        if not TYPES[one["type"]].by_people and any(number == one["position"] for number, _ in written)
    )


def entered_answers(
    positions: Sequence[Mapping[str, Any]],
    marked: Mapping[tuple[int, int], tuple[int, ...]] | None,
    written: Mapping[tuple[int, int], str],
    typed: Mapping[int, object],
) -> EnteredAnswers:
    """Return what goes into the journal of a paper with these positions.

    `marked` are the bubbles by (position, row) as read and decided, None for a paper without a scan; `written` the
    fields that something is written in, each with the ref of its scanned page; `typed` the answers that two people
    agreed on, by position. What was typed goes before what was read: it is there because somebody could not read
    it, or for want of a scan.

    Source: R-81.
    """
    values: dict[int, object] = {one["position"]: "" for one in positions}
    read = answers_of(positions, marked, {}) if marked is not None else {}
    values |= {number: value for number, value in read.items() if number not in typed}
    values |= typed
    pages = {number: page for (number, _), page in written.items() if number not in typed}
    handwritten = tuple(
        one["position"] for one in positions if one["position"] in pages and TYPES[one["type"]].by_people
    )
    values |= {number: HANDWRITTEN.format(page=pages[number]) for number in handwritten}
    waiting = tuple(number for number in to_be_typed(positions, written) if number not in typed)
    return EnteredAnswers(values, handwritten, waiting)
