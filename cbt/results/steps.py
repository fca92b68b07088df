"""Changes of the results room: releases, and a correction of what was released."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.errors import Conflict
from cbt.results.models import Release, Result
from cbt.results.publicity.publishing import require_complete
from cbt.results.publicity.standing import publicity_of
from cbt.results.sheet.outcomes import Decision
from cbt.results.sheet.sitting import SheetLine, SittingSheet
from cbt.rules.states.sitting import SittingState
from cbt.sittings.clock.ending import release_sitting, score_room
from cbt.sittings.planning.purposes import require_official
from cbt.sittings.store import hold_sitting
from cbt.web.i18n import local_day


def release(
    session: Session, sheet: SittingSheet, *, now: datetime, actor: str, second: str
) -> list[SheetLine]:
    """Release a sitting's results, one row for everybody examined or absent; return the lines. The rooms move on.

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
    hold_sitting(session, sheet.sitting.id)
    publicity = publicity_of(session, sheet.sitting.id, on=local_day(now))
    publicity.require_over()
    found = publicity.held_from(waiting)
    if not found.results:
        raise Conflict("results.all_held", people=len(found.held))
    row = sheet.release or _first_release(session, sheet, now=now, actor=actor, second=second)
    lines = [waiting[ref] for ref in found.results]
    decided = [(line, line.decided) for line in lines if line.decided is not None]
    session.add_all(_result(row, line, decision, None if first else now) for line, decision in decided)
    outcomes = Counter(decision.outcome.value for _, decision in decided)
    chain.record(
        session,
        at=now,
        actor=actor,
        act="results.release",
        subject=f"sitting:{sheet.sitting.ref}",
        after={"second": second, "outcomes": dict(outcomes)}
        | ({"held": len(found.held)} if found.held else {}),
    )
    return lines


def _first_release(
    session: Session, sheet: SittingSheet, *, now: datetime, actor: str, second: str
) -> Release:
    for room, _ in sheet.rooms:
        if room.state == SittingState.ENDED.value:
            score_room(session, room, now=now, actor=actor)
    release_sitting(session, sheet.sitting, now=now, actor=actor)
    row = Release(sitting_id=sheet.sitting.id, released_at=now, by=actor, second=second)
    session.add(row)
    session.flush()
    return row


def correct(
    session: Session,
    sheet: SittingSheet,
    lines: Sequence[SheetLine],
    *,
    now: datetime,
    actor: str,
    second: str,
    reason: str,
) -> None:
    """Put what the evidence says now in the place of what was released, one audit line per person.

    The first release keeps its date, so a retake window does not move. Raise Conflict("results.no_change")
    when there is nothing to correct, or somebody else was faster.

    Source: R-4, R-54, R-62, R-63.
    """
    if not lines:
        raise Conflict("results.no_change", name=sheet.sitting.name)
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
        )
        if changed is None:
            raise Conflict("results.no_change", name=sheet.sitting.name)
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


def _result(release_row: Release, line: SheetLine, decision: Decision, later: datetime | None) -> Result:
    return Result(
        release_id=release_row.id,
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
