"""An appeal (成绩复核) recounted from the frozen form and the journal, and decided by who had no part in it.

A decision alone changes no result: what it finds becomes the score that counts, and two people correct what was
released.

Source: R-4, R-54, R-91, R-99.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cbt.accounts.two_people import insist_on_two
from cbt.assembly.draw import checked
from cbt.audit.chain import record
from cbt.audit.models import AuditEntry
from cbt.blueprints.store import paper_of
from cbt.candidates.models import Registration
from cbt.errors import CbtError, Conflict, NotAllowed
from cbt.http.form_values import required
from cbt.results import store
from cbt.results.appeals.fresh_mark import fresh_subject
from cbt.results.appeals.request import LONGEST_GROUNDS
from cbt.results.models import Appeal, Release, Result, ViolationRuling
from cbt.results.sheet.outcome import Decision, decision_by
from cbt.results.sheet.sitting import RegistrationEnd, ends_of
from cbt.rules.appeals import (
    AppealEvent,
    AppealFinding,
    AppealState,
    Recount,
    ResultFacts,
    added_lines,
    mark_lines,
    next_appeal_state,
    sum_of,
    verdict_refusal,
)
from cbt.rules.canonical import digest_of
from cbt.rules.exam import Paper
from cbt.rules.retake import PaperOutcome
from cbt.rules.roles import PersonStep, Role
from cbt.rules.violations import Violation
from cbt.runner.models import Attempt
from cbt.scoring.key_corrections import AS_PUBLISHED, keys_in_force
from cbt.scoring.late_answers import pending_entries
from cbt.scoring.marking.counted import counted_marks
from cbt.scoring.marking.fresh_marks import CountedAnswer, counted_answers, end_purpose, take_marks, waits_for
from cbt.scoring.marking.store import markers_of
from cbt.scoring.models import CorrectedAttempt, KeyCorrection, LateRuling, RuledAttempt, Score
from cbt.scoring.score_sheets import Scored, Scorers
from cbt.scoring.service import compared
from cbt.scoring.store import NewScore, latest_scores, score_rows
from cbt.sittings.store import hold_sitting
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.change_set import put_down_in

DECIDERS = (Role.OFFICER, Role.CHIEF_PROCTOR)
VERDICTS: Mapping[str, AppealEvent] = {"keep": AppealEvent.KEEP, "change": AppealEvent.CHANGE}
DECIDED = frozenset({AppealState.KEPT.value, AppealState.CHANGED.value})


# The recount: worked out on a snapshot, and decided only while it still holds.


@dataclass(frozen=True, slots=True)
class CountedAppeal:
    """An appeal with the recount of its paper, and what that relies on."""

    appeal: Appeal
    registration: Registration
    attempt: Attempt
    recount: Recount
    plain: Scored
    """By the marks that counted when `score` was made."""
    ruled: Scored
    """With the fresh marks that the decision takes."""
    marked: Sequence[CountedAnswer]
    """The answers that people marked, with the fresh marks asked for."""
    taken: Sequence[CountedAnswer]
    score: Score
    form_ok: bool
    journal_ok: bool
    late: int
    """How many late answers wait for a ruling."""

    def refusal(self, event: AppealEvent) -> str | None:
        """Return why the recount does not carry an outcome, None where it does: the end of an error's code."""
        return verdict_refusal(event, self.recount, has_evidence_to_come=self.late > 0)


def counted(session: Session, ref: str, *, take: Collection[str] = ()) -> CountedAppeal:
    """Return an appeal with its paper counted anew from the frozen form and the journal.

    It is held against what stood when it was decided, and while it is open, against what stands now, with the fresh
    marks of these refs in the place of the former ones.

    Raise NotFound("appeal.unknown"), Conflict("appeal.no_paper") for a paper that has no score,
    ("appeal.no_mark") for a fresh mark that it does not have.

    Source: R-54, R-91.
    """
    appeal = Appeal.by_ref(session, ref, unknown="appeal.unknown")
    registration = session.get_one(Registration, appeal.registration_id)
    attempt = session.scalar(select(Attempt).where(Attempt.registration_id == registration.id))
    score = None if attempt is None else _score_on_record(session, appeal, attempt.id)
    if attempt is None or score is None:
        raise Conflict("appeal.no_paper")
    scorers = Scorers(checked)
    (seals,) = compared(session, [attempt.id], scorers)
    # By the keys of the score it is held against: a correction made since is no fault of the count.
    revision = score.key_revision
    keys = keys_in_force(session, registration.sitting_id, revision) if revision else AS_PUBLISHED
    of_score = counted_marks(session, [attempt.id], until=score.id).get(attempt.id, {})
    plain = scorers.score(session, [attempt.id], keys=keys, marks={attempt.id: of_score})[attempt.id]
    marked = counted_answers(session, attempt.id, fresh_subject(appeal), until=score.id)
    taken = [one for one in marked if _is_taken(appeal, one, take)]
    if appeal.state not in DECIDED and len(taken) != len(set(take)):
        raise Conflict("appeal.no_mark")
    ruled = plain
    if taken:
        of_ruling = {attempt.id: of_score | {one.text: one.as_people_mark() for one in taken}}
        ruled = scorers.score(session, [attempt.id], keys=keys, marks=of_ruling)[attempt.id]
    paper = paper_of(session, registration.blueprint_version_id, registration.paper)
    (end,) = ends_of(session, registration.sitting_id, Registration.id == registration.id)
    elsewhere = store.violations_elsewhere(
        session, registration.sitting_id, Registration.id == registration.id
    ).get(registration.id, [])
    is_sealed = seals.form_ok and seals.journal_ok
    recount = _recount(appeal, end, score, plain, ruled, paper, elsewhere, is_sealed=is_sealed)
    return CountedAppeal(
        appeal,
        registration,
        attempt,
        replace(
            recount,
            waits=appeal.state == AppealState.OPEN and any(one.waits for one in marked),
            taken=[one.answer.position for one in taken],
        ),
        plain,
        ruled,
        marked,
        taken,
        score,
        seals.form_ok,
        seals.journal_ok,
        len(pending_entries(session, [attempt.id]).get(attempt.id, ())),
    )


def _is_taken(appeal: Appeal, answer: CountedAnswer, take: Collection[str]) -> bool:
    if appeal.state in DECIDED:
        return answer.request is not None and answer.request.is_taken
    return answer.mark is not None and answer.mark.ref in take


def _score_on_record(session: Session, appeal: Appeal, attempt_id: int) -> Score | None:
    """Return the score that counted when an appeal was decided, else the one that counts."""
    query = select(Score).where(Score.attempt_id == attempt_id).order_by(Score.number.desc()).limit(1)
    if appeal.state in DECIDED:
        query = query.where(Score.scored_at < appeal.ended_at)
    return session.scalar(query)


def _recount(
    appeal: Appeal,
    end: RegistrationEnd,
    score: Score,
    plain: Scored,
    ruled: Scored,
    paper: Paper,
    elsewhere: Collection[Violation],
    *,
    is_sealed: bool,
) -> Recount:
    kept, new = json.loads(score.sheet), json.loads(plain.sheet.text)
    groups = tuple(added_lines(kept["groups"], new["groups"]))
    facts, standing = replace(end.judged.facts, marked=True), end.judged.standing
    told = facts.released
    if appeal.state in DECIDED:
        told = Decision(PaperOutcome(appeal.before_outcome), appeal.before_score)
    if told is None:
        raise Conflict("appeal.unreleased", last="")
    return Recount(
        marks=tuple(mark_lines(kept["positions"], new["positions"])),
        groups=groups,
        recorded=score.score,
        summed=sum_of(groups, step=paper.score_step),
        counted=ruled.sheet.score,
        released=ResultFacts(told.outcome, told.score),
        due=_facts(decision_by(replace(facts, score=score.score), standing, paper, elsewhere)),
        evident=_facts(decision_by(replace(facts, score=ruled.sheet.score), standing, paper, elsewhere)),
        is_sealed=is_sealed,
    )


def _facts(decision: Decision | None) -> ResultFacts | None:
    return None if decision is None else ResultFacts(decision.outcome, decision.score)


# Who may decide.


def hands_of(session: Session, counted_appeal: CountedAppeal) -> set[PersonStep]:
    """Return who had a part in a result: asked for its recount, marked, ruled, released, corrected it or a key.

    Source: R-91.
    """
    appeal, registration = counted_appeal.appeal, counted_appeal.registration
    release = session.execute(
        select(Release.by, Release.second, Release.released_at).where(
            Release.sitting_id == registration.sitting_id
        )
    )
    late = session.execute(
        select(LateRuling.by, LateRuling.second, LateRuling.at)
        .join(RuledAttempt, RuledAttempt.late_ruling_id == LateRuling.id)
        .where(RuledAttempt.attempt_id == counted_appeal.attempt.id)
    )
    rulings = session.execute(
        select(ViolationRuling.decided_by, ViolationRuling.decided_at).where(
            ViolationRuling.registration_id == registration.id
        )
    )
    corrections = session.execute(
        select(AuditEntry.actor, AuditEntry.after, AuditEntry.at).where(
            AuditEntry.subject == registration.logged_as, AuditEntry.act == "results.correct"
        )
    )
    keys = session.execute(
        select(KeyCorrection.by, KeyCorrection.second, KeyCorrection.at)
        .join(CorrectedAttempt, CorrectedAttempt.key_correction_id == KeyCorrection.id)
        .where(CorrectedAttempt.attempt_id == counted_appeal.attempt.id)
    )
    steps = {PersonStep(who, at) for by, second, at in (*release, *late, *keys) for who in (by, second)}
    steps |= {PersonStep(by, at) for by, at in rulings}
    for actor, after, at in corrections:
        steps |= {PersonStep(actor, at), PersonStep(json.loads(after)["second"], at)}
    steps |= markers_of(session, counted_appeal.attempt.id)
    return {*steps, PersonStep(appeal.asked_by, appeal.asked_at)}


def insist_on_another(session: Session, found: CountedAppeal, actor: str, *, now: datetime) -> None:
    """Raise NotAllowed("appeal.same_person") for who had a part in the result, and like `insist_on_two`.

    Source: R-62, R-91.
    """
    insist_on_two(
        session,
        hands_of(session, found),
        actor,
        roles=DECIDERS,
        same=NotAllowed("appeal.same_person"),
        now=now,
    )


def bar_of(session: Session, found: CountedAppeal, actor: str, *, now: datetime) -> CbtError | None:
    """Return why somebody may not decide an appeal, None where they may."""
    try:
        insist_on_another(session, found, actor, now=now)
    except CbtError as error:
        return error
    return None


def decide(
    ref: str, verdict: str, grounds: str, *, take: Collection[str] = (), now: datetime, actor: str
) -> str:
    """Decide an appeal by its recount, with the fresh marks of these refs; return the ref of its sitting.

    Where the recount is in the candidate's favour it becomes the score that counts; what was released stays until
    two people correct it.

    Raise InvalidInput("appeal.grounds"), Conflict("appeal.verdict") for none of VERDICTS, ("appeal.late_first"|
    "appeal.not_sealed"|"appeal.marks_first"|"appeal.nothing_found"|"appeal.something_found"|
    "appeal.taken_kept"|"appeal.changed_meanwhile"|"appeal.transition"), and like `counted` and `insist_on_another`.

    Source: R-4, R-54, R-62, R-91.
    """
    event = VERDICTS.get(verdict)
    if event is None:
        raise Conflict("appeal.verdict", field="verdict")
    why = required(grounds, "appeal.grounds", "grounds", limit=LONGEST_GROUNDS)
    with reading() as session:
        found = counted(session, ref, take=take)
    reached = next_appeal_state(AppealState(found.appeal.state), event)
    recount = found.recount
    with unit_of_work() as session:
        sitting = hold_sitting(session, found.registration.sitting_id)
        insist_on_another(session, found, actor, now=now)
        refused = found.refusal(event)
        if refused is not None:
            raise Conflict(f"appeal.{refused}")
        if _moved_on(session, found):
            raise Conflict("appeal.changed_meanwhile")
        evident = recount.evident
        decided = session.scalar(
            update(Appeal)
            .where(Appeal.id == found.appeal.id, Appeal.state == AppealState.OPEN.value)
            .values(
                state=reached.value,
                before_outcome=recount.released.outcome.value,
                before_score=recount.released.score,
                after_outcome="" if evident is None else evident.outcome.value,
                after_score=None if evident is None else evident.score,
                findings=",".join(one.value for one in AppealFinding if one in recount.findings),
                evidence=digest_of(found.ruled.sheet.content),
                grounds=why,
                ended_at=now,
                ended_by=actor,
            )
            .returning(Appeal.id)
        )
        if decided is None:
            raise Conflict("appeal.changed_meanwhile")
        end_purpose(session, sitting, fresh_subject(found.appeal), now=now, actor=actor)
        if event is AppealEvent.CHANGE and (found.taken or recount.counted != recount.recorded):
            _score_anew(session, found, now=now, actor=actor)
        record(
            session,
            at=now,
            actor=actor,
            act="appeal.decide",
            subject=found.registration.logged_as,
            before={"score": recount.released.score},
            after={
                "appeal": ref,
                "verdict": reached.value,
                "score": None if evident is None else evident.score,
                "marks": [one.mark.ref for one in found.taken if one.mark is not None],
            },
        )
        return sitting.ref


def _moved_on(session: Session, found: CountedAppeal) -> bool:
    """Return whether another score counts, or something else is released or asked for, than the recount knew."""
    released = session.execute(
        select(Result.outcome, Result.score).where(Result.registration_id == found.registration.id)
    ).one()
    told = found.recount.released
    score = latest_scores(session, [found.attempt.id])[found.attempt.id]
    subject = fresh_subject(found.appeal)
    waiting = {one.answer.id for one in found.marked if one.waits}
    return (
        score.id != found.score.id
        or tuple(released) != (told.outcome.value, told.score)
        or waits_for(session, subject) != waiting
    )


def _score_anew(session: Session, found: CountedAppeal, *, now: datetime, actor: str) -> None:
    """Put the recount on record as the score that counts; the former one stays. Source: R-54."""
    sealed = digest_of(found.ruled.sheet.content)
    made = NewScore(
        found.attempt.id,
        found.score.number + 1,
        found.score.key_revision,
        found.attempt.journal_digest or "",
        found.ruled.sheet,
        sealed,
    )
    if not put_down_in(session, score_rows([made], at=now)):
        raise Conflict("appeal.changed_meanwhile")
    take_marks(session, found.taken, latest_scores(session, [found.attempt.id])[found.attempt.id].id)
    record(
        session,
        at=now,
        actor=actor,
        act="attempt.score",
        subject=found.attempt.logged_as,
        after={"sheet": sealed},
    )
