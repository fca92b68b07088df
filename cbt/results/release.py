"""Release of a sitting's results, and correction of what was released: planned on a snapshot, approved, stored.

What is planned is approved line by line, in a digest; each line is stored as it was approved, or, where it changed
meanwhile, not at all: a later release takes that. A release that stopped goes on only while what is left of it is
still what was approved.

Source: R-60, R-62, R-90.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property, partial
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cbt.accounts.approvals.requests import (
    ApprovalWish,
    Line,
    Second,
    SecondNeeded,
    claim,
    put_result,
)
from cbt.audit import chain
from cbt.candidates.models import Candidate, Registration
from cbt.errors import Conflict, InvalidInput
from cbt.http.i18n import local_day
from cbt.results import store
from cbt.results.models import Release, Result
from cbt.results.publicity.publication import publicity_of, require_complete, require_shown
from cbt.results.publicity.store import objected
from cbt.results.rulings import unruled_among
from cbt.results.sheet.outcome import Decision
from cbt.results.sheet.sitting import RegistrationEnd, ends_of, figures_of
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.retake import PaperOutcome
from cbt.rules.roles import Role
from cbt.sittings.models import Sitting
from cbt.sittings.room_clock import release_sitting, score_room
from cbt.sittings.store import hold_sitting, require_official, second_by_password, sitting_by_ref
from cbt.storage.unit_of_work import DIRECTLY, PIECE, LongWork, pieces_of, reading, unit_of_work
from cbt.storage.write_queue.change_set import put_down_in

SECOND_FOR_RELEASE = frozenset({Role.OFFICER, Role.CHIEF_PROCTOR})
"""Whose credential may countersign a release: not a proctor's, who has no part in scores."""
OUTCOMES = (PaperOutcome.PASSED, PaperOutcome.FAILED, PaperOutcome.ABSENT, PaperOutcome.VIOLATION)
MOST_NAMED = 12


@dataclass(frozen=True)
class Plan:
    """What a release, or a correction of one, would put on record: one line for each result."""

    sitting: Sitting
    ends: Sequence[RegistrationEnd]

    @cached_property
    def rests(self) -> tuple[str, ...]:
        """What is left to store before each piece, and after the last, as digests."""
        rests, rest = [""], ""
        pieces = [self.ends[begin : begin + PIECE] for begin in range(0, len(self.ends), PIECE)]
        for piece in reversed(pieces):
            rest = digest(rest + canonical_json([_approved_row(end) for end in piece]))
            rests.append(rest)
        return tuple(reversed(rests))

    @property
    def seen(self) -> str:
        """The digest of whose result would be on record, with which outcome and which score."""
        return self.rests[0]

    @property
    def outcomes(self) -> Mapping[str, int]:
        """How many results there are of each outcome."""
        return Counter(end.decided.outcome.value for end in self.ends if end.decided is not None)


def _approved_row(end: RegistrationEnd) -> list[object]:
    return [end.ref, end.decided and [end.decided.outcome.value, end.decided.score]]


@dataclass(frozen=True)
class ReleasePlan(Plan):
    """What a release would put on record; `held` results are left out, for somebody objects or rules on them."""

    first: bool
    held: int


def plan_release(session: Session, sitting: Sitting, *, now: datetime) -> ReleasePlan:
    """Return what the release of a sitting is about: one result for everybody examined or absent.

    A result that somebody objects to is left out. Once it is decided, a later release takes what was held.

    Raise Conflict("sitting.not_official") for a trial or practice, ("results.released_already") when nothing is
    left, ("publicity.due"|"publicity.open") before results were shown long enough, ("results.all_held") while
    everything is held, and like `require_complete`.

    Source: R-60, R-62, R-90.
    """
    require_official(sitting)
    first = store.release_of(session, sitting.id) is None
    if first:
        elsewhere = store.violations_elsewhere(session, sitting.id)
        require_complete(figures_of(session, sitting, elsewhere)[0])
    waiting = _waiting(session, sitting)
    if not waiting:
        raise Conflict("results.released_already", name=sitting.name)
    publicity = publicity_of(session, sitting.id, on=local_day(now))
    publicity.require_over()
    releasable = publicity.held_from(waiting)
    if not releasable.results:
        raise Conflict("results.all_held", people=len(releasable.held))
    ends = [waiting[ref] for ref in releasable.results]
    return ReleasePlan(sitting, ends, first, len(releasable.held))


def plan_correction(session: Session, sitting: Sitting) -> Plan:
    """Return which released results say something else than the evidence says now.

    Raise Conflict("results.no_change") where none does.

    Source: R-4, R-54.
    """
    plan = Plan(sitting, _changed(session, sitting))
    if not plan.ends:
        raise Conflict("results.no_change", name=sitting.name)
    return plan


def _waiting(session: Session, sitting: Sitting) -> dict[str, RegistrationEnd]:
    return {end.ref: end for end in ends_of(session, sitting.id) if end.judged.unreleased}


def _changed(session: Session, sitting: Sitting) -> list[RegistrationEnd]:
    return [end for end in ends_of(session, sitting.id) if end.judged.changed]


def read_plan(sitting_ref: str, *, now: datetime) -> ReleasePlan:
    """Plan the release of a sitting that is over; raise like `finished_sitting` and `plan_release`."""
    with reading() as session:
        return plan_release(session, store.finished_sitting(session, sitting_ref), now=now)


def require_reason(reason: str) -> str:
    """Return the reason of a correction; raise InvalidInput("results.reason") without one."""
    if not (reason := reason.strip()):
        raise InvalidInput("results.reason", field="reason")
    return reason


# What is asked of a second person.


def password_allowed(sitting_ref: str) -> bool:
    """Return whether the centre of a sitting lets a second person type their password here (R-62)."""
    with reading() as session:
        return second_by_password(session, sitting_by_ref(session, sitting_ref).id)


def release_wish(sitting_ref: str, *, now: datetime) -> tuple[SecondNeeded, ApprovalWish]:
    """Return what a second person is asked: to release a sitting; raise like `read_plan`. Source: R-62."""
    plan = read_plan(sitting_ref, now=now)
    lines = [
        (f"results.outcome.{outcome.value}", "count", str(plan.outcomes.get(outcome.value, 0)))
        for outcome in OUTCOMES
    ]
    if plan.held:
        lines.append(("approval.line.held", "count", str(plan.held)))
    return SecondNeeded(roles=SECOND_FOR_RELEASE, seen=plan.seen), _wish(plan, "release", "", lines)


def correction_wish(sitting_ref: str, *, reason: str) -> tuple[SecondNeeded, ApprovalWish]:
    """Return what a second person is asked: to correct what was released, for a reason. Source: R-54, R-62."""
    reason = require_reason(reason)
    with reading() as session:
        plan = plan_correction(session, store.finished_sitting(session, sitting_ref))
        named = plan.ends[:MOST_NAMED]
        rows = session.execute(
            select(Registration.id, Candidate.name)
            .join(Candidate, Candidate.id == Registration.candidate_id)
            .where(Registration.id.in_([end.registration_id for end in named]))
        )
        names = {row.id: row.name for row in rows}
    lines = [("approval.line.people", "count", str(len(plan.ends)))]
    for end in named:
        shown, decided = end.judged.shown, end.decided
        if shown is not None and decided is not None:
            change = f"{_points(shown.score)} → {_points(decided.score)}"
            lines.append(("approval.line.score", "text", f"{names[end.registration_id]} {change}"))
    lines.append(("approval.line.reason", "text", reason))
    return SecondNeeded(roles=SECOND_FOR_RELEASE, seen=plan.seen), _wish(plan, "correct", reason, lines)


def _points(score: Decimal | None) -> str:
    return "—" if score is None else str(score)


def _wish(plan: Plan, act: str, reason: str, lines: Sequence[Line]) -> ApprovalWish:
    return ApprovalWish(
        kind="release",
        act=act,
        subject=plan.sitting.logged_as,
        place=plan.sitting.name,
        params=canonical_json({"reason": reason}),
        preview=tuple(lines),
    )


# The release.


def release(sitting_ref: str, *, actor: str, second: Second, now: datetime, work: LongWork = DIRECTLY) -> int:
    """Release the results of a sitting with a second person; return how many were.

    Raise Conflict("approval.changed") when a score or an outcome changed since it was approved, or somebody
    objected, and like `plan_release` and `begin_release`; nothing is released then.

    Source: R-60, R-62, R-90.
    """
    if "release" in work.so_far:
        return _gone_on_with(sitting_ref, actor=actor, now=now, work=work)
    plan = read_plan(sitting_ref, now=now)
    second.insist(plan.seen)

    def approved(session: Session) -> None:
        claim(session, second, now=now)
        put_result(session, second, {})

    by = f"staff:{second.ref}"
    return carry_out(plan, now=now, actor=actor, second=by, beside=approved, work=work)


def carry_out(
    plan: ReleasePlan,
    *,
    now: datetime,
    actor: str,
    second: str,
    beside: Callable[[Session], None] = lambda _session: None,
    work: LongWork = DIRECTLY,
) -> int:
    """Store a release that was approved, with what `beside` writes when it begins; return how many results.

    Raise like `begin_release`.

    Source: R-60, R-90.
    """
    with reading() as session:
        rooms = [room.id for room in store.ended_rooms(session, plan.sitting.id)]
    for piece in pieces_of(rooms):
        work.in_front(partial(_note_scored, plan.sitting.id, piece, now=now, actor=actor))

    def begin() -> int:
        with unit_of_work() as session:
            beside(session)
            release_id = begin_release(session, plan, now=now, actor=actor, second=second)
            kept = {"release": release_id, "first": plan.first, "of": len(plan.ends)}
            put_down_in(session, *work.keeping(**kept, released=0, rest=plan.seen))
            return release_id

    release_id = work.in_front(begin)
    return _store(plan, release_id, 0, len(plan.ends), now=now, actor=actor, work=work)


def _note_scored(sitting_id: int, room_ids: Collection[int], *, now: datetime, actor: str) -> None:
    """Note of some rooms of a sitting, whose scores are complete, that they are scored."""
    with unit_of_work() as session:
        for room in store.ended_rooms(session, sitting_id):
            if room.id in room_ids:
                score_room(session, room, now=now, actor=actor)


def begin_release(session: Session, plan: ReleasePlan, *, now: datetime, actor: str, second: str) -> int:
    """Put a release on record, and at the first one of a sitting move its rooms on; return the release's id.

    Raise Conflict("results.released_already") where somebody was quicker, and ("publicity.due"|"publicity.open").

    Source: R-60, R-62, R-90.
    """
    sitting = hold_sitting(session, plan.sitting.id)
    row = store.release_of(session, sitting.id)
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
        subject=sitting.logged_as,
        after={"second": second, "outcomes": dict(plan.outcomes)}
        | ({"held": plan.held} if plan.held else {}),
    )
    return row.id


def _gone_on_with(sitting_ref: str, *, actor: str, now: datetime, work: LongWork) -> int:
    """Go on with a release that stopped, while what is left of it is what was approved."""
    kept = work.so_far
    with reading() as session:
        sitting = store.finished_sitting(session, sitting_ref)
        waiting = _waiting(session, sitting)
        releasable = publicity_of(session, sitting.id, on=local_day(now)).held_from(waiting)
    plan = ReleasePlan(sitting, [waiting[ref] for ref in releasable.results], kept["first"], 0)
    if plan.seen != kept["rest"]:
        plan = ReleasePlan(sitting, [], kept["first"], 0)
    return _store(plan, kept["release"], kept["released"], kept["of"], now=now, actor=actor, work=work)


def _store(
    plan: ReleasePlan,
    release_id: int,
    released: int,
    total: int,
    *,
    now: datetime,
    actor: str,
    work: LongWork,
) -> int:
    kept = {"release": release_id, "first": plan.first, "of": total}

    def store_piece(piece: Sequence[RegistrationEnd], rest: str) -> int:
        with unit_of_work() as session:
            there = released + store_results(session, plan, piece, release_id, now=now)
            put_down_in(session, *work.keeping(**kept, released=there, rest=rest))
            return there

    for piece, rest in zip(pieces_of(plan.ends), plan.rests[1:], strict=True):
        released = work.in_front(partial(store_piece, piece, rest))
        work.tell(released, total)
    if released < total:
        work.in_front(partial(_note_left_out, plan.sitting, total - released, now=now, actor=actor))
    return released


def store_results(
    session: Session, plan: ReleasePlan, ends: Sequence[RegistrationEnd], release_id: int, *, now: datetime
) -> int:
    """Store some results of a release; return how many were: what is not as it was approved any more is left out.

    Source: R-60, R-90.
    """
    ids = [end.registration_id for end in ends]
    there = {
        end.registration_id: end
        for end in ends_of(session, plan.sitting.id, Registration.id.in_(ids))
        if end.judged.unreleased
    }
    held = objected(session, ids) | unruled_among(session, ids)
    stored = [
        Result(
            release_id=release_id,
            registration_id=end.registration_id,
            outcome=end.decided.outcome.value,
            score=end.decided.score,
            score_id=end.score_id,
            released_at=None if plan.first else now,
        )
        for end in ends
        if end.decided is not None
        and end.registration_id not in held
        and _is_as_approved(end, there.get(end.registration_id))
    ]
    session.add_all(stored)
    return len(stored)


def _is_as_approved(end: RegistrationEnd, there: RegistrationEnd | None) -> bool:
    return there is not None and (there.decided, there.score_id) == (end.decided, end.score_id)


def _note_left_out(sitting: Sitting, left: int, *, now: datetime, actor: str) -> None:
    """Put on record that some results changed while others were released; a later release takes them."""
    with unit_of_work() as session:
        chain.record(
            session,
            at=now,
            actor=actor,
            act="results.release_left",
            subject=sitting.logged_as,
            after={"people": left},
        )


# The correction.


def correct(
    sitting_ref: str,
    *,
    actor: str,
    second: Second,
    reason: str,
    now: datetime,
    work: LongWork = DIRECTLY,
) -> int:
    """Correct what was released where scores or violations changed since; return how many results.

    Raise InvalidInput("results.reason") without a reason, Conflict("results.no_change") when there is nothing to
    correct, or somebody else was faster, else like `release`. One that stopped goes on while what is left of it is
    what was approved.

    Source: R-54, R-62.
    """
    reason = require_reason(reason)
    kept = work.so_far
    corrected: int = kept.get("corrected", 0)
    with reading() as session:
        sitting = store.finished_sitting(session, sitting_ref)
        plan = _left_to_correct(session, sitting, kept) if kept else plan_correction(session, sitting)
    if not kept:
        second.insist(plan.seen)
    total = corrected + len(plan.ends)

    def correct_piece(piece: Sequence[RegistrationEnd], rest: str) -> int:
        with unit_of_work() as session:
            if not corrected:
                claim(session, second, now=now)
                put_result(session, second, {"count": len(plan.ends)})
            by = f"staff:{second.ref}"
            done = sum(put_right(session, piece, now=now, actor=actor, second=by, reason=reason))
            if not corrected and done < len(piece):
                raise Conflict("results.no_change", name=sitting.name)
            put_down_in(session, *work.keeping(corrected=corrected + done, rest=rest))
            return corrected + done

    for piece, rest in zip(pieces_of(plan.ends), plan.rests[1:], strict=True):
        corrected = work.in_front(partial(correct_piece, piece, rest))
        work.tell(corrected, total)
    return corrected


def _left_to_correct(session: Session, sitting: Sitting, kept: Mapping[str, Any]) -> Plan:
    plan = Plan(sitting, _changed(session, sitting))
    return plan if plan.seen == kept["rest"] else Plan(sitting, [])


def put_right(
    session: Session, ends: Iterable[RegistrationEnd], *, now: datetime, actor: str, second: str, reason: str
) -> Iterator[bool]:
    """Put what the evidence says now in the place of what was released, one line of the log for each person.

    Yield whether it was: where somebody else was faster nothing is done. The first release keeps its date, so a
    retake window does not move.

    Source: R-4, R-54, R-62, R-63.
    """
    for end in ends:
        released, decided = end.judged.facts.released, end.decided
        if released is None or decided is None:
            continue
        changed = session.scalar(
            update(Result)
            .where(
                Result.id == end.result_id,
                Result.outcome == released.outcome.value,
                Result.score_id.is_not_distinct_from(end.result_score_id),
            )
            .values(outcome=decided.outcome.value, score=decided.score, score_id=end.score_id)
            .returning(Result.id)
            .execution_options(synchronize_session=False)
        )
        yield changed is not None
        if changed is not None:
            chain.record(
                session,
                at=now,
                actor=actor,
                act="results.correct",
                subject=f"registration:{end.ref}",
                reason=reason,
                before=_logged(released),
                after={**_logged(decided), "second": second},
            )


def _logged(decision: Decision) -> dict[str, object]:
    return {"outcome": decision.outcome.value, "score": decision.score}
