"""Violations (违纪) and reasons in the table a centre edits, and what a violation does to a result.

Source: R-26, R-63.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from cbt.rules.exam import Flaw
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


OTHER = "other"
"""其他: the reason that says nothing by itself, so that words go with it."""
SYSTEM = "system"
"""系统: the product's own reason where its outage is given back (R-27)."""
OUTAGE = "outage"
"""服务中断: what the product writes beside its own reason."""
EVACUATION = "evacuation"
"""紧急疏散: the product's own reason of a hold that takes two people to end (R-62); nobody picks it."""
ALWAYS = (SYSTEM, OTHER)

_CODE = re.compile(r"[a-z][a-z0-9_]{0,19}")


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason with its words in both languages; a retired one is read in records and offered no more."""

    code: str
    zh: str
    en: str
    retired: bool = False


@dataclass(frozen=True, slots=True)
class ReasonTable:
    """What a centre lets its people pick from, in the order in which it is offered. Source: R-26, R-63."""

    violations: tuple[Violation, ...]
    reasons: tuple[Reason, ...]
    messages: tuple[Reason, ...] = ()
    """Usual texts of a 提醒, each read in the language of who sends it."""

    def violation(self, code: str | None) -> Violation | None:
        """Return a violation, retired or not, or None for a code the table does not have."""
        return next((one for one in self.violations if one.code == code), None)

    def reason(self, code: str) -> Reason | None:
        """Return a reason, retired or not, or None for a code the table does not have."""
        return next((one for one in self.reasons if one.code == code), None)

    @property
    def offered_violations(self) -> tuple[Violation, ...]:
        return tuple(one for one in self.violations if not one.retired)

    @property
    def offered_reasons(self) -> tuple[Reason, ...]:
        return tuple(one for one in self.reasons if not one.retired)

    @property
    def offered_messages(self) -> tuple[Reason, ...]:
        return tuple(one for one in self.messages if not one.retired)


def check_reasons(table: ReasonTable) -> list[Flaw]:
    """Return everything in a table that does not hold, with paths as its file has them.

    Source: R-26, R-27, R-62, R-63.
    """
    return [
        *_codes("violations", [one.code for one in table.violations]),
        *_codes("reasons", [one.code for one in table.reasons]),
        *_codes("messages", [one.code for one in table.messages]),
        *(flaw for place, one in enumerate(table.violations) for flaw in _violation(place, one)),
        *_own(table),
    ]


def _codes(name: str, codes: Sequence[str]) -> Iterator[Flaw]:
    for place, code in enumerate(codes):
        if not _CODE.fullmatch(code):
            yield Flaw((name, place, "code"), "reasons.code", {"value": code})
        elif code in codes[:place]:
            yield Flaw((name, place, "code"), "reasons.repeated", {"value": code})


def _violation(place: int, violation: Violation) -> Iterator[Flaw]:
    for key, values in (("effects", violation.effects), ("evidence", violation.evidence)):
        if not values:
            yield Flaw(("violations", place, key), "reasons.empty", {})
        for value in (value for value, count in Counter(values).items() if count > 1):
            yield Flaw(("violations", place, key), "reasons.repeated", {"value": value.value})
    if (violation.deduct <= 0) if Effect.DEDUCT in violation.effects else (violation.deduct != 0):
        yield Flaw(("violations", place, "deduct"), "reasons.deduct", {"value": violation.code})


def _own(table: ReasonTable) -> Iterator[Flaw]:
    """Hold the table to the codes that the product itself writes or asks more of."""
    for code in ALWAYS:
        own = table.reason(code)
        if own is None:
            yield Flaw(("reasons",), "reasons.always", {"value": code})
        elif own.retired:
            yield Flaw(("reasons", table.reasons.index(own), "retired"), "reasons.always", {"value": code})
    for place, reason in enumerate(table.reasons):
        if reason.code == EVACUATION:
            yield Flaw(("reasons", place, "code"), "reasons.own", {"value": reason.code})
