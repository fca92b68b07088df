"""The outcome of a registration: where it stands in the words of R-61, what is decided, what was released."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from cbt.results.retake_ledger import NOT_EXAMINED
from cbt.rules.exam import Paper
from cbt.rules.form_score import passes, round_score
from cbt.rules.retake import PaperOutcome
from cbt.rules.states import UNANSWERED, Balance, ClosedBy, RoomCounts, State, balance, closing
from cbt.rules.violations import Violation, outcome_after, score_after


class Standing(StrEnum):
    """Where one registration stands; but for `not_examined` each is a field of its RoomCounts.

    `not_examined` is a registration of a room that was aborted or cancelled: it is expected nowhere.
    """

    ABSENT = "absent"
    BY_CANDIDATE = "by_candidate"
    BY_DEADLINE = "by_deadline"
    BY_PROCTOR = "by_proctor"
    BY_VIOLATION = "by_violation"
    BY_EVACUATION = "by_evacuation"
    UNANSWERED = "unanswered"
    NOT_ENTERED = "not_entered"
    """Examined on paper, and the answers are not in the journal yet."""
    NOT_ARRIVED = "not_arrived"
    INTERACTING = "interacting"
    UNITS_DONE = "units_done"
    SUSPENDED = "suspended"
    NOT_EXAMINED = "not_examined"


_GOING = {
    State.INTERACTING: Standing.INTERACTING,
    State.UNITS_DONE: Standing.UNITS_DONE,
    State.SUSPENDED: Standing.SUSPENDED,
}


def standing_of(
    *,
    examined: bool,
    absent: bool,
    arrived: bool,
    attempt_state: str | None,
    started: bool,
    closed_by: str | None,
    on_paper: bool = False,
) -> Standing:
    """Return where a registration stands from the facts of the door and of its attempt.

    Somebody who came and never opened the paper is 到场未作答, never 缺考, whoever closed it; only a
    violation keeps its own count.

    Source: R-12, R-61.
    """
    if not examined:
        return Standing.NOT_EXAMINED
    if absent:
        return Standing.ABSENT
    if attempt_state in {State.CLOSED, State.SCORED} and closed_by is not None:
        how = closing(ClosedBy(closed_by), started=started)
        return Standing.UNANSWERED if how == UNANSWERED else Standing(f"by_{how}")
    if attempt_state in _GOING:
        return _GOING[State(attempt_state)]
    if not arrived:
        return Standing.NOT_ARRIVED
    return Standing.NOT_ENTERED if on_paper and attempt_state is not None else Standing.UNANSWERED


def counts_of(standings: Iterable[Standing]) -> RoomCounts:
    """Return how many of a sitting's registrations stand where; those not examined are not expected."""
    tally = Counter(one for one in standings if one is not Standing.NOT_EXAMINED)
    return RoomCounts(expected=tally.total(), **{standing.value: count for standing, count in tally.items()})


def balance_of(standings: Iterable[Standing]) -> Balance:
    """Return 应考, 实考 and 缺考 of a sitting.

    Source: R-61.
    """
    return balance(counts_of(standings))


_SCORED = frozenset(
    {
        Standing.BY_CANDIDATE,
        Standing.BY_DEADLINE,
        Standing.BY_PROCTOR,
        Standing.BY_VIOLATION,
        Standing.BY_EVACUATION,
        Standing.UNANSWERED,
    }
)


@dataclass(frozen=True, slots=True)
class Decision:
    """An outcome with the points it shows; a paper of somebody absent or out for a violation shows none."""

    outcome: PaperOutcome
    score: Decimal | None = None


def decide(
    standing: Standing,
    *,
    score: Decimal | None,
    paper: Paper,
    pending: bool = False,
    own: Violation | None = None,
    elsewhere: Iterable[Violation] = (),
) -> Decision | None:
    """Return what a paper ended with, or None while that is open.

    `score` is the machine's or the markers' (None: not scored yet), `pending` whether people have something of
    it to mark: then only a paper that shows no points is decided. `own` is the violation in this paper,
    `elsewhere` those in the candidate's other papers of the batch. A paper that was never opened
    counts 0 even where nothing was there to score. A room that was aborted decides nothing (R-60).

    Source: R-3, R-12, R-50, R-61, R-63.
    """
    mine = () if own is None else (own,)
    if standing is Standing.ABSENT:
        return Decision(outcome_after(PaperOutcome.ABSENT, own=mine, elsewhere=()))
    if standing not in _SCORED:
        return None
    if score is None:
        if standing is not Standing.UNANSWERED and not pending:
            return None
        score = round_score(Decimal(0), paper.score_step)
    counted = score_after(score, mine)
    plain = PaperOutcome.PASSED if passes(counted, paper.pass_points) else PaperOutcome.FAILED
    outcome = outcome_after(plain, own=mine, elsewhere=elsewhere)
    if outcome is PaperOutcome.VIOLATION:
        return Decision(outcome)
    return None if pending else Decision(outcome, counted)


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
    on_paper: bool = False

    @property
    def unmarked(self) -> bool:
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
        return self.facts.released is not None and self.decided is not None and self.decided != self.shown

    @property
    def unreleased(self) -> bool:
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
        on_paper=facts.on_paper,
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
