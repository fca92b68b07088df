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
from cbt.rules.exam.paper import Paper
from cbt.rules.items.basis.content import NOTHING, ItemContent
from cbt.rules.scoring.credit import share_of
from cbt.rules.scoring.key_revision import NO_REVISIONS, KeyRevision, KeyRevisions

__all__ = [
    "FormScorer",
    "KeyRevision",
    "KeyRevisions",
    "ScoreSheet",
    "passes",
    "round_score",
]

HALF = Fraction(1, 2)
WAITING = None, None, None, '],"raw":null,"score":null}'
_VERDICTS = {True: "true", False: "false", None: "null"}
KEPT_ANSWERS = 64
"""So many different answers of a position are kept with what they earn: what can be typed has no end."""


@dataclass(frozen=True, slots=True)
class ScoreSheet:
    """The score of one attempt. `score` is `raw` rounded once; there is neither, and no verdict, while a
    position waits for people who mark it.

    `text` is the evidence in canonical JSON: what each position and each section or unit earned, and the
    verdict; null is what is not known yet, and a position that waits is `pending`. The same answers give the
    same bytes.

    Source: R-51, R-53, R-54.
    """

    raw: Decimal | None
    score: Decimal | None
    passed: bool | None
    text: str


_Earned = tuple[str, int | Fraction | None]
"""A position's piece of the sheet, and the parts of a point it adds to the raw score; None: it waits."""


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
        self._places = places
        self._contents = [contents[one["item"], one["version"]] for one in places]
        self._revisions = [key_revision.find(one["item"], one["part"]) for one in places]
        self._voids = [revision is not None and revision.void for revision in self._revisions]
        groups = _groups(form, self._voids)
        parts = lcm(*(one.denominator for group in groups for one in (group.points, *group.worths.values())))
        self._worths = [0] * len(places)
        for group in groups:
            worths = {points: int(worth * parts) for points, worth in group.worths.items()}
            for place in group.places:
                self._worths[place] = worths.get(places[place]["points"], 0)
        self._groups = [
            (0 if group.worths else int(group.points * parts), group.places, group.rest) for group in groups
        ]
        self._keys = [str(one["position"]) for one in places]
        self._known: list[dict[str | None, _Earned]] = [{} for _ in places]
        self._parts, self._paper, self._step = parts, paper, str(paper.score_step)
        self._head = f'],"paper":{_json(paper.code)},"pass_points":"{paper.pass_points:f}","passed":'

    def score(self, answers: Mapping[str, str]) -> ScoreSheet:
        """Return the sheet of one attempt.

        `answers` holds the canonical answer of each position that has one, by the position as it is written;
        "" is an answer that was cleared.
        """
        earned = [
            known.get(answer) or self._work_out(place, answer)
            for place, (known, answer) in enumerate(
                zip(self._known, map(answers.get, self._keys), strict=True)
            )
        ]
        pieces, parts = [one[0] for one in earned], [one[1] for one in earned]
        groups: list[str] = []
        total: int | Fraction = 0
        waits = False
        for gift, places, rest in self._groups:
            known = [part for place in places if (part := parts[place]) is not None]
            if len(known) < len(places):
                waits = True
                groups.append(f'{{"earned":null{rest}')
                continue
            own = gift + sum(known)
            groups.append(f'{{"earned":"{_shown(own.numerator, own.denominator * self._parts)}"{rest}')
            total += own
        whole, mark = total.denominator * self._parts, self._paper.pass_points
        raw, score, passed, end = WAITING if waits else _verdict(total.numerator, whole, self._step, mark)
        head = f'{{"groups":[{",".join(groups)}{self._head}{_VERDICTS[passed]},"positions":['
        return ScoreSheet(raw, score, passed, f"{head}{','.join(pieces)}{end}")

    def _work_out(self, place: int, answer: str | None) -> _Earned:
        """Work out what an answer earns at a place, and keep it; None and "" are none."""
        one, void = self._places[place], self._voids[place]
        share: Fraction | None = NOTHING
        if not void:
            share = share_of(one, self._contents[place], answer or None, revision=self._revisions[place])
        points, part = one["points"], "null" if one["part"] is None else one["part"]
        waits = ',"pending":true' if share is None else ""
        said = "null" if share is None else f'"{_earned_of(share.numerator, share.denominator, points)}"'
        piece = (
            f'{{"answered":{"true" if answer else "false"},"earned":{said}'
            f',"item":{_json(one["item"])},"part":{part}{waits}'
            f',"points":"{_plain(points)}","position":{self._keys[place]},"void":{"true" if void else "false"}}}'
        )
        worth = self._worths[place]
        if share is None:
            earned: _Earned = piece, None
        else:
            earned = piece, (share.numerator if share.denominator == 1 else share) * worth
        known = self._known[place]
        if len(known) < KEPT_ANSWERS:
            known[answer] = earned
        return earned


@dataclass(frozen=True, slots=True)
class _Group:
    """One section or unit; its raw share × its points is what it earns. Source: R-53."""

    places: Sequence[int]
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
    places: dict[int, list[int]] = {number: [] for number, _, _ in listed}
    for place, one in enumerate(form["positions"]):
        places[one[label] + first].append(place)
    groups = []
    for number, name, points in listed:
        own = [form["positions"][place]["points"] for place in places[number] if not voids[place]]
        counted = Counter(own)
        possible = sum((count * Fraction(each) for each, count in counted.items()), NOTHING)
        whole = Fraction(points)
        worths = {each: Fraction(each) * whole / possible for each in counted} if possible else {}
        rest = f',"name":{_json(name)},"number":{number},"points":"{points:f}"}}'
        groups.append(_Group(places[number], whole, worths, rest))
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
