"""Changes of the results room: releases, and a correction of what was released."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.candidates.models import Registration
from cbt.errors import Conflict
from cbt.http.i18n import local_day
from cbt.results.models import Release, Result
from cbt.results.publicity.publication import publicity_of, require_complete, require_shown
from cbt.results.publicity.store import objected
from cbt.results.rulings import unruled_among
from cbt.results.sheet.outcome import Decision
from cbt.results.sheet.sitting import SheetLine, SittingSheet, lines_of
from cbt.results.store import release_of, rows_of_sitting, violations_elsewhere
from cbt.sittings.models import Sitting
from cbt.sittings.planning.purposes import require_official
from cbt.sittings.room_state import release_sitting
from cbt.sittings.store import hold_sitting


@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """What a release would put on record: worked out on a snapshot, approved by a second person, stored in pieces.

    `held` is how many results are left out because somebody objects to them, or they wait for a ruling.
    """

    sitting: Sitting
    first: bool
    lines: Sequence[SheetLine]
    held: int

    @property
    def outcomes(self) -> Mapping[str, int]:
        """How many results there are of each outcome."""
        return Counter(line.decided.outcome.value for line in self.lines if line.decided is not None)


def plan_release(session: Session, sheet: SittingSheet, *, now: datetime) -> ReleasePlan:
    """Return what the release of a sitting is about: one result for everybody examined or absent.

    A result that somebody objects to is left out. Once it is decided, a later release takes what was held.

    Raise Conflict("sitting.not_official") for a trial or practice, ("results.released_already") when nothing is
    left, ("publicity.due"|"publicity.open") before results were shown long enough, ("results.all_held") while
    everything is held, and like `require_complete`.

    Source: R-60, R-62, R-90.
    """
    require_official(sheet.sitting)
    first = sheet.release is None
    waiting = {line.row.registration.ref: line for line in sheet.lines if line.unreleased}
    if not first and not waiting:
        raise Conflict("results.released_already", name=sheet.sitting.name)
    if first:
        require_complete(sheet)
    publicity = publicity_of(session, sheet.sitting.id, on=local_day(now))
    publicity.require_over()
    found = publicity.held_from(waiting)
    if not found.results:
        raise Conflict("results.all_held", people=len(found.held))
    return ReleasePlan(sheet.sitting, first, [waiting[ref] for ref in found.results], len(found.held))


def begin_release(session: Session, plan: ReleasePlan, *, now: datetime, actor: str, second: str) -> int:
    """Put a release on record, and at the first one of a sitting move its rooms on; return the release's id.

    Raise Conflict("results.released_already") where somebody was quicker, and ("publicity.due"|"publicity.open").

    Source: R-60, R-62, R-90.
    """
    sitting = hold_sitting(session, plan.sitting.id)
    row = release_of(session, sitting.id)
    if (row is None) != plan.first:
        raise Conflict("results.released_already", name=sitting.name)
    require_shown(session, sitting.id, on=local_day(now))
    if row is None:
        release_sitting(session, sitting, now=now, actor=actor)
        row = Release(sitting_id=sitting.id, released_at=now, by=actor, second=second)
        session.add(row)
        session.flush()
    chain.record(
        session,
        at=now,
        actor=actor,
        act="results.release",
        subject=f"sitting:{sitting.ref}",
        after={"second": second, "outcomes": dict(plan.outcomes)}
        | ({"held": plan.held} if plan.held else {}),
    )
    return row.id


def store_results(
    session: Session, plan: ReleasePlan, lines: Sequence[SheetLine], release_id: int, *, now: datetime
) -> int:
    """Store some results of a release; return how many were: what is not as it was approved any more is left out.

    Source: R-60, R-90.
    """
    ids = [line.row.registration.id for line in lines]
    rows = rows_of_sitting(session, plan.sitting.id, Registration.id.in_(ids))
    elsewhere = violations_elsewhere(session, plan.sitting.id, Registration.id.in_(ids))
    there = {
        line.row.registration.id: line
        for _, some in lines_of(session, plan.sitting, rows, elsewhere)
        for line in some
    }
    held = objected(session, ids) | unruled_among(session, ids)
    stored = [
        _result(release_id, line, line.decided, None if plan.first else now)
        for line in lines
        if line.decided is not None and _as_approved(line, there.get(line.row.registration.id), held)
    ]
    session.add_all(stored)
    return len(stored)


def _as_approved(line: SheetLine, there: SheetLine | None, held: Collection[int]) -> bool:
    """Return whether the result of a line may still be released as it was approved."""
    if there is None or not there.unreleased or line.row.registration.id in held:
        return False
    return there.decided == line.decided and _score_id(there) == _score_id(line)


def note_left_out(session: Session, plan: ReleasePlan, left: int, *, now: datetime, actor: str) -> None:
    """Put on record that some results changed while others were released; a later release takes them."""
    chain.record(
        session,
        at=now,
        actor=actor,
        act="results.release_left",
        subject=f"sitting:{plan.sitting.ref}",
        after={"people": left},
    )


def correct(
    session: Session, lines: Sequence[SheetLine], *, now: datetime, actor: str, second: str, reason: str
) -> int:
    """Put what the evidence says now in the place of what was released, one audit line per person.

    Return how many were: where somebody else was faster nothing is done. The first release keeps its date, so a
    retake window does not move.

    Source: R-4, R-54, R-62, R-63.
    """
    corrected = 0
    for line in lines:
        result, decision = line.row.result, line.decided
        if result is None or decision is None:
            continue
        before = _plain(line.shown)
        changed = session.scalar(
            update(Result)
            .where(
                Result.id == result.id,
                Result.outcome == result.outcome,
                Result.score_id.is_not_distinct_from(result.score_id),
            )
            .values(outcome=decision.outcome.value, score=decision.score, score_id=_score_id(line))
            .returning(Result.id)
            .execution_options(synchronize_session=False)
        )
        if changed is None:
            continue
        corrected += 1
        chain.record(
            session,
            at=now,
            actor=actor,
            act="results.correct",
            subject=f"registration:{line.row.registration.ref}",
            reason=reason,
            before=before,
            after={**_plain(decision), "second": second},
        )
    return corrected


def _result(release_id: int, line: SheetLine, decision: Decision, later: datetime | None) -> Result:
    return Result(
        release_id=release_id,
        registration_id=line.row.registration.id,
        outcome=decision.outcome.value,
        score=decision.score,
        score_id=_score_id(line),
        released_at=later,
    )


def _score_id(line: SheetLine) -> int | None:
    return line.row.score.id if line.row.score is not None else None


def _plain(decision: Decision | None) -> dict[str, object]:
    if decision is None:
        return {}
    return {"outcome": decision.outcome.value, "score": decision.score}
