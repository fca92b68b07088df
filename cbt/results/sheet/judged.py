"""Where one registration stands and what its paper ended with, by the facts a result depends on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from cbt.results.ledger.store import NOT_EXAMINED
from cbt.results.sheet.outcomes import Decision, decide
from cbt.results.sheet.standing import Standing, standing_of
from cbt.rules.exam.paper import Paper
from cbt.rules.violation import Violation


@dataclass(frozen=True, slots=True)
class EndFacts:
    """What a registration's result depends on; many registrations have the same."""

    room_state: str
    absent: bool
    arrived: bool
    attempt_state: str | None
    started: bool
    closed_by: str | None
    marked: bool
    """Whether there is a score, with a total or without."""
    score: Decimal | None
    violation: Violation | None
    released: Decision | None

    @property
    def unmarked(self) -> bool:
        """Whether people have something of it to mark."""
        return self.marked and self.score is None


@dataclass(frozen=True, slots=True)
class JudgedEnd:
    """One registration, or several alike: where it stands, what the evidence says, what was released."""

    facts: EndFacts
    standing: Standing
    decided: Decision | None

    @property
    def shown(self) -> Decision | None:
        """The decision people see: what the evidence says until the release, and then what was released."""
        return self.decided if self.facts.released is None else self.facts.released

    @property
    def changed(self) -> bool:
        """Whether the evidence says something else than what was released."""
        return self.facts.released is not None and self.decided is not None and self.decided != self.shown

    @property
    def unreleased(self) -> bool:
        """Whether there is a decision that was not released."""
        return self.facts.released is None and self.decided is not None

    @property
    def open(self) -> bool:
        """Whether this registration keeps the sitting from being released."""
        return self.decided is None and self.standing is not Standing.NOT_EXAMINED

    @property
    def pending(self) -> bool:
        """Whether it is people who mark that this line waits for (待阅)."""
        return self.decided is None and self.facts.unmarked


def standing_by(facts: EndFacts) -> Standing:
    """Return where a registration with these facts stands."""
    return standing_of(
        examined=facts.room_state not in NOT_EXAMINED,
        absent=facts.absent,
        arrived=facts.arrived,
        attempt_state=facts.attempt_state,
        started=facts.started,
        closed_by=facts.closed_by,
    )


def decision_by(
    facts: EndFacts, standing: Standing, paper: Paper, elsewhere: Iterable[Violation]
) -> Decision | None:
    """Return what a paper with these facts ended with, None while that is open."""
    return decide(
        standing,
        score=facts.score,
        paper=paper,
        pending=facts.unmarked,
        own=facts.violation,
        elsewhere=elsewhere,
    )
