"""The score of a form: a pure function of the form, the answers and the key revision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction
from functools import lru_cache
from math import lcm
from operator import getitem, itemgetter, mul
from typing import Any

from cbt.rules.canonical import canonical_json, decimal_of
from cbt.rules.exam.paper import Paper
from cbt.rules.items.content import NOTHING, ItemContent
from cbt.rules.scoring.marks import (
    NO_REVISIONS,
    ArrangedGroup,
    ContentKey,
    KeyRevision,
    KeyRevisions,
    Marks,
    PlaceMarks,
    arranged,
    read_frame,
)

__all__ = [
    "FormScorer",
    "KeyRevision",
    "KeyRevisions",
    "Marks",
    "ScoreSheet",
    "passes",
    "round_score",
]

HALF = Fraction(1, 2)
WAITING = None, None, None, b'],"raw":null,"score":null}'
_VERDICTS = {True: "true", False: "false", None: "null"}


@dataclass(frozen=True, slots=True)
class ScoreSheet:
    """The score of one attempt. `score` is `raw` rounded once; there is neither, and no verdict, while a
    position waits for people who mark it.

    `content` is the evidence in canonical JSON: what each position and each section or unit earned, and the
    verdict; null is what is not known yet, and a position that waits is `pending`. The same answers give the
    same bytes.

    Source: R-51, R-53, R-54.
    """

    raw: Decimal | None
    score: Decimal | None
    passed: bool | None
    content: bytes

    @property
    def text(self) -> str:
        """Return the evidence as it is stored."""
        return self.content.decode()


class FormScorer:
    """Scores attempts at one frozen form.

    `contents` holds every item version of the form by (ref, version). A score is summed in whole parts of a
    point, small enough for every section or unit, and in fractions of those where partial credit needs them;
    the only rounding is that of the whole paper. The sheets are joined from pieces of canonical JSON, worked
    out when an answer comes up for the first time.

    Source: R-50, R-53, R-54.
    """

    def __init__(
        self,
        form: Mapping[str, Any],
        contents: dict[ContentKey, ItemContent],
        *,
        paper: Paper,
        key_revision: KeyRevisions = NO_REVISIONS,
    ) -> None:
        self._arrange(arranged(form), Marks(contents, key_revision), paper)

    @classmethod
    def of(cls, arrangement: str, marks: Marks, *, paper: Paper) -> FormScorer:
        """Return the scorer of a form by its arrangement, with what other forms of its bank have shown already."""
        scorer = cls.__new__(cls)
        scorer._arrange(arrangement, marks, paper)
        return scorer

    def _arrange(self, arrangement: str, marks: Marks, paper: Paper) -> None:
        frame, *lines = arrangement.split("\n")
        runs = read_frame(frame)[1]
        if sum(run.length for run in runs) != len(lines):
            raise ValueError("an arrangement has as many lines as its frame says")
        self._places: list[PlaceMarks] = []
        for run in runs:
            begun = len(self._places)
            self._places += map(marks[run.kind].__getitem__, lines[begun : begun + run.length])
        voids = tuple([place.void for place in self._places]) if marks.revisions.by_part else ()
        self._frame = _frame_of(frame, voids)
        self._pass_points, self._step = paper.pass_points, str(paper.score_step)
        self._head = f'],"paper":{_json(paper.code)},"pass_points":"{paper.pass_points:f}","passed":'

    def score(self, answers: Mapping[str, str]) -> ScoreSheet:
        """Return the sheet of one attempt.

        `answers` holds the canonical answer of each position that has one, by the position as it is written;
        "" is an answer that was cleared.
        """
        frame = self._frame
        earned = list(map(getitem, self._places, map(answers.get, frame.keys)))
        shares = [share for _, share in earned]
        groups: list[str] = []
        total: int | Fraction = 0
        waits = False
        for gift, pick, worths, rest in frame.groups:
            own = pick(shares)
            if None in own:
                waits = True
                groups.append(f'{{"earned":null{rest}')
                continue
            points = gift + sum(map(mul, own, worths))
            groups.append(f'{{"earned":"{_shown(points.numerator, points.denominator * frame.parts)}"{rest}')
            total += points
        whole, mark = total.denominator * frame.parts, self._pass_points
        raw, score, passed, end = WAITING if waits else _verdict(total.numerator, whole, self._step, mark)
        head = f'{{"groups":[{",".join(groups)}{self._head}{_VERDICTS[passed]}'
        pieces = [b""] * (2 * len(earned))
        pieces[::2], pieces[1::2] = [piece for piece, _ in earned], frame.tails
        return ScoreSheet(raw, score, passed, b"".join((head.encode(), b',"positions":[', *pieces, end)))


@dataclass(frozen=True, slots=True)
class _Frame:
    """What forms have in common: how each position is written, and what its group makes of a share of its points.

    A tail is the end of a place's piece of the sheet, from its position on. A group is what it gives away, what
    picks its places, what a share of each adds in parts of a point, and the end of its piece of the sheet.
    """

    keys: Sequence[str]
    tails: Sequence[bytes]
    parts: int
    groups: Sequence[tuple[int, Callable[[Sequence[Any]], Sequence[Any]], Sequence[int], str]]


@lru_cache(maxsize=1024)
def _frame_of(text: str, voids: tuple[bool, ...]) -> _Frame:
    """Read a frame; `voids` says which places are void, () where none is."""
    listed, runs = read_frame(text)
    keys = [str(run.first + nth) for run in runs for nth in range(run.length)]
    points = [run.kind.points for run in runs for _ in range(run.length)]
    places: dict[int, list[int]] = {group.number: [] for group in listed}
    numbers = [run.group for run in runs for _ in range(run.length)]
    for place, number in enumerate(numbers):
        places[number].append(place)
    void = voids or (False,) * len(keys)
    groups = [_group(group, places[group.number], points, void) for group in listed]
    parts = lcm(*(one.denominator for group in groups for one in (group.points, *group.worths.values())))
    return _Frame(
        keys,
        _tails(keys, void),
        parts,
        [
            (
                0 if group.worths else int(group.points * parts),
                _picking(group.places),
                [int(group.worths.get(points[place], NOTHING) * parts) for place in group.places],
                group.rest,
            )
            for group in groups
        ],
    )


def _tails(keys: Sequence[str], voids: Sequence[bool]) -> Sequence[bytes]:
    tails = [f'{key},"void":{"true" if void else "false"}}}' for key, void in zip(keys, voids, strict=True)]
    return [*(f"{one},".encode() for one in tails[:-1]), tails[-1].encode()]


def _picking(places: Sequence[int]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """Return what picks these places, which mostly stand side by side."""
    first, count = (places[0], len(places)) if places else (0, 0)
    if list(places) == list(range(first, first + count)):
        return itemgetter(slice(first, first + count))
    return itemgetter(*places)


@dataclass(frozen=True, slots=True)
class _Group:
    """One section or unit; its raw share × its points is what it earns. Source: R-53."""

    places: Sequence[int]
    points: Fraction
    worths: Mapping[str, Fraction]
    """What a position of so many points adds to the raw score at most. Nothing is left to score in a group
    that is void as a whole: it costs nobody anything."""
    rest: str


def _group(
    group: ArrangedGroup, places: Sequence[int], points: Sequence[str], voids: Sequence[bool]
) -> _Group:
    counted = Counter(points[place] for place in places if not voids[place])
    possible = sum((count * Fraction(each) for each, count in counted.items()), NOTHING)
    whole = Fraction(group.points)
    worths = {each: Fraction(each) * whole / possible for each in counted} if possible else {}
    rest = f',"name":{_json(group.name)},"number":{group.number},"points":"{group.points:f}"}}'
    return _Group(places, whole, worths, rest)


@lru_cache(maxsize=4096)
def _json(text: str) -> str:
    return canonical_json(text)


@lru_cache(maxsize=4096)
def _shown(numerator: int, denominator: int) -> str:
    return f"{decimal_of(Fraction(numerator, denominator)):f}"


@lru_cache(maxsize=4096)
def _verdict(
    numerator: int, denominator: int, step: str, pass_points: Decimal
) -> tuple[Decimal, Decimal, bool, bytes]:
    """Return the raw score, the rounded one, whether it passes, and the end of the sheet that says them."""
    exact = Fraction(numerator, denominator)
    raw, score = decimal_of(exact), round_score(exact, Decimal(step))
    return raw, score, passes(score, pass_points), f'],"raw":"{raw:f}","score":"{score:f}"}}'.encode()


def round_score(raw: Decimal | Fraction, step: Decimal) -> Decimal:
    """Return a paper's points rounded half up to a multiple of `step`, with as many places as the step.

    Source: R-53.
    """
    steps = (Fraction(raw) / Fraction(step) + HALF).__floor__()
    return (steps * step).quantize(step, rounding=ROUND_FLOOR)


def passes(score: Decimal, pass_points: Decimal) -> bool:
    """Return whether a rounded score passes: 60 及以上, so the mark itself does.

    Source: R-3, R-53.
    """
    return score >= pass_points
