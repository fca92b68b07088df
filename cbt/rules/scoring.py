"""The score of a form: a pure function of the form, the answers and the key revision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction
from typing import Any

from cbt.rules.canonical import canonical_json, decimal_of
from cbt.rules.credit import ALL, NOTHING, share_of
from cbt.rules.item_values import ItemContent
from cbt.rules.key_revision import NO_REVISIONS, KeyRevision, KeyRevisions
from cbt.rules.paper import Paper

__all__ = [
    "GroupScore",
    "KeyRevision",
    "KeyRevisions",
    "PositionScore",
    "ScoreSheet",
    "passes",
    "round_score",
    "score_form",
    "score_position",
]

HALF = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class PositionScore:
    """What one position earned of its points; a void one earns nothing and counts for nothing."""

    position: int
    item: str
    part: int | None
    points: Decimal
    share: Fraction
    answered: bool
    void: bool

    @property
    def earned(self) -> Decimal:
        """The points earned, for showing."""
        return decimal_of(self.share * Fraction(self.points))


@dataclass(frozen=True, slots=True)
class GroupScore:
    """What one section or unit earned: its raw share × its points. Source: R-53."""

    number: int
    name: str
    points: Decimal
    share: Fraction

    @property
    def earned(self) -> Decimal:
        """The points earned, for showing."""
        return decimal_of(self.share * Fraction(self.points))


@dataclass(frozen=True, slots=True)
class ScoreSheet:
    """The score of one attempt. `groups` are the sections or units; `score` is `raw` rounded once."""

    paper: str
    positions: tuple[PositionScore, ...]
    groups: tuple[GroupScore, ...]
    raw: Decimal
    score: Decimal
    pass_points: Decimal
    passed: bool

    def to_json(self) -> str:
        """Return the sheet as canonical JSON: the same sheet gives the same bytes.

        Source: R-54.
        """
        return canonical_json(
            {
                "paper": self.paper,
                "positions": [
                    {
                        "position": one.position,
                        "item": one.item,
                        "part": one.part,
                        "points": one.points,
                        "earned": one.earned,
                        "answered": one.answered,
                        "void": one.void,
                    }
                    for one in self.positions
                ],
                "groups": [
                    {"number": one.number, "name": one.name, "points": one.points, "earned": one.earned}
                    for one in self.groups
                ],
                "raw": self.raw,
                "score": self.score,
                "pass_points": self.pass_points,
                "passed": self.passed,
            }
        )


def score_position(
    position: Mapping[str, Any],
    content: ItemContent,
    canonical: str | None,
    *,
    revision: KeyRevision | None = None,
) -> Decimal:
    """Return the share of a position's points an answer earns, from 0 to 1, for showing.

    `score_form` adds the exact fractions of `credit.share_of`, never these Decimals.

    Source: R-50, R-52.
    """
    return decimal_of(share_of(position, content, canonical, revision=revision))


def score_form(
    form: Mapping[str, Any],
    contents: Mapping[tuple[str, int], ItemContent],
    answers: Mapping[int, str],
    *,
    paper: Paper,
    key_revision: KeyRevisions = NO_REVISIONS,
) -> ScoreSheet:
    """Score a frozen form.

    `contents` holds every item version of the form by (ref, version), `answers` the canonical answer of
    each position that has one. Sums are exact fractions; the only rounding is that of the whole paper.

    Source: R-50, R-53, R-54.
    """
    positions = [_position(one, contents, answers, key_revision) for one in form["positions"]]
    groups = _groups(form, positions)
    raw = sum((group.share * Fraction(group.points) for group in groups), Fraction(0))
    score = round_score(raw, paper.score_step)
    return ScoreSheet(
        paper=paper.code,
        positions=tuple(positions),
        groups=tuple(groups),
        raw=decimal_of(raw),
        score=score,
        pass_points=paper.pass_points,
        passed=passes(score, paper.pass_points),
    )


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


def _position(
    position: Mapping[str, Any],
    contents: Mapping[tuple[str, int], ItemContent],
    answers: Mapping[int, str],
    key_revision: KeyRevisions,
) -> PositionScore:
    number, ref, part = position["position"], position["item"], position["part"]
    revision = key_revision.find(ref, part)
    void = revision is not None and revision.void
    content, answer = contents[ref, position["version"]], answers.get(number)
    return PositionScore(
        position=number,
        item=ref,
        part=part,
        points=Decimal(position["points"]),
        share=NOTHING if void else share_of(position, content, answer, revision=revision),
        answered=answer is not None,
        void=void,
    )


def _groups(form: Mapping[str, Any], positions: list[PositionScore]) -> tuple[GroupScore, ...]:
    """The units of a skills form, or the sections of a theory form (numbered from 1 here, from 0 there)."""
    of_group: defaultdict[int, list[PositionScore]] = defaultdict(list)
    field, first = ("unit", 0) if "units" in form else ("section", 1)
    for position, score in zip(form["positions"], positions, strict=True):
        of_group[position[field] + first].append(score)
    if field == "unit":
        listed = [(unit["number"], unit["name"], Decimal(unit["points"])) for unit in form["units"]]
    else:
        listed = [
            (index, section["name"], section["count"] * Decimal(section["points_each"]))
            for index, section in enumerate(form["sections"], first)
        ]
    return tuple(
        GroupScore(number, name, points, _group_share(of_group[number])) for number, name, points in listed
    )


def _group_share(positions: list[PositionScore]) -> Fraction:
    """The raw share without the void positions; a group that is void as a whole costs nobody anything."""
    counted = [(one.share, Fraction(one.points)) for one in positions if not one.void]
    possible = sum((points for _, points in counted), Fraction(0))
    if not possible:
        return ALL
    return sum((share * points for share, points in counted), Fraction(0)) / possible
