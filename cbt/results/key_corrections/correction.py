"""A key correction as two people decided it: a new key revision, new scores in pieces, results by R-99 alone.

Whoever's released score would fall keeps it. Everybody else who was asked the item gets a score of the new
revision; the former ones stay. What was released follows where it rises.

Source: R-54, R-62, R-99.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from cbt.accounts.approvals.requests import ApprovalWish, Line, Second, SecondNeeded, claim, put_result
from cbt.audit import chain
from cbt.candidates.models import Candidate, Registration
from cbt.errors import Conflict, NotFound
from cbt.http.form_values import required
from cbt.results.key_corrections.effect import (
    CorrectionEffect,
    EffectLine,
    KeyProposal,
    attempts_asked,
    lines_of,
    mark_of,
    marked_round,
    marks_by,
    place_of,
    read_effect,
    require_ended,
    rests_of,
)
from cbt.results.models import Result
from cbt.results.release import SECOND_FOR_RELEASE, put_right
from cbt.results.sheet.sitting import RegistrationEnd, ends_of
from cbt.rules.canonical import canonical_json, digest_of
from cbt.rules.key_corrections import CorrectionKind, VerdictTurn, may_raise
from cbt.runner.models import Attempt
from cbt.scoring.key_corrections import keys_in_force
from cbt.scoring.marking.fresh_marks import end_purpose
from cbt.scoring.marking.rubric_round import RubricRound, round_marks, take_round
from cbt.scoring.models import CorrectedAttempt, KeyCorrection, Score
from cbt.scoring.score_sheets import Scored, Scorers
from cbt.scoring.store import NewScore, latest_scores, score_rows
from cbt.sittings.store import hold_sitting
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import DIRECTLY, LongWork, pieces_of, reading, unit_of_work
from cbt.storage.write_queue.change_set import put_down_in

LONGEST_REASON = 500
MOST_NAMED = 12


def require_reason(reason: str) -> str:
    """Return the reason of a correction; raise InvalidInput("key.reason") without one or for one too long."""
    return required(reason, "key.reason", "reason", limit=LONGEST_REASON)


# What is asked of a second person.


def correction_wish(
    effect: CorrectionEffect, *, preview: str, place: str, answers: str, reason: str
) -> tuple[SecondNeeded, ApprovalWish]:
    """Return what a second person is asked; `preview` is the job that worked out what they see. Source: R-62."""
    item = effect.proposal.item
    lines: list[Line] = [
        (
            "key.item",
            "text",
            f"{item.ref} v{item.version}" + ("" if item.part is None else f" ({item.part + 1})"),
        ),
        ("key.kind", "word", f"key.kind.{effect.proposal.kind.value}"),
    ]
    said_as = "key.rubric" if effect.proposal.kind is CorrectionKind.RUBRIC else "key.answers"
    lines += [(said_as, "text", answers)] if answers else []
    lines += [
        ("approval.line.people", "count", str(len(effect.lines))),
        ("key.rising", "count", str(effect.rising)),
        ("key.falling", "count", str(effect.falling)),
        ("key.gaining", "count", str(effect.gaining)),
        ("key.losing", "count", str(effect.losing)),
        ("key.kept", "count", str(effect.kept)),
        ("approval.line.reason", "text", reason),
    ]
    turning = [line for line in effect.lines if line.turn is not VerdictTurn.NONE][:MOST_NAMED]
    with reading() as session:
        names = names_of(session, [line.registration for line in turning])
    lines[-1:-1] = [
        ("approval.line.score", "text", f"{names[line.registration]} {line.before} → {line.after}")
        for line in turning
    ]
    wish = ApprovalWish(
        kind="key",
        act="key",
        subject=item.subject,
        place=place,
        params=canonical_json({"preview": preview, "reason": reason}),
        preview=tuple(lines),
    )
    return SecondNeeded(roles=SECOND_FOR_RELEASE, seen=effect.seen), wish


def names_of(session: Session, registration_ids: Sequence[int]) -> dict[int, str]:
    rows = session.execute(
        select(Registration.id, Candidate.name)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .where(Registration.id.in_(registration_ids))
    )
    return {row.id: row.name for row in rows}


# The correction.


@dataclass(frozen=True, slots=True)
class _Act:
    """One correction that is carried out: which, by whom, when, why."""

    correction_id: int
    number: int
    sitting_id: int
    now: datetime
    actor: str
    second: str
    reason: str
    round: RubricRound | None
    """Whose fresh marks count by it."""


def correct_key(
    proposal: KeyProposal,
    *,
    seen: str,
    reason: str,
    actor: str,
    second: Second,
    now: datetime,
    work: LongWork = DIRECTLY,
) -> dict[str, object]:
    """Correct a key with a second person; return what came of it: the correction's ref and how many of what.

    `seen` is the digest of the effect as it was shown. One that stopped goes on while what is left of it is what
    was approved. Raise Conflict("key.changed"|"approval.changed") when it would touch something else than shown,
    and like `read_effect` and `require_reason`.

    Source: R-54, R-62, R-99.
    """
    reason = require_reason(reason)
    kept = work.so_far
    if kept:
        with reading() as session:
            made = session.get_one(KeyCorrection, kept["correction"])
            own = marked_round(session, place_of(session, proposal.item), proposal)
            lines = _left(session, made, proposal, own)
        if rests_of(lines)[0] != kept["rest"]:
            lines = []
    else:
        effect = read_effect(proposal)
        second.insist(effect.seen)
        if effect.seen != seen:
            raise Conflict("key.changed")
        made = work.in_front(
            partial(_begin, effect, reason=reason, actor=actor, second=second, now=now, work=work)
        )
        lines = effect.lines
        with reading() as session:
            own = marked_round(session, place_of(session, proposal.item), proposal)
    act = _Act(made.id, made.number, made.sitting_id, now, actor, made.second, reason, own)
    with reading() as session:
        keys = keys_in_force(session, made.sitting_id, made.number)
    scorers, corrected = Scorers(), int(kept.get("corrected", 0))
    for piece, rest in zip(pieces_of(lines), rests_of(lines)[1:], strict=True):
        with reading() as session:
            changing = [line.attempt for line in piece if not line.stays]
            marks = None if own is None else round_marks(session, own, changing)
            scored = scorers.score(session, changing, keys=keys, marks=marks)

        def put(
            piece: Sequence[EffectLine] = piece,
            scored: dict[int, Scored] = scored,
            rest: str = rest,
            before: int = corrected,
        ) -> int:
            with unit_of_work() as session:
                done = before + _correct_piece(session, act, piece, scored)
                put_down_in(session, *work.keeping(correction=act.correction_id, corrected=done, rest=rest))
                return done

        corrected = work.in_front(put)
        work.tell(corrected, made.people)
    return work.in_front(partial(_end, act, corrected, made.people))


def _left(
    session: Session, made: KeyCorrection, proposal: KeyProposal, own: RubricRound | None
) -> list[EffectLine]:
    """Return what a correction that stopped has still to do."""
    there = set(
        session.scalars(
            select(CorrectedAttempt.attempt_id).where(CorrectedAttempt.key_correction_id == made.id)
        )
    )
    asked = attempts_asked(session, made.sitting_id, made.bank_id, proposal.item)
    keys = keys_in_force(session, made.sitting_id, made.number)
    left = [attempt_id for attempt_id in asked if attempt_id not in there]
    return lines_of(session, made.sitting_id, left, keys, Scorers(), marks=marks_by(session, own))


def _begin(
    effect: CorrectionEffect, *, reason: str, actor: str, second: Second, now: datetime, work: LongWork
) -> KeyCorrection:
    """Put a correction on record: from now on whoever is scored first is scored by it."""
    proposal, item = effect.proposal, effect.proposal.item
    with unit_of_work() as session:
        claim(session, second, now=now)
        place = place_of(session, item)
        sitting = hold_sitting(session, place.sitting.id)
        require_ended(session, sitting.id)
        if mark_of(session, sitting.id) != effect.mark:
            raise Conflict("key.changed")
        made = KeyCorrection(
            ref=new_ref("kc"),
            sitting_id=sitting.id,
            number=effect.number,
            bank_id=place.bank.id,
            item_ref=item.ref,
            item_version=item.version,
            part=item.part,
            kind=proposal.kind.value,
            answers=canonical_json(proposal.answers),
            reason=reason,
            at=now,
            by=actor,
            second=f"staff:{second.ref}",
            people=len(effect.lines),
            ended_at=None,
        )
        session.add(made)
        session.flush()
        put_result(session, second, {"ref": made.ref, "count": made.people})
        chain.record(
            session,
            at=now,
            actor=actor,
            act="key.correct",
            subject=sitting.logged_as,
            reason=reason,
            after={
                "correction": made.ref,
                "item": item.ref,
                "version": item.version,
                "kind": proposal.kind.value,
                "key_revision": made.number,
                "people": made.people,
                "second": made.second,
            },
        )
        put_down_in(session, *work.keeping(correction=made.id, corrected=0, rest=effect.rests[0]))
        session.expunge(made)
        return made


def _correct_piece(
    session: Session, act: _Act, lines: Sequence[EffectLine], scored: dict[int, Scored]
) -> int:
    """Give some attempts their score of the new key, where they are as they were shown; return how many were."""
    hold_sitting(session, act.sitting_id)
    among = Registration.id.in_([line.registration for line in lines])
    ends = {end.registration_id: end for end in ends_of(session, act.sitting_id, among)}
    current = [line for line in lines if _is_as_shown(line, ends[line.registration])]
    fresh = [line for line in current if not line.stays]
    made = _score_anew(session, act, fresh, scored)
    if act.round is not None:
        take_round(session, act.round, made)
    session.add_all(
        CorrectedAttempt(
            key_correction_id=act.correction_id,
            attempt_id=line.attempt,
            before_score_id=line.score,
            after_score_id=made.get(line.attempt),
            before=line.before,
            after=line.after,
            before_outcome=line.before_outcome,
            after_outcome=line.after_outcome,
        )
        for line in current
    )
    session.flush()
    _follow(session, act, [line for line in fresh if line.released and line.settled])
    return len(current)


def _is_as_shown(line: EffectLine, end: RegistrationEnd) -> bool:
    shown = end.judged.shown
    told = (None, "") if shown is None else (shown.score, shown.outcome.value)
    released = end.judged.facts.released is not None
    return (end.score_id, released, *told) == (line.score, line.released, line.before, line.before_outcome)


def _score_anew(
    session: Session, act: _Act, lines: Sequence[EffectLine], scored: dict[int, Scored]
) -> dict[int, int]:
    """Put scores of the new key on record, also where they are the same; return their ids by attempt."""
    ids = [line.attempt for line in lines]
    if not ids:
        return {}
    former = latest_scores(session, ids)
    attempts = {one.id: one for one in session.scalars(select(Attempt).where(Attempt.id.in_(ids)))}
    rows = []
    for attempt_id in ids:
        sheet = scored[attempt_id].sheet
        sealed = digest_of(sheet.content)
        journal = attempts[attempt_id].journal_digest or ""
        number = former[attempt_id].number + 1
        rows.append(NewScore(attempt_id, number, act.number, journal, sheet, sealed))
        chain.record(
            session,
            at=act.now,
            actor=act.actor,
            act="attempt.score",
            subject=attempts[attempt_id].logged_as,
            after={"sheet": sealed},
        )
    if not put_down_in(session, score_rows(rows, at=act.now)):
        raise Conflict("key.changed")
    newest = (
        select(Score.attempt_id, func.max(Score.id))
        .where(Score.attempt_id.in_(ids))
        .group_by(Score.attempt_id)
    )
    return {row[0]: row[1] for row in session.execute(newest)}


def _follow(session: Session, act: _Act, lines: Sequence[EffectLine]) -> None:
    """Have released results follow their new scores: none of them falls. Source: R-4, R-99."""
    if not lines:
        return
    among = Registration.id.in_([line.registration for line in lines])
    ends = ends_of(session, act.sitting_id, among)
    changed = [end for end in ends if end.judged.changed and _rises(end)]
    told = put_right(session, changed, now=act.now, actor=act.actor, second=act.second, reason=act.reason)
    if not all(told):
        raise Conflict("key.changed")
    for end in ends:
        if not end.judged.changed:
            session.execute(
                update(Result)
                .where(Result.id == end.result_id)
                .values(score_id=end.score_id)
                .execution_options(synchronize_session=False)
            )


def _rises(end: RegistrationEnd) -> bool:
    released, decided = end.judged.facts.released, end.decided
    return released is not None and decided is not None and may_raise(released.score, decided.score)


def _end(act: _Act, corrected: int, people: int) -> dict[str, object]:
    """Put on record that a correction is whole; who changed meanwhile was left out, and is told."""
    with unit_of_work() as session:
        made = session.get_one(KeyCorrection, act.correction_id, with_for_update=True)
        kept = session.scalar(
            select(func.count())
            .select_from(CorrectedAttempt)
            .where(CorrectedAttempt.key_correction_id == made.id, CorrectedAttempt.after_score_id.is_(None))
        )
        facts: dict[str, object] = {
            "ref": made.ref,
            "count": corrected - int(kept or 0),
            "kept": int(kept or 0),
        }
        facts["left"] = people - corrected
        if made.ended_at is None:
            made.ended_at = act.now
            sitting = hold_sitting(session, act.sitting_id)
            subject = sitting.logged_as
            chain.record(
                session,
                at=act.now,
                actor=act.actor,
                act="key.corrected",
                subject=subject,
                after={
                    "correction": made.ref,
                    "count": facts["count"],
                    "kept": facts["kept"],
                    "left": facts["left"],
                },
            )
            if act.round is not None:  # the desk is open no longer than that took
                end_purpose(session, sitting, act.round.subject, now=act.now, actor=act.actor)
        return facts


def correction_by_ref(session: Session, ref: str) -> KeyCorrection:
    """Return a correction; raise NotFound("key.unknown")."""
    made = session.scalar(select(KeyCorrection).where(KeyCorrection.ref == ref))
    if made is None:
        raise NotFound("key.unknown")
    return made
