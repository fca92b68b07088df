"""阅卷: what a mark may be, whose turn an answer waits for, which mark counts, when a seed paper comes up.

Two people mark an answer, never one twice. Where they differ by more than the threshold a third decides. A mark
that is changed is another one of the same turn; the newest of a turn is in force.

Source: R-51, R-110.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from cbt.errors import InvalidInput
from cbt.rules.canonical import digest
from cbt.rules.form_score import PeopleMark

LEASE = timedelta(minutes=20)
"""So long an answer stays with whoever took it; then it goes back to the others."""
STEP = Decimal("0.5")
"""Points are given in whole and half ones."""
SEED_EVERY = 10
"""To so many answers that somebody marks comes one seed paper (质检卷), while there are any they have not had."""
LEAST_MARKERS = 3
"""Fewer cannot finish: two, and a third where they differ."""
DEFAULT_SHARE = Fraction(1, 5)
"""The threshold of an item where nobody said another: this share of its points."""
COMPANY = 4
"""So many others of its queue go with an answer that is marked afresh: whoever marks does not know which it is."""
_MIX_BITS = 15


class MarkingTurn(StrEnum):
    """Whose mark one is: 一评, 二评, 三评; or 复评, which counts where a decision takes it and nowhere else."""

    FIRST = "first"
    SECOND = "second"
    THIRD = "third"
    FRESH = "fresh"


class AnswerState(StrEnum):
    """What an answer waits for: one of the turns, nothing more, or it is no longer what counts (`dropped`)."""

    FIRST = "first"
    SECOND = "second"
    THIRD = "third"
    FRESH = "fresh"
    DONE = "done"
    DROPPED = "dropped"


WAITING = (AnswerState.THIRD, AnswerState.SECOND, AnswerState.FIRST, AnswerState.FRESH)
"""What is handed out, the nearest to its end first."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One line of a rubric (评分标准): the most it earns; `text` is "" for an answer marked as a whole."""

    points: Decimal
    text: str


def criteria_of(rubric: Iterable[tuple[Decimal, str]], points: Decimal) -> tuple[Criterion, ...]:
    """Return what an answer is marked by: the lines of its rubric, or without one, its points as a whole."""
    return tuple(Criterion(most, text) for most, text in rubric) or (Criterion(points, ""),)


def full_points(criteria: Sequence[Criterion]) -> Decimal:
    return sum((one.points for one in criteria), Decimal(0))


def points_of(criteria: Sequence[Criterion], given: Sequence[str]) -> tuple[Decimal, ...]:
    """Return the points given for each criterion: from 0 to its own, by halves, or all of them.

    Raise InvalidInput("marking.points") naming the first that is none of these.
    """
    points = []
    for number, criterion in enumerate(criteria):
        text = given[number].strip() if number < len(given) else ""
        value = Decimal(text) if _is_plain(text) else Decimal(-1)
        if not 0 <= value <= criterion.points or (value % STEP and value != criterion.points):
            raise InvalidInput(
                "marking.points", field=f"points-{number}", number=number + 1, most=f"{criterion.points:f}"
            )
        points.append(value)
    return tuple(points)


def _is_plain(text: str) -> bool:
    whole, _point, part = text.partition(".")
    return len(text) <= 8 and text.isascii() and whole.isdigit() and (part.isdigit() or "." not in text)


def threshold_of(text: str, full: Decimal) -> Decimal:
    """Return a threshold as it was typed: points, from 0 to those of the item.

    Raise InvalidInput("marking.threshold").
    """
    value = Decimal(text.strip()) if _is_plain(text.strip()) else Decimal(-1)
    if not 0 <= value <= full:
        raise InvalidInput("marking.threshold", field="threshold", most=f"{full:f}")
    return value


def usual_threshold(full: Decimal) -> Decimal:
    """Return the threshold of an item where nobody said another: a fifth of its points, to the half below."""
    return STEP * int(Fraction(full) * DEFAULT_SHARE / Fraction(STEP))


def state_of(marks: Mapping[MarkingTurn, Decimal], threshold: Decimal) -> AnswerState:
    """Return what an answer waits for, by the marks in force.

    Two that differ by exactly the threshold agree.

    Source: R-51.
    """
    if MarkingTurn.FIRST not in marks:
        return AnswerState.FIRST
    if MarkingTurn.SECOND not in marks:
        return AnswerState.SECOND
    if MarkingTurn.THIRD in marks or abs(marks[MarkingTurn.FIRST] - marks[MarkingTurn.SECOND]) <= threshold:
        return AnswerState.DONE
    return AnswerState.THIRD


def final_points(marks: Mapping[MarkingTurn, Decimal], threshold: Decimal) -> Decimal | None:
    """Return what counts: the mean of two that agree, else what the third gave; None while somebody is to mark.

    The mean is not rounded: a paper is, once (R-53).

    Source: R-51.
    """
    if state_of(marks, threshold) is not AnswerState.DONE:
        return None
    if MarkingTurn.THIRD in marks:
        return marks[MarkingTurn.THIRD]
    return (marks[MarkingTurn.FIRST] + marks[MarkingTurn.SECOND]) / 2


def turns_that_count(marks: Mapping[MarkingTurn, Decimal]) -> tuple[MarkingTurn, ...]:
    """Return whose marks the final one follows from."""
    return (MarkingTurn.THIRD,) if MarkingTurn.THIRD in marks else (MarkingTurn.FIRST, MarkingTurn.SECOND)


def people_mark(points: Decimal, full: Decimal, refs: Sequence[str]) -> PeopleMark:
    """Return a final mark as the score of the paper takes it: a share of the points of its position."""
    return PeopleMark(Fraction(points) / Fraction(full), tuple(refs))


def is_held(until: datetime | None, *, now: datetime) -> bool:
    """Return whether an answer that was taken is still with who took it; at the instant itself it is not."""
    return until is not None and now < until


def place_in_mix(seed: str, ref: str) -> int:
    """Return where an answer stands among the others of its queue: by chance, and the same every time."""
    return int(digest(f"{seed} {ref}")[:_MIX_BITS], 16)


def is_seed_due(given: int, seen: int, *, desk_seed: str, account: str) -> bool:
    """Return whether somebody who marked so many answers, and had so many seed papers, is to have another.

    Which of ten it is differs from one person to the next, so that nobody counts to it.
    """
    offset = int(digest(f"{desk_seed} {account}")[:4], 16) % SEED_EVERY
    return seen < (given + SEED_EVERY - 1 - offset) // SEED_EVERY
