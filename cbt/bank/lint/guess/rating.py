"""The 猜中率 of items: how many a reader picks right from their wording alone."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.lint.guess.asked import Question, questions
from cbt.bank.lint.guess.crossing import Crossing, Pick, Reason
from cbt.bank.lint.guess.telling import Telltale, telltales
from cbt.rules.items.values import ItemType
from cbt.sheets.findings import Finding, Place, Severity

TYPES = (ItemType.SINGLE_CHOICE, ItemType.TRUE_FALSE, ItemType.MULTIPLE_CHOICE)
FEWEST = 20
"""A rate of fewer items says nothing."""
LIMITS = {ItemType.SINGLE_CHOICE: 0.35, ItemType.TRUE_FALSE: 0.55}
"""Rates above these are told, where they lie above chance by more than their margin."""
Z = 1.96
TIE = 1e-9


@dataclass(frozen=True, slots=True)
class SureGuess:
    """An item that was guessed, how surely, and what gave it away: names, and whether the key has more of it."""

    name: str
    ref: str
    place: Place
    share: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class GuessRate:
    """How many items of a type were guessed, with what gives their keys away; `margin` is half of a 95 % interval.

    `surest` are the items that were guessed, the surest first.
    """

    type: ItemType
    count: int
    rate: float
    margin: float
    chance: float
    telltales: list[Telltale]
    surest: list[SureGuess]

    @property
    def too_high(self) -> bool:
        """Whether the rate lies over its limit, and over chance by more than it may be off."""
        return self.rate > LIMITS.get(self.type, 1.0) and self.rate - self.margin > self.chance


def guess_rates(drafts: Iterable[ItemDraft]) -> list[GuessRate]:
    """Return the rate of each type that has enough items; `drafts` are sound, of one bank or of several."""
    asked = questions(drafts)
    own = {kind: [one for one in asked if one.type is kind] for kind in TYPES}
    return [_rate(kind, found) for kind, found in own.items() if len(found) >= FEWEST]


def guess_findings(rates: Iterable[GuessRate], where: Place) -> list[Finding]:
    """Return a hint for each rate that is too high; `where` is the place of the bank."""
    return [
        Finding(
            Severity.HINT,
            f"guessed_{found.type.value}",
            where,
            params={
                "percent": percents(found.rate),
                "margin": percents(found.margin),
                "chance": percents(found.chance),
                "count": found.count,
            },
        )
        for found in rates
        if found.too_high
    ]


def percents(share: float) -> str:
    """Return a share in per cent to one decimal."""
    return f"{100 * share:.1f}"


def _rate(kind: ItemType, asked: list[Question]) -> GuessRate:
    crossing = Crossing(asked)
    picks = [(pick, _credit(pick)) for pick in crossing.picks()]
    rate = sum(credit for _pick, credit in picks) / len(picks)
    guessed = [_sure(pick) for pick, credit in picks if credit == 1]
    return GuessRate(
        type=kind,
        count=len(picks),
        rate=rate,
        margin=Z * math.sqrt(rate * (1 - rate) / len(picks)),
        chance=sum(one.chance for one in asked) / len(asked),
        telltales=telltales(crossing),
        surest=sorted(guessed, key=lambda one: (-one.share, one.name, one.place)),
    )


def _credit(pick: Pick) -> float:
    """Return 1 for a right guess, 0 for a wrong one; options that seem alike share it."""
    found, right = pick.chances, pick.question.right
    if pick.question.type is ItemType.SINGLE_CHOICE:
        top = max(found)
        tied = {place for place, share in enumerate(found) if share > top - TIE}
        return len(tied & right) / len(tied)
    return math.prod(_yes_or_no(share, place in right) for place, share in enumerate(found))


def _yes_or_no(share: float, right: bool) -> float:
    if abs(share - 1 / 2) <= TIE:
        return 1 / 2
    return float((share > 1 / 2) == right)


def _sure(pick: Pick) -> SureGuess:
    question = pick.question
    shares = [share if place in question.right else 1 - share for place, share in enumerate(pick.chances)]
    single = question.type is ItemType.SINGLE_CHOICE
    sure = pick.chances[min(question.right)] if single else math.prod(shares)
    return SureGuess(question.name, question.ref, question.place, sure, pick.reasons)
