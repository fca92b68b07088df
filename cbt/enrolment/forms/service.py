"""Use case: a form is printed with full numbers, which the log notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.db.private.sealing import open_sealed
from cbt.db.unit_of_work import unit_of_work
from cbt.enrolment.applications import store
from cbt.enrolment.applications.applying import Applying
from cbt.enrolment.applications.form import told_of
from cbt.enrolment.applications.models import Applicant
from cbt.enrolment.attached.store import photos_of_people
from cbt.enrolment.forms.filled import KnownPerson, application_form, employment, employment_roster
from cbt.errors import Conflict, InvalidInput, Unavailable
from cbt.exams.store import blueprint_of
from cbt.personal.numbers import DOCUMENT, PHONE

DOCUMENTS = ("application_form", "employment", "employment_roster")


@dataclass(frozen=True, slots=True)
class PrintedForm:
    """What a form says, and the photos in it by the names that it calls them."""

    data: dict[str, Any]
    photos: dict[str, bytes]


def print_form(ref: str, document: str, people: Sequence[str], who: Applying) -> PrintedForm:
    """Return what a form says of the chosen people of an application, of everybody where none is chosen.

    Raise InvalidInput("web.bad_request"), NotFound("application.unknown"), Conflict("application.nobody"),
    Unavailable("personal.unreadable").

    Source: R-74, R-75.
    """
    if document not in DOCUMENTS:
        raise InvalidInput("web.bad_request")
    with unit_of_work() as session:
        application = store.application_by_ref(session, ref, unit_id=who.unit_id)
        everybody = store.people_of(session, application)
        chosen = [_known(one) for one in everybody if not people or one.ref in people]
        if not chosen:
            raise Conflict("application.nobody")
        photos = _photos(session, document, chosen)
        data = _data(session, document, chosen, application.unit_id, application.blueprint_version_id)
        record(
            session,
            at=who.now,
            actor=who.actor,
            act="application.print",
            subject=application.logged_as,
            after={"document": document, "people": len(chosen)},
        )
    return PrintedForm(data, photos)


def _photos(session: Session, document: str, people: Sequence[KnownPerson]) -> dict[str, bytes]:
    if document != "application_form":
        return {}
    found = photos_of_people(session, [one.person.id for one in people])
    return {one.photo: found[one.person.id] for one in people if one.person.id in found}


def _data(
    session: Session, document: str, people: Sequence[KnownPerson], unit_id: int, version_id: int
) -> dict[str, Any]:
    unit = store.unit_of(session, unit_id)
    match document:
        case "application_form":
            return application_form(people, unit, blueprint_of(session, version_id))
        case "employment":
            return employment(people, unit)
        case _:
            return employment_roster(people, unit)


def _known(person: Applicant) -> KnownPerson:
    told = told_of(person)
    if told is None:
        raise Unavailable("personal.unreadable")
    phone = open_sealed(person.phone_sealed, PHONE) if person.phone_sealed else ""
    return KnownPerson(person, open_sealed(person.document_sealed, DOCUMENT), phone, told)
