"""What one paper ended with: a pure decision over its standing, its score and its violations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from cbt.results.sheet.standing import Standing
from cbt.rules.exam.paper import Paper
from cbt.rules.retake import PaperOutcome
from cbt.rules.scoring.score import passes, round_score
from cbt.rules.violation import Violation, outcome_after, score_after

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
