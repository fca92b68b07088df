"""A unit's application: drafted, handed in, withdrawn, decided, with its people; changed in `move_on` alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.blueprints.store import blueprint_of, current_version
from cbt.enrolment.agreements import agreements_of, term_of
from cbt.enrolment.applications import store
from cbt.enrolment.applications.person import RetakeRequest, answer_for, asked_proofs, refuse_takings
from cbt.enrolment.fees.accounts import FeeBooking
from cbt.enrolment.fees.charges import RECONSIDERED, cancel_for, charge, credit_for
from cbt.enrolment.fees.store import refuse_unpaid
from cbt.enrolment.models import Applicant, ApplicantProof, ApplicationStep, MemberUnit, UnitApplication
from cbt.enrolment.office_decisions import holidays_of, level_of
from cbt.enrolment.units import unit_by_ref
from cbt.errors import Conflict, InvalidInput, TextId
from cbt.http.form_values import one_line, required
from cbt.rules.calendar import CountedDay, Holidays, LeadTime, earliest_exam_day, lead_time
from cbt.rules.enrolment.conditions import EligibilityAnswer, RequiredProof
from cbt.rules.enrolment.fees import RefundCause
from cbt.rules.exam import ExamBlueprint
from cbt.rules.states import (
    EDITABLE,
    OVER,
    WITH_ROSTER,
    ApplicationEvent,
    ApplicationState,
    next_application_state,
)
from cbt.sittings.models import Batch
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import DIRECTLY, LongWork, pieces_of, reading, unit_of_work
from cbt.storage.write_queue.change_set import put_down_in


def move_on(application: UnitApplication, event: ApplicationEvent) -> None:
    """Have an application go where an event takes it; raise Conflict("application.transition").

    Source: R-77.
    """
    application.state = next_application_state(ApplicationState(application.state), event).value


def refuse_step(ref: str, event: ApplicationEvent, *, unit_id: int | None) -> int:
    """Return the key of an application that an event can happen to; raise Conflict("application.transition")."""
    with reading() as session:
        application = store.application_by_ref(session, ref, unit_id=unit_id)
        next_application_state(ApplicationState(application.state), event)
        return application.id


LONGEST_NOTE = 500
FURTHEST = timedelta(days=730)


@dataclass(frozen=True, slots=True)
class Applying(FeeBooking):
    """Who acts, and when: `unit_id` is the unit of its own clerk, None for an officer, who acts for any."""

    unit_id: int | None


@dataclass(frozen=True, slots=True)
class ApplicationForm:
    """What is typed of an application: the ref of the 考核方案, the day asked for, a note."""

    blueprint: str
    preferred_on: str
    note: str


def make_application(unit_ref: str, form: ApplicationForm, by: Applying) -> str:
    """Draft an application of a unit and return its ref.

    Raise Conflict("unit.left"), NotFound("blueprint.unknown"), InvalidInput("application.day"|"unit.too_long").

    Source: R-72.
    """
    day, note = _checked(form, by)
    with unit_of_work() as session:
        unit = unit_by_ref(session, unit_ref)
        _refuse_left(unit)
        made = UnitApplication(
            ref=new_ref("ap", 10),
            number=store.next_number(session, by.today.year),
            unit_id=unit.id,
            blueprint_version_id=current_version(session, form.blueprint).id,
            state=ApplicationState.DRAFT.value,
            preferred_on=day,
            note=note,
            put_right="",
            late_reason="",
            created_at=by.now,
        )
        session.add(made)
        session.flush()
        note_step(session, made, "make", "", by)
        after = {"unit": unit.ref, "blueprint": form.blueprint, "day": day.isoformat()}
        record(
            session,
            at=by.now,
            actor=by.actor,
            act="application.make",
            subject=made.logged_as,
            after=after,
        )
        return made.ref


def change_application(ref: str, form: ApplicationForm, by: Applying) -> None:
    """Ask for another level or day; raise as `make_application` does, and Conflict("application.not_editable").

    A level in force anew is taken only where another is chosen: what an application began with stays.
    """
    day, note = _checked(form, by)
    with unit_of_work() as session:
        application = editable(session, ref, by)
        before = {"blueprint": store.version_ref(session, application), "day": _said(application)}
        if before["blueprint"] != form.blueprint:
            version = current_version(session, form.blueprint)
            application.blueprint_version_id = version.id
            _fit_papers(session, application, blueprint_of(session, version.id))
        application.preferred_on, application.note = day, note
        after = {"blueprint": form.blueprint, "day": _said(application)}
        record(
            session,
            at=by.now,
            actor=by.actor,
            act="application.change",
            subject=application.logged_as,
            before=before,
            after=after,
        )


def submit(ref: str, *, late_reason: str, by: Applying) -> None:
    """Hand an application in, for the first time or put right; an officer may take a late one with a reason.

    The day of application stays the first one.

    Raise InvalidInput("application.day") for a day that has passed, NotFound("application.unknown"),
    Conflict("unit.left"|"application.nobody"|"application.no_agreement"|"application.late"|"application.transition").

    Source: R-71, R-72, R-77.
    """
    reason = one_line(late_reason, "late_reason")[:LONGEST_NOTE] if by.unit_id is None else ""
    with unit_of_work() as session:
        application = store.application_by_ref(session, ref, unit_id=by.unit_id, changing=True)
        move_on(application, ApplicationEvent.SUBMIT)
        unit = session.get_one(MemberUnit, application.unit_id)
        _refuse_left(unit)
        people = select(func.count()).where(Applicant.application_id == application.id)
        if not session.scalar(people):
            raise Conflict("application.nobody")
        if application.preferred_on <= by.today:
            raise InvalidInput("application.day", field="preferred_on")
        applied_on = application.applied_on or by.today
        _refuse_unagreed(session, unit, applied_on, application.preferred_on)
        blueprint = blueprint_of(session, application.blueprint_version_id)
        late = lead_of(blueprint, applied_on, application.preferred_on, holidays_of(session))
        if late.late_by and not reason:
            raise Conflict("application.late", **_told_late(late, applied_on))
        application.applied_on = applied_on
        application.put_right, application.late_reason = "", reason if late.late_by else ""
        note_step(session, application, ApplicationEvent.SUBMIT.value, application.late_reason, by)
        record(
            session,
            at=by.now,
            actor=by.actor,
            act="application.submit",
            subject=application.logged_as,
            reason=application.late_reason,
            after={"day": _said(application)},
        )


def withdraw(ref: str, *, words: str, by: Applying) -> None:
    """Take an application back, and what it cost where the rule says so; raise Conflict("application.transition").

    Source: R-76, R-77.
    """
    words = one_line(words, "words")[:LONGEST_NOTE]
    application_id = refuse_step(ref, ApplicationEvent.WITHDRAW, unit_id=by.unit_id)
    cancel_for(application_id, RefundCause.WITHDRAWN, by)
    with unit_of_work() as session:
        application = store.application_by_ref(session, ref, unit_id=by.unit_id, changing=True)
        move_on(application, ApplicationEvent.WITHDRAW)
        note_step(session, application, ApplicationEvent.WITHDRAW.value, words, by)
        record(
            session,
            at=by.now,
            actor=by.actor,
            act="application.withdraw",
            subject=application.logged_as,
            reason=words,
        )


def lead_of(blueprint: ExamBlueprint, applied_on: date, exam_on: date, holidays: Holidays) -> LeadTime:
    """Return how an application stands to the day it asks for. Source: R-72."""
    ahead = blueprint.enrolment.days_ahead
    return lead_time(applied_on, exam_on, holidays, ahead=ahead)


def earliest_day(blueprint: ExamBlueprint, today: date, holidays: Holidays) -> CountedDay:
    return earliest_exam_day(today, holidays, ahead=blueprint.enrolment.days_ahead)


def editable(session: Session, ref: str, by: Applying, *, changing: bool = True) -> UnitApplication:
    """Return an application that may be written in; raise Conflict("application.not_editable") otherwise."""
    application = store.application_by_ref(session, ref, unit_id=by.unit_id, changing=changing)
    if application.state not in EDITABLE:
        state = TextId(f"rules.application.state.{application.state}")
        raise Conflict("application.not_editable", state=state)
    return application


def note_step(session: Session, application: UnitApplication, event: str, words: str, by: Applying) -> None:
    session.add(
        ApplicationStep(application_id=application.id, at=by.now, by=by.actor, event=event, words=words)
    )


def _checked(form: ApplicationForm, by: Applying) -> tuple[date, str]:
    try:
        day = date.fromisoformat(form.preferred_on.strip())
    except ValueError as error:
        raise InvalidInput("application.day", field="preferred_on") from error
    if not by.today < day <= by.today + FURTHEST:
        raise InvalidInput("application.day", field="preferred_on")
    note = one_line(form.note, "note")
    if len(note) > LONGEST_NOTE:
        raise InvalidInput("unit.too_long", field="note", maximum=LONGEST_NOTE)
    return day, note


def _fit_papers(session: Session, application: UnitApplication, blueprint: ExamBlueprint) -> None:
    """Have everybody take papers that the level has: those of the same code, else all of them."""
    for person in store.people_of(session, application):
        kept = [code for code in person.papers.split(",") if code in blueprint.papers]
        person.papers = ",".join(kept or blueprint.papers)
        person.verdict, person.condition = "", None


def _refuse_left(unit: MemberUnit) -> None:
    if unit.left_at is not None:
        raise Conflict("unit.left", name=unit.name)


def _refuse_unagreed(session: Session, unit: MemberUnit, *days: date) -> None:
    terms = [term_of(one) for one in agreements_of(session, unit)]
    for day in days:
        if not any(term.in_force(day) for term in terms):
            raise Conflict("application.no_agreement", day=day.isoformat())


def _told_late(late: LeadTime, applied_on: date) -> dict[str, object]:
    mark = TextId("enrolment.provisional") if late.earliest.provisional else ""
    return {
        "applied": applied_on.isoformat(),
        "asked": late.asked,
        "found": late.working_days,
        "late_by": late.late_by,
        "earliest": late.earliest.day.isoformat(),
        "mark": mark,
    }


def _said(application: UnitApplication) -> str:
    return application.preferred_on.isoformat()


# Decisions of the officer about an application, its people, one or many at once, and their evidence.
#
# Source.

ACCEPTED, REFUSED = "accepted", "refused"
DECIDED_AT_ONCE = 10
"""People who are decided about in one unit of work: what they stated is held against every condition."""
NEEDS_WORDS = frozenset({ApplicationEvent.SEND_BACK, ApplicationEvent.REFUSE})


def take_step(
    ref: str,
    event: ApplicationEvent,
    *,
    words: str,
    by: Applying,
    work: LongWork = DIRECTLY,
) -> None:
    """Send an application back, refuse or accept it, reconsider, or end it.

    Raise Conflict("application.transition"|"application.undecided"|"application.none_accepted"|
    "application.not_over"), InvalidInput("application.words"), ("web.bad_request") for what is done with a
    roster: `put_in_batch`, `take_out_of_batch`.

    Source: R-77.
    """
    application_id = work.so_far.get("application")
    if application_id is None:
        application_id = _take_step(ref, event, words, by, work)
    if event is ApplicationEvent.ACCEPT:
        charge(application_id, by, work=work)


def _take_step(ref: str, event: ApplicationEvent, words: str, by: Applying, work: LongWork) -> int:
    """Have an event happen to an application, without what it costs; return its key."""
    if event in WITH_ROSTER:
        raise InvalidInput("web.bad_request")
    application_id = refuse_step(ref, event, unit_id=by.unit_id)
    if event in NEEDS_WORDS:
        words = required(words, "application.words", "words", limit=LONGEST_NOTE)
    else:
        words = one_line(words, "words")[:LONGEST_NOTE]
    _cancel_first(application_id, event, by, work)

    def step() -> None:
        with unit_of_work() as session:
            application = store.application_by_ref(session, ref, unit_id=by.unit_id, changing=True)
            move_on(application, event)
            _carry_out(session, application, event, words)
            note_step(session, application, event.value, words, by)
            record(
                session,
                at=by.now,
                actor=by.actor,
                act=f"application.{event.value}",
                subject=application.logged_as,
                reason=words,
            )
            put_down_in(session, *work.keeping(application=application_id))

    work.in_front(step)
    return application_id


def _cancel_first(application_id: int, event: ApplicationEvent, by: Applying, work: LongWork) -> None:
    """Cancel the lines that an event gives back; they are many, so the state goes on after them."""
    if event is ApplicationEvent.RECONSIDER:
        cancel_for(application_id, RECONSIDERED, by, work=work)
    elif event is ApplicationEvent.COMPLETE:
        with reading() as session:
            _refuse_not_over(session, session.get_one(UnitApplication, application_id))
        credit_for(application_id, by, work=work)


def _refuse_not_over(session: Session, application: UnitApplication) -> None:
    states = store.sitting_states(session, application.batch_id or 0)
    if not states or not states <= OVER:
        raise Conflict("application.not_over")


def _carry_out(session: Session, application: UnitApplication, event: ApplicationEvent, words: str) -> None:
    """Do what an event asks for beside the state."""
    match event:
        case ApplicationEvent.SEND_BACK:
            application.put_right = words
        case ApplicationEvent.ACCEPT:
            _refuse_undecided(session, application)
        case ApplicationEvent.COMPLETE:
            _refuse_not_over(session, application)
        case _:
            pass


def put_in_batch(session: Session, ref: str, batch: Batch, by: Applying) -> None:
    """Have an application stand in a batch whose roster has its people; one that stands there already stays.

    Whoever calls registers them in the same unit of work. Raise Conflict("application.transition"|
    "application.unpaid").

    Source: R-76, R-77.
    """
    application = store.application_by_ref(session, ref, unit_id=None, changing=True)
    refuse_unpaid(session, application, blueprint_of(session, application.blueprint_version_id).fees)
    if (application.state, application.batch_id) == (ApplicationState.SCHEDULED, batch.id):
        return
    move_on(application, ApplicationEvent.SCHEDULE)
    application.batch_id = batch.id
    _note_batch(session, application, ApplicationEvent.SCHEDULE, batch, by)


def take_out_of_batch(session: Session, ref: str, by: Applying) -> None:
    """Have an application stand in no batch any more; whoever calls has taken its people off the roster.

    Raise Conflict("application.transition").

    Source: R-77.
    """
    application = store.application_by_ref(session, ref, unit_id=None, changing=True)
    batch = session.get(Batch, application.batch_id) if application.batch_id else None
    move_on(application, ApplicationEvent.UNSCHEDULE)
    application.batch_id = None
    _note_batch(session, application, ApplicationEvent.UNSCHEDULE, batch, by)


def _note_batch(
    session: Session,
    application: UnitApplication,
    event: ApplicationEvent,
    batch: Batch | None,
    by: Applying,
) -> None:
    note_step(session, application, event.value, batch.name if batch else "", by)
    record(
        session,
        at=by.now,
        actor=by.actor,
        act=f"application.{event.value}",
        subject=application.logged_as,
        after={"batch": batch.ref} if batch else None,
    )


def _refuse_undecided(session: Session, application: UnitApplication) -> None:
    people = store.people_of(session, application)
    open_ones = [one.ref for one in people if not one.verdict]
    if open_ones:
        raise Conflict("application.undecided", people=open_ones, count=len(open_ones))
    if not any(one.verdict == ACCEPTED for one in people):
        raise Conflict("application.none_accepted")


@dataclass(frozen=True, slots=True)
class ApplicantVerdict:
    """What is decided about people: `accepted` or `refused`; without a condition each by the first that they meet.

    `unchecked` says that somebody may be accepted whose evidence was not looked at.
    """

    verdict: str
    condition: int | None
    reason: str
    unchecked: bool = False


def decide(
    ref: str, people: Collection[str], verdict: ApplicantVerdict, by: Applying, *, work: LongWork = DIRECTLY
) -> int:
    """Accept or refuse people and return how many; raise as `refuse_verdict` does."""
    decided: list[str] = list(work.so_far.get("people", ()))
    waiting = set(people).difference(decided)
    if decided and not waiting:
        return len(decided)
    refs = refuse_verdict(ref, waiting, verdict, by)
    total = len(decided) + len(refs)
    for piece in pieces_of(refs, size=DECIDED_AT_ONCE):
        decided = work.in_front(partial(_decide_some, ref, piece, verdict, by, decided, work))
        work.tell(len(decided), total)
    return len(decided)


def refuse_verdict(ref: str, people: Collection[str], verdict: ApplicantVerdict, by: Applying) -> list[str]:
    """Refuse what cannot be decided about some people; return the refs of those it is about.

    An officer may accept by a condition that is not plainly met, with a reason; a make-up needs none.

    Raise InvalidInput("application.no_one_chosen"|"applicant.reason"|"web.bad_request"),
    Conflict("application.not_submitted"); and, with `people`, the refs of whom it is about,
    ("applicant.no_condition"|"applicant.unchecked") and what `refuse_takings` raises.

    Source: R-4, R-73, R-74.
    """
    if verdict.verdict not in {ACCEPTED, REFUSED}:
        raise InvalidInput("web.bad_request")
    with reading() as session:
        application = store.application_by_ref(session, ref, unit_id=by.unit_id)
        refuse_unless_submitted(application)
        chosen = [one for one in store.people_of(session, application) if one.ref in people]
        if not chosen:
            raise InvalidInput("application.no_one_chosen")
        if verdict.verdict == REFUSED and not _reason(verdict):
            raise InvalidInput("applicant.reason", field="reason")
        _accepted_by(session, application, chosen, verdict, by)
        return [one.ref for one in chosen]


def _reason(verdict: ApplicantVerdict) -> str:
    return one_line(verdict.reason, "reason")[:LONGEST_NOTE]


def _accepted_by(
    session: Session,
    application: UnitApplication,
    people: Sequence[Applicant],
    verdict: ApplicantVerdict,
    by: Applying,
) -> list[tuple[int | None, int]]:
    """Return by which condition each of these people is accepted, and how much of their evidence is unchecked.

    Raise as `refuse_verdict` does.
    """
    if verdict.verdict != ACCEPTED:
        return [(None, 0)] * len(people)
    blueprint = level_of(session, application.blueprint_version_id)
    refuse_takings(session, [RetakeRequest.of(one) for one in people], blueprint, application.preferred_on)
    answers = [answer_for(one, application, blueprint, today=by.today) for one in people]
    conditions = [
        _condition(answer, verdict) if one.kind == "first" else None
        for one, answer in zip(people, answers, strict=True)
    ]
    if short := [one.ref for one, condition in zip(people, conditions, strict=True) if condition == _NONE]:
        raise Conflict("applicant.no_condition", field="condition", people=short, count=len(short))
    checked = store.checked_proofs(session, application)
    unchecked = [
        len({proof.value for proof in asked_proofs(one, answer, condition)} - checked.get(one.id, set()))
        for one, answer, condition in zip(people, answers, conditions, strict=True)
    ]
    if not verdict.unchecked and any(unchecked):
        unseen = [one.ref for one, count in zip(people, unchecked, strict=True) if count]
        raise Conflict("applicant.unchecked", people=unseen, count=len(unseen))
    return list(zip(conditions, unchecked, strict=True))


def _decide_some(
    ref: str,
    people: Collection[str],
    verdict: ApplicantVerdict,
    acting: Applying,
    before: Sequence[str],
    work: LongWork,
) -> list[str]:
    """Decide about some people, as they are now; return who they are, with those of `before`.

    Who is stopped before the rest leaves it open.
    """
    with unit_of_work() as session:
        application = store.application_by_ref(session, ref, unit_id=acting.unit_id, changing=True)
        refuse_unless_submitted(application)
        chosen = session.scalars(
            select(Applicant)
            .where(Applicant.application_id == application.id, Applicant.ref.in_(people))
            .order_by(Applicant.id)
        ).all()
        reason = _reason(verdict)
        bases = _accepted_by(session, application, chosen, verdict, acting)
        for applicant, (condition, unchecked) in zip(chosen, bases, strict=True):
            applicant.verdict, applicant.condition, applicant.reason = verdict.verdict, condition, reason
            applicant.decided_at, applicant.decided_by = acting.now, acting.actor
            after = {"condition": condition, "unchecked": unchecked}
            record(
                session,
                at=acting.now,
                actor=acting.actor,
                act="applicant.accept" if verdict.verdict == ACCEPTED else "applicant.refuse",
                subject=applicant.logged_as,
                reason=reason,
                after={name: number for name, number in after.items() if number} or None,
            )
        decided = [*before, *(one.ref for one in chosen)]
        put_down_in(session, *work.keeping(people=decided))
        return decided


_NONE = 0
"""No condition that somebody meets."""


def _condition(answer: EligibilityAnswer, verdict: ApplicantVerdict) -> int:
    met = [one.number for one in answer.met]
    if verdict.condition is None:
        return met[0] if met else _NONE
    if verdict.condition not in {one.number for one in answer.conditions}:
        raise InvalidInput("web.bad_request")
    if verdict.condition not in met and not _reason(verdict):
        raise InvalidInput("applicant.reason", field="reason")
    return verdict.condition


def refuse_unless_submitted(application: UnitApplication) -> None:
    """Refuse to decide about an application that is not looked at; raise Conflict("application.not_submitted")."""
    if application.state != ApplicationState.SUBMITTED.value:
        state = TextId(f"rules.application.state.{application.state}")
        raise Conflict("application.not_submitted", state=state)


def check_proofs(
    ref: str, person: str, *, received: Collection[str], checked: Collection[str], by: Applying
) -> None:
    """Note which evidence of somebody is there and which was checked; what is checked is there.

    Raise Conflict("application.not_submitted").

    Source: R-74.
    """
    with unit_of_work() as session:
        application = store.application_by_ref(session, ref, unit_id=by.unit_id, changing=True)
        refuse_unless_submitted(application)
        applicant = store.applicant_by_ref(session, application, person)
        proofs = store.proofs_of(session, applicant)
        before = _ticked(proofs)
        for proof in RequiredProof:
            row = proofs.get(proof.value)
            if row is None:
                row = ApplicantProof(
                    applicant_id=applicant.id, proof=proof.value, received_by="", checked_by=""
                )
            there = proof.value in received or proof.value in checked
            if there != (row.received_at is not None):
                row.received_at, row.received_by = (by.now, by.actor) if there else (None, "")
            if (proof.value in checked) != (row.checked_at is not None):
                done = proof.value in checked
                row.checked_at, row.checked_by = (by.now, by.actor) if done else (None, "")
            if row.received_at is not None or proof.value in proofs:
                session.add(row)
                proofs[proof.value] = row
        after = _ticked(proofs)
        if after != before:
            record(
                session,
                at=by.now,
                actor=by.actor,
                act="applicant.proofs",
                subject=applicant.logged_as,
                before=before,
                after=after,
            )


def _ticked(proofs: Mapping[str, ApplicantProof]) -> dict[str, str]:
    return {
        "received": ",".join(name for name, row in sorted(proofs.items()) if row.received_at is not None),
        "checked": ",".join(name for name, row in sorted(proofs.items()) if row.checked_at is not None),
    }
