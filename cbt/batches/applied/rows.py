"""The accepted people of an application as rows of a roster, and the note in the log that somebody took them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.candidates.roster.export import line_of_applicant
from cbt.db.private.sealing import open_sealed
from cbt.db.unit_of_work import unit_of_work
from cbt.enrolment.applications import store
from cbt.enrolment.applications.form import told_of
from cbt.enrolment.applications.models import Applicant, UnitApplication
from cbt.enrolment.fees.standing import refuse_unpaid
from cbt.errors import Conflict
from cbt.exams.store import blueprint_of
from cbt.personal.fields import DETAILS
from cbt.personal.numbers import DOCUMENT
from cbt.rules.states.application import ApplicationState
from cbt.sittings.models import Batch

READY = frozenset({ApplicationState.ACCEPTED, ApplicationState.SCHEDULED})


def applied_rows(ref: str, *, now: datetime, actor: str) -> list[list[str]]:
    """Return the roster rows of the people who were accepted, one for each paper, with their full numbers.

    Raise NotFound("application.unknown"), Conflict("application.not_accepted"|"application.unpaid"),
    Unavailable("personal.unreadable").

    Source: R-76, R-77.
    """
    with unit_of_work() as session:
        application = store.application_by_ref(session, ref, unit_id=None)
        people = [one for one in store.people_of(session, application) if one.verdict == "accepted"]
        if application.state not in READY or not people:
            raise Conflict("application.not_accepted")
        refuse_unpaid(session, application, blueprint_of(session, application.blueprint_version_id).fees)
        rows = [row for one in people for row in _rows(session, application, one)]
        record(
            session,
            at=now,
            actor=actor,
            act="application.roster",
            subject=application.logged_as,
            after={"rows": len(rows)},
        )
    return rows


def _rows(session: Session, application: UnitApplication, person: Applicant) -> list[list[str]]:
    blueprint = blueprint_of(session, application.blueprint_version_id)
    told = told_of(person) or {}
    batch = session.get(Batch, application.batch_id) if application.batch_id else None
    known = {
        **{name: told.get(name, "") for name, detail in DETAILS.items() if detail.applied},
        "name": person.name,
        "document_number": open_sealed(person.document_sealed, DOCUMENT),
        "occupation": blueprint.occupation_name,
        "level": blueprint.level_name,
        "gender": person.gender,
        "phone": DETAILS["phone"].value_of(person) or "",
        "employer": store.unit_of(session, application.unit_id).name,
        "batch": "" if batch is None else batch.name,
        "eligibility": str(person.condition or ""),
    }
    return [
        line_of_applicant(
            known | {"paper": blueprint.papers[paper].name},
            document_type=person.document_type,
            kind=person.kind,
        )
        for paper in person.papers.split(",")
    ]
