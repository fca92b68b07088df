"""Use cases: somebody is entered in an application, put right, or taken out, while it may be written in (R-74)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.blueprints.store import blueprint_of
from cbt.enrolment.applications import store
from cbt.enrolment.applications.application import Applying, editable
from cbt.enrolment.applications.person import (
    TOLD,
    ReadPerson,
    RetakeRequest,
    read_person,
    refuse_takings,
    told_of,
)
from cbt.enrolment.models import Applicant, ApplicantProof, UnitApplication
from cbt.errors import Conflict
from cbt.personal import DETAILS, document_index
from cbt.rules.door import mask_document
from cbt.storage.crypto import DOCUMENT, open_sealed, seal
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import unit_of_work

MOST_PEOPLE = 500


def enter_person(ref: str, sent: Mapping[str, str], papers: Sequence[str], by: Applying) -> str:
    """Enter somebody and return their ref.

    Raise what `read_person` and `refuse_takings` raise, Conflict("application.not_editable"|"applicant.twice"|
    "application.full").

    Source: R-4, R-74.
    """
    try:
        with unit_of_work() as session:
            application = editable(session, ref, by)
            blueprint = blueprint_of(session, application.blueprint_version_id)
            read = read_person(sent, papers, blueprint)
            refuse_takings(session, [RetakeRequest.read(read)], blueprint, application.preferred_on)
            refuse_full(session, application, 1)
            person = sealed_person(application.id, read, by)
            _refuse_twice(session, application, person)
            session.add(person)
            session.flush()
            after = {"application": application.ref, "papers": person.papers, "kind": person.kind}
            record(
                session,
                at=by.now,
                actor=by.actor,
                act="applicant.enter",
                subject=person.logged_as,
                after=after,
            )
            return person.ref
    except IntegrityError as error:
        raise _twice() from error


def change_person(
    ref: str, person_ref: str, sent: Mapping[str, str], papers: Sequence[str], by: Applying
) -> None:
    """Put right what is known of somebody; what was decided is open again.

    An empty number leaves the one there is. Raise as `enter_person` does, Unavailable("personal.unreadable").
    """
    try:
        with unit_of_work() as session:
            application = editable(session, ref, by)
            person = store.applicant_by_ref(session, application, person_ref)
            if not sent.get("document_number", "").strip():
                sent = {**sent, "document_number": open_sealed(person.document_sealed, DOCUMENT)}
            blueprint = blueprint_of(session, application.blueprint_version_id)
            read = read_person(sent, papers, blueprint)
            refuse_takings(session, [RetakeRequest.read(read)], blueprint, application.preferred_on)
            stated = _stated_on(told_of(person) or {}, read.told, by.today)
            _fill(person, read, stated_on=stated)
            _refuse_twice(session, application, person)
            person.verdict, person.condition, person.reason = "", None, ""
            person.decided_at, person.decided_by = None, ""
            record(
                session,
                at=by.now,
                actor=by.actor,
                act="applicant.change",
                subject=person.logged_as,
                after={"application": application.ref},
            )
    except IntegrityError as error:
        raise _twice() from error


def remove_person(ref: str, person_ref: str, by: Applying) -> None:
    """Take somebody out, with all that is known of them; raise Conflict("application.not_editable")."""
    with unit_of_work() as session:
        application = editable(session, ref, by)
        person = store.applicant_by_ref(session, application, person_ref)
        subject = person.logged_as
        session.execute(delete(ApplicantProof).where(ApplicantProof.applicant_id == person.id))
        session.delete(person)
        record(
            session,
            at=by.now,
            actor=by.actor,
            act="applicant.remove",
            subject=subject,
            before={"application": application.ref},
        )


def enter_all(session: Session, application: UnitApplication, people: Sequence[Applicant]) -> int:
    """Enter people of a list, in its order, but those who are in by now; return how many.

    Whoever calls holds the application. Raise Conflict("application.full").
    """
    indexes = [one.document_index for one in people]
    there = set(
        session.scalars(
            select(Applicant.document_index).where(
                Applicant.application_id == application.id, Applicant.document_index.in_(indexes)
            )
        )
    )
    fresh = [one for one in people if one.document_index not in there]
    refuse_full(session, application, len(fresh))
    session.add_all(fresh)
    return len(fresh)


def refuse_full(session: Session, application: UnitApplication, more: int) -> None:
    """Refuse people beyond the most that an application may ask for; raise Conflict("application.full")."""
    there = session.scalar(select(func.count()).where(Applicant.application_id == application.id)) or 0
    if there + more > MOST_PEOPLE:
        raise Conflict("application.full", most=MOST_PEOPLE)


def sealed_person(application_id: int, read: ReadPerson, by: Applying) -> Applicant:
    """Return somebody who was read, as they are kept in an application."""
    person = Applicant(
        ref=new_ref("pe", 10),
        application_id=application_id,
        verdict="",
        reason="",
        decided_by="",
    )
    _fill(person, read, stated_on=by.today.isoformat())
    return person


def _fill(person: Applicant, read: ReadPerson, *, stated_on: str) -> None:
    index = document_index(read.document_number)
    person.name = read.name
    if person.document_index != index or person.document_type != read.document_type:
        person.document_type, person.document_index = read.document_type, index
        person.document_sealed = seal(read.document_number, DOCUMENT)
        person.document_masked = mask_document(read.document_number)
    for name, text in (("gender", read.gender), ("phone", read.phone)):
        setattr(person, DETAILS[name].column, DETAILS[name].stored(text))
    facts = read.told | {"stated_on": stated_on}
    person.told_sealed = seal(json.dumps(facts, ensure_ascii=False), TOLD)
    person.kind, person.papers = read.kind, ",".join(read.papers)


def _refuse_twice(session: Session, application: UnitApplication, person: Applicant) -> None:
    same = select(Applicant.ref).where(
        Applicant.application_id == application.id, Applicant.document_index == person.document_index
    )
    with session.no_autoflush:
        if any(ref != person.ref for ref in session.scalars(same)):
            raise _twice()


def _stated_on(before: Mapping[str, str], after: Mapping[str, str], today: date) -> str:
    """Return the day of which the years are told: that of before while their number is the same."""
    if before.get("years") == after.get("years") and "stated_on" in before:
        return before["stated_on"]
    return today.isoformat()


def _twice() -> Conflict:
    return Conflict("applicant.twice", field="document_number")
