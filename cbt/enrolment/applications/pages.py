"""What the pages of an application show, gathered in one reading each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.accounts.store import actor_names
from cbt.enrolment.applications import attachments as attached
from cbt.enrolment.applications import store
from cbt.enrolment.applications.application import lead_of
from cbt.enrolment.applications.person import (
    JudgedCondition,
    RetakeRequest,
    answer_for,
    answer_of,
    asked_proofs,
    judged,
    retake_lines,
    told_of,
    verdicts_for,
)
from cbt.enrolment.fees.store import keeps_from_sitting
from cbt.enrolment.models import (
    Applicant,
    ApplicantProof,
    ApplicationStep,
    EvidenceScan,
    MemberUnit,
    UnitApplication,
)
from cbt.enrolment.office_decisions import holidays_of, level_of
from cbt.personal import DETAILS
from cbt.printing.pdf import lacking
from cbt.rules.calendar import LeadTime
from cbt.rules.enrolment.conditions import EligibilityAnswer, Fulfilment, RequiredProof
from cbt.rules.exam import ExamBlueprint
from cbt.rules.states import EDITABLE, ApplicationEvent, ApplicationState, events_of
from cbt.sittings.models import Batch


@dataclass(frozen=True, slots=True)
class ApplicantLine:
    """Somebody of an application, what the conditions say of them, and how much of the evidence was checked."""

    person: Applicant
    answer: EligibilityAnswer
    papers: list[str]
    checked: int
    retakes: list[str]
    """Of somebody who retakes: what is known of the papers of the level, in words."""


@dataclass(frozen=True, slots=True)
class ApplicationDetails:
    """An application as its page shows it; `events` is what can be done with it next."""

    application: UnitApplication
    unit: MemberUnit
    blueprint: ExamBlueprint
    people: list[ApplicantLine]
    unplaced: Sequence[Applicant]
    """Who is accepted and in no roster of the batch in which it stands."""
    steps: Sequence[ApplicationStep]
    names: dict[str, str]
    lead: LeadTime
    events: tuple[ApplicationEvent, ...]
    batch: Batch | None
    batches: Sequence[Batch]
    unpaid: int
    """What is to be paid before its people may sit, in 分."""

    @property
    def editable(self) -> bool:
        return self.application.state in EDITABLE

    @property
    def unprintable(self) -> str:
        """What of the names the fonts lack."""
        return lacking("".join([self.unit.name, *(one.person.name for one in self.people)]))

    @property
    def plain(self) -> list[str]:
        """Who waits for a decision and plainly meets a condition: ticked until an officer unticks them."""
        waiting = [one for one in self.people if not one.person.verdict and one.person.kind == "first"]
        return [one.person.ref for one in waiting if one.answer.fulfilment is Fulfilment.MET]

    @property
    def accepted(self) -> int:
        return sum(one.person.verdict == "accepted" for one in self.people)


@dataclass(frozen=True, slots=True)
class ApplicantDetails:
    """Somebody of an application as their page shows it; what the key does not open is None."""

    application: UnitApplication
    unit: MemberUnit
    blueprint: ExamBlueprint
    person: Applicant
    told: dict[str, str] | None
    phone: str | None
    answer: EligibilityAnswer
    conditions: list[JudgedCondition]
    retakes: list[str]
    """What is known of the papers of the level, in words."""
    proofs: list[tuple[str, bool, ApplicantProof | None]]
    """Each kind of evidence, whether a condition that is met or to be decided needs it, and what is known of it."""
    has_photo: bool
    scans: Sequence[EvidenceScan]
    names: dict[str, str]

    @property
    def editable(self) -> bool:
        return self.application.state in EDITABLE

    @property
    def unprintable(self) -> str:
        """What of the name and of all that was typed the fonts lack."""
        return lacking("".join([self.unit.name, self.person.name, *(self.told or {}).values()]))

    @property
    def papers(self) -> list[str]:
        return paper_names(self.blueprint, self.person)


def application_details(
    session: Session, ref: str, *, unit_id: int | None, by_unit: bool, today: date
) -> ApplicationDetails:
    """Return what the page of an application shows; raise NotFound("application.unknown")."""
    application = store.application_by_ref(session, ref, unit_id=unit_id)
    blueprint = level_of(session, application.blueprint_version_id)
    checked = store.checked_proofs(session, application)
    people = store.people_of(session, application)
    again = [RetakeRequest.of(one) for one in people if one.kind == "retake"]
    verdicts = verdicts_for(session, again, blueprint, application.preferred_on)
    steps = store.steps_of(session, application)
    events = events_of(ApplicationState(application.state), by_unit=by_unit)
    return ApplicationDetails(
        application=application,
        unit=session.get_one(MemberUnit, application.unit_id),
        blueprint=blueprint,
        people=[
            ApplicantLine(
                one,
                answer_for(one, application, blueprint, today=today),
                paper_names(blueprint, one),
                len(checked.get(one.id, ())),
                retake_lines(verdicts.get(one.document_index, {}), blueprint, one.papers.split(",")),
            )
            for one in people
        ],
        unplaced=store.unplaced_people(session, application),
        steps=steps,
        names=actor_names(session, {one.by for one in steps})
        | {"scheduler": str(_("accounts.actor.scheduler"))},
        lead=lead_of(
            blueprint, application.applied_on or today, application.preferred_on, holidays_of(session)
        ),
        events=events,
        batch=session.get(Batch, application.batch_id) if application.batch_id else None,
        batches=(
            sorted(
                store.batches_for(session, level=blueprint.level_code, today=today),
                key=lambda one: not _is_held_on(one, application.preferred_on),
            )
            if ApplicationEvent.SCHEDULE in events
            else []
        ),
        unpaid=(
            keeps_from_sitting(session, application, blueprint.fees)
            if application.state in (ApplicationState.ACCEPTED, ApplicationState.SCHEDULED)
            else 0
        ),
    )


def _is_held_on(batch: Batch, day: date) -> bool:
    """Say whether a batch says that it is held on a day."""
    return bool(batch.starts_on and batch.ends_on and batch.starts_on <= day <= batch.ends_on)


def applicant_details(
    session: Session, ref: str, person_ref: str, *, unit_id: int | None, today: date
) -> ApplicantDetails:
    """Return what the page of somebody shows; raise NotFound("application.unknown"|"applicant.unknown")."""
    application = store.application_by_ref(session, ref, unit_id=unit_id)
    person = store.applicant_by_ref(session, application, person_ref)
    blueprint = level_of(session, application.blueprint_version_id)
    facts = told_of(person)
    answer = answer_of(facts or {}, application, blueprint, today=today)
    proofs = store.proofs_of(session, person)
    taking = RetakeRequest.of(person)
    verdicts = verdicts_for(session, [taking], blueprint, application.preferred_on)
    required = asked_proofs(person, answer, person.condition)
    scans = attached.scans_of(session, person)
    actors = {actor for row in proofs.values() for actor in (row.received_by, row.checked_by)}
    actors |= {one.by for one in scans}
    return ApplicantDetails(
        application=application,
        unit=session.get_one(MemberUnit, application.unit_id),
        blueprint=blueprint,
        person=person,
        told=facts,
        phone=DETAILS["phone"].value_of(person),
        answer=answer,
        conditions=judged(answer, blueprint),
        retakes=retake_lines(verdicts.get(taking.index, {}), blueprint),
        proofs=[(proof.value, proof in required, proofs.get(proof.value)) for proof in RequiredProof],
        has_photo=attached.has_photo(session, person),
        scans=scans,
        names=actor_names(session, actors | {person.decided_by}),
    )


def paper_names(blueprint: ExamBlueprint, person: Applicant) -> list[str]:
    return [blueprint.papers[code].name for code in person.papers.split(",")]
