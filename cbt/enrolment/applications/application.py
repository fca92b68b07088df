"""A unit's application: drafted, changed, handed in, withdrawn; its state changes in `move_on` alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.blueprints.store import blueprint_of, current_version
from cbt.enrolment.agreements import agreements_of, term_of
from cbt.enrolment.applications import store
from cbt.enrolment.fees.accounts import FeeBooking
from cbt.enrolment.fees.charges import cancel_for
from cbt.enrolment.models import Applicant, ApplicationStep, MemberUnit, UnitApplication
from cbt.enrolment.office_decisions import holidays_of
from cbt.enrolment.units import unit_by_ref
from cbt.errors import Conflict, InvalidInput, TextId
from cbt.http.form_values import one_line
from cbt.rules.calendar import CountedDay, Holidays, LeadTime, earliest_exam_day, lead_time
from cbt.rules.enrolment.fees import RefundCause
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.rules.states.application import EDITABLE, ApplicationEvent, ApplicationState, next_application_state
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import reading, unit_of_work


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


def make_application(unit_ref: str, form: ApplicationForm, who: Applying) -> str:
    """Draft an application of a unit and return its ref.

    Raise Conflict("unit.left"), NotFound("blueprint.unknown"), InvalidInput("application.day"|"unit.too_long").

    Source: R-72.
    """
    day, note = _checked(form, who)
    with unit_of_work() as session:
        unit = unit_by_ref(session, unit_ref)
        _refuse_left(unit)
        made = UnitApplication(
            ref=new_ref("ap", 10),
            unit_id=unit.id,
            blueprint_version_id=current_version(session, form.blueprint).id,
            state=ApplicationState.DRAFT.value,
            preferred_on=day,
            note=note,
            put_right="",
            late_reason="",
            created_at=who.now,
        )
        session.add(made)
        session.flush()
        note_step(session, made, "make", "", who)
        after = {"unit": unit.ref, "blueprint": form.blueprint, "day": day.isoformat()}
        record(
            session,
            at=who.now,
            actor=who.actor,
            act="application.make",
            subject=made.logged_as,
            after=after,
        )
        return made.ref


def change_application(ref: str, form: ApplicationForm, who: Applying) -> None:
    """Ask for another level or day; raise as `make_application` does, and Conflict("application.not_editable").

    A level in force anew is taken only where another is chosen: what an application began with stays.
    """
    day, note = _checked(form, who)
    with unit_of_work() as session:
        application = editable(session, ref, who)
        before = {"blueprint": store.version_ref(session, application), "day": _said(application)}
        if before["blueprint"] != form.blueprint:
            version = current_version(session, form.blueprint)
            application.blueprint_version_id = version.id
            _fit_papers(session, application, blueprint_of(session, version.id))
        application.preferred_on, application.note = day, note
        after = {"blueprint": form.blueprint, "day": _said(application)}
        record(
            session,
            at=who.now,
            actor=who.actor,
            act="application.change",
            subject=application.logged_as,
            before=before,
            after=after,
        )


def submit(ref: str, *, late_reason: str, who: Applying) -> None:
    """Hand an application in, for the first time or put right; an officer may take a late one with a reason.

    The day of application stays the first one.

    Raise InvalidInput("application.day") for a day that has passed, NotFound("application.unknown"),
    Conflict("unit.left"|"application.nobody"|"application.no_agreement"|"application.late"|"application.transition").

    Source: R-71, R-72, R-77.
    """
    reason = one_line(late_reason, "late_reason")[:LONGEST_NOTE] if who.unit_id is None else ""
    with unit_of_work() as session:
        application = store.application_by_ref(session, ref, unit_id=who.unit_id, changing=True)
        move_on(application, ApplicationEvent.SUBMIT)
        unit = session.get_one(MemberUnit, application.unit_id)
        _refuse_left(unit)
        people = select(func.count()).where(Applicant.application_id == application.id)
        if not session.scalar(people):
            raise Conflict("application.nobody")
        if application.preferred_on <= who.today:
            raise InvalidInput("application.day", field="preferred_on")
        applied_on = application.applied_on or who.today
        _refuse_unagreed(session, unit, applied_on, application.preferred_on)
        blueprint = blueprint_of(session, application.blueprint_version_id)
        late = lead_of(blueprint, applied_on, application.preferred_on, holidays_of(session))
        if late.late_by and not reason:
            raise Conflict("application.late", **_told_late(late, applied_on))
        application.applied_on = applied_on
        application.put_right, application.late_reason = "", reason if late.late_by else ""
        note_step(session, application, ApplicationEvent.SUBMIT.value, application.late_reason, who)
        record(
            session,
            at=who.now,
            actor=who.actor,
            act="application.submit",
            subject=application.logged_as,
            reason=application.late_reason,
            after={"day": _said(application)},
        )


def withdraw(ref: str, *, words: str, who: Applying) -> None:
    """Take an application back, and what it cost where the rule says so; raise Conflict("application.transition").

    Source: R-76, R-77.
    """
    words = one_line(words, "words")[:LONGEST_NOTE]
    application_id = refuse_step(ref, ApplicationEvent.WITHDRAW, unit_id=who.unit_id)
    cancel_for(application_id, RefundCause.WITHDRAWN, who)
    with unit_of_work() as session:
        application = store.application_by_ref(session, ref, unit_id=who.unit_id, changing=True)
        move_on(application, ApplicationEvent.WITHDRAW)
        note_step(session, application, ApplicationEvent.WITHDRAW.value, words, who)
        record(
            session,
            at=who.now,
            actor=who.actor,
            act="application.withdraw",
            subject=application.logged_as,
            reason=words,
        )


def lead_of(blueprint: ExamBlueprint, applied_on: date, exam_on: date, holidays: Holidays) -> LeadTime:
    """Return how an application stands to the day it asks for. Source: R-72."""
    ahead = blueprint.enrolment.days_ahead
    return lead_time(applied_on, exam_on, holidays, ahead=ahead)


def earliest_day(blueprint: ExamBlueprint, today: date, holidays: Holidays) -> CountedDay:
    """Return the first day for which one can apply today."""
    return earliest_exam_day(today, holidays, ahead=blueprint.enrolment.days_ahead)


def editable(session: Session, ref: str, who: Applying, *, changing: bool = True) -> UnitApplication:
    """Return an application that may be written in; raise Conflict("application.not_editable") otherwise."""
    application = store.application_by_ref(session, ref, unit_id=who.unit_id, changing=changing)
    if application.state not in EDITABLE:
        state = TextId(f"rules.application.state.{application.state}")
        raise Conflict("application.not_editable", state=state)
    return application


def note_step(session: Session, application: UnitApplication, event: str, words: str, who: Applying) -> None:
    """Note who did what, for the page of an application."""
    session.add(
        ApplicationStep(application_id=application.id, at=who.now, by=who.actor, event=event, words=words)
    )


def _checked(form: ApplicationForm, who: Applying) -> tuple[date, str]:
    try:
        day = date.fromisoformat(form.preferred_on.strip())
    except ValueError as error:
        raise InvalidInput("application.day", field="preferred_on") from error
    if not who.today < day <= who.today + FURTHEST:
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
