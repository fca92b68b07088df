"""The score of a form: a pure function of the form, the answers and the key revision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction
from functools import lru_cache
from math import lcm
from typing import Any

from cbt.rules.canonical import canonical_json, decimal_of
from cbt.rules.credit import NOTHING, share_of
from cbt.rules.item_values import ItemContent
from cbt.rules.key_revision import NO_REVISIONS, KeyRevision, KeyRevisions
from cbt.rules.paper import Paper

__all__ = [
    "FormScorer",
    "KeyRevision",
    "KeyRevisions",
    "ScoreSheet",
    "passes",
    "round_score",
    "score_position",
]

HALF = Fraction(1, 2)
KEPT_ANSWERS = 64
"""So many different answers of a position are kept with what they earn: what can be typed has no end."""


@dataclass(frozen=True, slots=True)
class ScoreSheet:
    """The score of one attempt. `score` is `raw` rounded once.

    `text` is the evidence in canonical JSON: what each position and each section or unit earned, and the
    verdict. The same answers give the same bytes.

    Source: R-53, R-54.
    """

    raw: Decimal
    score: Decimal
    passed: bool
    text: str


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
        contents: Mapping[tuple[str, int], ItemContent],
        *,
        paper: Paper,
        key_revision: KeyRevisions = NO_REVISIONS,
    ) -> None:
        places = form["positions"]
        revisions = [key_revision.find(one["item"], one["part"]) for one in places]
        groups = _groups(form, [revision is not None and revision.void for revision in revisions])
        parts = lcm(*(one.denominator for group in groups for one in (group.points, *group.worths.values())))
        worths: dict[int, dict[str, int]] = {}
        for group in groups:
            own = {points: int(worth * parts) for points, worth in group.worths.items()}
            worths.update(dict.fromkeys(group.places, own))
        positions = [
            _Position(one, contents[one["item"], one["version"]], revisions[place], worths[place])
            for place, one in enumerate(places)
        ]
        self._places = [(position.key, position.known.get, position.earned) for position in positions]
        self._groups = [
            (0 if group.worths else int(group.points * parts), group.places, group.rest) for group in groups
        ]
        self._parts, self._paper, self._step = parts, paper, str(paper.score_step)
        self._head = f'],"paper":{_json(paper.code)},"pass_points":"{paper.pass_points:f}","passed":'

    def score(self, answers: Mapping[str, str]) -> ScoreSheet:
        """Return the sheet of one attempt.

        `answers` holds the canonical answer of each position that has one, by the position as it is written;
        "" is an answer that was cleared. Raises InvalidInput("scoring.needs_marker") where people mark.
        """
        given = answers.get
        earned = [kept(answer := given(key)) or work_out(answer) for key, kept, work_out in self._places]
        pieces, parts = [one[0] for one in earned], [one[1] for one in earned]
        groups: list[str] = []
        total: int | Fraction = 0
        for gift, places, rest in self._groups:
            own = gift + sum([parts[place] for place in places])
            groups.append(f'{{"earned":"{_shown(own.numerator, own.denominator * self._parts)}{rest}')
            total += own
        paper = self._paper
        raw, score, passed, end = _verdict(
            total.numerator, total.denominator * self._parts, self._step, paper.pass_points
        )
        head = f'{{"groups":[{",".join(groups)}{self._head}{"true" if passed else "false"},"positions":['
        return ScoreSheet(raw, score, passed, f"{head}{','.join(pieces)}{end}")


_Earned = tuple[str, int | Fraction]
"""A position's piece of the sheet, and the parts of a point it adds to the raw score."""


class _Position:
    """One position of a form, with what each answer that came up earns."""

    __slots__ = ("_content", "_frozen", "_points", "_rest", "_revision", "_void", "_worth", "key", "known")

    def __init__(
        self,
        frozen: Mapping[str, Any],
        content: ItemContent,
        revision: KeyRevision | None,
        worths: Mapping[str, int],
    ) -> None:
        self._frozen, self._content, self._revision = frozen, content, revision
        self._void = revision is not None and revision.void
        self._points = points = frozen["points"]
        self._worth = worths.get(points, 0)
        self.key = key = str(frozen["position"])
        self.known: dict[str | None, _Earned] = {}
        part = "null" if frozen["part"] is None else frozen["part"]
        asked = f'"item":{_json(frozen["item"])},"part":{part},"points":"{_plain(points)}"'
        self._rest = f'",{asked},"position":{key},"void":{"true" if self._void else "false"}}}'

    def earned(self, answer: str | None) -> _Earned:
        """Work out what an answer earns and keep it in `known`; None and "" are none."""
        earned = self._work_out(answer or None)
        if len(self.known) < KEPT_ANSWERS:
            self.known[answer] = earned
        return earned

    def _work_out(self, answer: str | None) -> _Earned:
        share = NOTHING
        if not self._void:
            share = share_of(self._frozen, self._content, answer, revision=self._revision)
        shown = _earned_of(share.numerator, share.denominator, self._points)
        piece = f'{{"answered":{"false" if answer is None else "true"},"earned":"{shown}{self._rest}'
        if share.denominator == 1:
            return piece, share.numerator * self._worth
        return piece, share * self._worth


@dataclass(frozen=True, slots=True)
class _Group:
    """One section or unit; its raw share × its points is what it earns. Source: R-53."""

    places: tuple[int, ...]
    points: Fraction
    worths: Mapping[str, Fraction]
    """What a position of so many points adds to the raw score at most. Nothing is left to score in a group
    that is void as a whole: it costs nobody anything."""
    rest: str


def _groups(form: Mapping[str, Any], voids: Sequence[bool]) -> list[_Group]:
    """Return the units of a skills form, or the sections of a theory form (from 1 here, from 0 there)."""
    if "units" in form:
        label, first = "unit", 0
        listed = [(unit["number"], unit["name"], Decimal(unit["points"])) for unit in form["units"]]
    else:
        label, first = "section", 1
        listed = [
            (index, section["name"], section["count"] * Decimal(section["points_each"]))
            for index, section in enumerate(form["sections"], first)
        ]
    groups = []
    for number, name, points in listed:
        places = [place for place, one in enumerate(form["positions"]) if one[label] + first == number]
        counted = Counter(form["positions"][place]["points"] for place in places if not voids[place])
        possible = sum((count * Fraction(each) for each, count in counted.items()), NOTHING)
        whole = Fraction(points)
        worths = {each: Fraction(each) * whole / possible for each in counted} if possible else {}
        rest = f'","name":{_json(name)},"number":{number},"points":"{points:f}"}}'
        groups.append(_Group(tuple(places), whole, worths, rest))
    return groups


@lru_cache(maxsize=4096)
def _json(text: str) -> str:
    return canonical_json(text)


@lru_cache(maxsize=256)
def _plain(points: str) -> str:
    return f"{Decimal(points):f}"


@lru_cache(maxsize=4096)
def _shown(numerator: int, denominator: int) -> str:
    return f"{decimal_of(Fraction(numerator, denominator)):f}"


@lru_cache(maxsize=4096)
def _earned_of(numerator: int, denominator: int, points: str) -> str:
    return f"{decimal_of(Fraction(numerator, denominator) * Fraction(points)):f}"


@lru_cache(maxsize=4096)
def _verdict(
    numerator: int, denominator: int, step: str, pass_points: Decimal
) -> tuple[Decimal, Decimal, bool, str]:
    """Return the raw score, the rounded one, whether it passes, and the end of the sheet that says them."""
    exact = Fraction(numerator, denominator)
    raw, score = decimal_of(exact), round_score(exact, Decimal(step))
    return raw, score, passes(score, pass_points), f'],"raw":"{raw:f}","score":"{score:f}"}}'


def score_position(
    position: Mapping[str, Any],
    content: ItemContent,
    canonical: str | None,
    *,
    revision: KeyRevision | None = None,
) -> Decimal:
    """Return the share of a position's points an answer earns, from 0 to 1, for showing.

    `FormScorer` adds the exact fractions of `credit.share_of`, never these Decimals.

    Source: R-50, R-52.
    """
    return decimal_of(share_of(position, content, canonical, revision=revision))


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
