"""违纪: one row of the table a centre edits, and what it does to a result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from cbt.rules.retake import PaperOutcome


class Tier(StrEnum):
    """违纪 or 作弊. Source: R-63."""

    BREACH = "breach"
    CHEATING = "cheating"


class Effect(StrEnum):
    """警告, 扣分, 终止考试, 该科无效, 全部无效. Source: R-63."""

    WARNING = "warning"
    DEDUCT = "deduct"
    TERMINATE = "terminate"
    PAPER_VOID = "paper_void"
    ALL_VOID = "all_void"


class Evidence(StrEnum):
    """What a record of a violation should be supported by."""

    STATEMENT = "statement"
    WITNESS = "witness"
    OBJECT = "object"
    VIDEO = "video"
    SYSTEM_LOG = "system_log"


@dataclass(frozen=True, slots=True)
class Violation:
    """One row of the table, with its words in both languages.

    `clause` names the rule broken as people cite it, `deduct` is in points. A retired one is read in records
    and offered no more.
    """

    code: str
    zh: str
    en: str
    clause: str
    tier: Tier
    effects: tuple[Effect, ...]
    evidence: tuple[Evidence, ...]
    deduct: Decimal = Decimal(0)
    retired: bool = False


_WEIGHT = tuple(Effect)


def terminates(violation: Violation) -> bool:
    """Return whether a violation ends the attempt at once. Source: R-63."""
    return Effect.TERMINATE in violation.effects


def takes_two(violation: Violation) -> bool:
    """Return whether recording a violation takes a second person: it ends an exam or takes a result away.

    Source: R-62.
    """
    return not {Effect.TERMINATE, Effect.PAPER_VOID, Effect.ALL_VOID}.isdisjoint(violation.effects)


def takes_away(violation: Violation) -> bool:
    """Return whether a violation takes anything away, so that it waits for a ruling. Source: R-63, R-92."""
    return set(violation.effects) != {Effect.WARNING}


def weight(violation: Violation) -> int:
    """Return how heavy a violation is: as its heaviest effect. Source: R-63."""
    return max(_WEIGHT.index(effect) for effect in violation.effects)


def heaviest(violations: Mapping[int, Violation]) -> int | None:
    """Return the key of the heaviest, of equals the first; None of none. Source: R-63."""
    return max(violations, key=lambda key: weight(violations[key]), default=None)


def voids(violation: Violation, *, same_paper: bool) -> bool:
    """Return whether a violation makes a paper of the candidate's void: its own, or another of the batch.

    Source: R-63.
    """
    return Effect.ALL_VOID in violation.effects or (same_paper and Effect.PAPER_VOID in violation.effects)


def score_after(score: Decimal, violations: Iterable[Violation]) -> Decimal:
    """Return a paper's score less what its violations deduct, never below zero. Source: R-50, R-63."""
    taken = sum((one.deduct for one in violations if Effect.DEDUCT in one.effects), Decimal(0))
    return max(score - taken, Decimal(0))


def outcome_after(
    outcome: PaperOutcome, *, own: Iterable[Violation], elsewhere: Iterable[Violation] = ()
) -> PaperOutcome:
    """Return what a paper ends with, given the violations in it and in the candidate's other papers.

    Nobody absent is made a violator by what happened in another paper.

    Source: R-63.
    """
    if any(voids(one, same_paper=True) for one in own):
        return PaperOutcome.VIOLATION
    if outcome is not PaperOutcome.ABSENT and any(voids(one, same_paper=False) for one in elsewhere):
        return PaperOutcome.VIOLATION
    return outcome
