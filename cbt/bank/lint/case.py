"""Checks of the cases of a bank: points, lengths, and that the cases of one unit weigh the same."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from cbt.bank.imports.drafts import ItemDraft
from cbt.rules.items.values import ItemType
from cbt.sheets.findings import Finding, Severity

SHORT_UNIT = timedelta(minutes=10)
SHORT_STIMULUS, LONG_STIMULUS = 350, 600
LARGEST_SHARE = Fraction(35, 100)
FEWEST_TYPES = 4
MEAN_APART = Fraction(3, 10)
_RULE_LINE = re.compile(r"^\s*\|?[\s:|-]+\|?\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class UnitPlan:
    """What the blueprint gives a unit."""

    minutes: timedelta
    points: Decimal


def check_cases(drafts: Sequence[ItemDraft], units: Mapping[int, UnitPlan]) -> Iterator[Finding]:
    """Yield what does not hold among the cases; `units` may lack units when no blueprint is at hand."""
    by_unit: defaultdict[int, list[ItemDraft]] = defaultdict(list)
    for draft in drafts:
        if draft.data.get("type") == ItemType.CASE:
            by_unit[draft.data["unit"]].append(draft)
            yield from _case(draft, units.get(draft.data["unit"]))
    for own in by_unit.values():
        yield from _alike(own)


def stimulus_length(stimulus: str) -> int:
    """Return how many characters a candidate reads: no spaces, no lines and bars of tables."""
    return len(re.sub(r"[\s|　]", "", _RULE_LINE.sub("", stimulus)))


def _points(draft: ItemDraft) -> list[Decimal]:
    return [Decimal(str(part["points"])) for part in draft.data["parts"]]


def _case(draft: ItemDraft, plan: UnitPlan | None) -> Iterator[Finding]:
    points = _points(draft)
    total = plan.points if plan else sum(points, Decimal(0))
    if sum(points) != total:
        yield draft.find(Severity.ERROR, "case_points", "", draft.ref, sum=sum(points), points=total)
    for n, worth in enumerate(points, 1):
        if Fraction(worth) > LARGEST_SHARE * Fraction(total):
            yield draft.find(Severity.HINT, "part_share", f"parts.{n}.points", worth, total=total)
    kinds = {part["type"] for part in draft.data["parts"]}
    if len(kinds) < FEWEST_TYPES:
        yield draft.find(Severity.HINT, "case_types", "", draft.ref, count=len(kinds), least=FEWEST_TYPES)
    limit = SHORT_STIMULUS if plan and plan.minutes <= SHORT_UNIT else LONG_STIMULUS
    length = stimulus_length(draft.data["stimulus"])
    if length > limit:
        yield draft.find(Severity.HINT, "stimulus_long", "stimulus", draft.ref, length=length, limit=limit)


def _alike(drafts: Sequence[ItemDraft]) -> Iterator[Finding]:
    first = drafts[0]
    for draft in drafts[1:]:
        if _plan(draft) != _plan(first):
            yield draft.find(Severity.HINT, "case_plan", "", draft.ref, other=first.ref)
    means = [(_mean(draft), draft) for draft in drafts]
    low, high = min(means, key=lambda pair: pair[0]), max(means, key=lambda pair: pair[0])
    if high[0] - low[0] > MEAN_APART:
        yield high[1].find(
            Severity.HINT,
            "case_difficulty",
            "",
            high[1].ref,
            mean=f"{float(high[0]):.1f}",
            other=low[1].ref,
            other_mean=f"{float(low[0]):.1f}",
        )


def _plan(draft: ItemDraft) -> list[tuple[Any, Decimal]]:
    return [(part["type"], worth) for part, worth in zip(draft.data["parts"], _points(draft), strict=True)]


def _mean(draft: ItemDraft) -> Fraction:
    parts = draft.data["parts"]
    return Fraction(sum(part.get("difficulty", 3) for part in parts), len(parts))
