"""A case for a ruling out of the evidence of a pair: likeness accuses nobody, people decide.

A case is a report of a violation like any other: it stands on the registration, so the result waits, and the ruling
on it is another person's than whoever opened it (`rulings.rule`). So nothing is taken from anybody by one alone.

Source: R-62, R-63, R-92, R-98.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.blueprints.reasons import table_of, version_in_force, violation_of, words_of
from cbt.candidates.models import Registration
from cbt.errors import Conflict, InvalidInput
from cbt.http.form_values import required
from cbt.proctoring.desk import log_incident
from cbt.proctoring.models import IncidentReport
from cbt.results.likeness.evidence import PairEvidence
from cbt.results.likeness.people import PairedPerson
from cbt.results.models import ViolationRuling
from cbt.results.publicity.store import is_released
from cbt.results.store import finished_sitting
from cbt.rules.violations import Evidence, Violation, takes_away, weight
from cbt.sittings.store import hold_sitting
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import unit_of_work

MOST_FACTS = 500
USUAL = "copying"
"""The row of the shipped table that is offered first."""


@dataclass(frozen=True, slots=True)
class CaseForm:
    """What the form says: whom it is about, by which row of the table, and what was found."""

    whom: tuple[str, ...]
    code: str
    facts: str


def offered(session: Session) -> list[tuple[str, str]]:
    """Return the violations that come to a ruling, each with its words."""
    table = table_of(session, version_in_force(session))
    return [(one.code, words_of(one)) for one in table.offered_violations if takes_away(one)]


def open_cases(found: PairEvidence, form: CaseForm, *, now: datetime, actor: str, who: str) -> Sequence[str]:
    """Open a case for each of the pair who is named; return their refs.

    Raise InvalidInput("likeness.case_whom"|"likeness.case_code"|"likeness.case_facts"), Conflict(
    "likeness.case_released"|"likeness.case_ruled"|"likeness.case_open"), and like `finished_sitting`.
    """
    people = [one for one in (found.one, found.other) if one.ref in form.whom]
    if not people:
        raise InvalidInput("likeness.case_whom", field="whom")
    facts = required(form.facts, "likeness.case_facts", "facts", limit=MOST_FACTS)
    with unit_of_work() as session:
        sitting = hold_sitting(session, finished_sitting(session, found.sitting.ref).id)
        version_id = version_in_force(session)
        violation = table_of(session, version_id).violation(form.code)
        if violation is None or violation.retired or not takes_away(violation):
            raise InvalidInput("likeness.case_code", field="code")
        ids = sorted(one.registration_id for one in people)
        query = select(Registration).where(Registration.id.in_(ids)).order_by(Registration.id)
        query = query.with_for_update().execution_options(populate_existing=True)
        registrations = {one.id: one for one in session.scalars(query)}
        for person in people:
            registration = registrations[person.registration_id]
            _refuse(session, registration, violation, person)
            report = _report(registration, violation, version_id, facts, now=now, actor=actor, who=who)
            report.happened_at = person.closed_at or now
            session.add(report)
            former = violation_of(session, registration.violation_code, registration.violation_version_id)
            if former is None or weight(violation) > weight(former):
                registration.violation_code, registration.violation_version_id = violation.code, version_id
            log_incident(
                session,
                sitting_room_id=registration.sitting_room_id,
                registration_id=registration.id,
                kind="violation",
                at=now,
                by=actor,
                params={
                    "name": person.name,
                    "seat": f"{person.seat:02d}",
                    "code": violation.code,
                    "reason": facts,
                    "who": who,
                },
            )
            record(
                session,
                at=now,
                actor=actor,
                act="likeness.case",
                subject=registration.logged_as,
                reason=facts,
                after={"report": report.ref, "code": violation.code, "sitting": sitting.ref},
            )
    return [one.ref for one in people]


def _refuse(session: Session, registration: Registration, violation: Violation, person: PairedPerson) -> None:
    if is_released(session, registration.id):
        raise Conflict("likeness.case_released", name=person.name)
    if registration.violation_code == violation.code:
        raise Conflict("likeness.case_open", name=person.name)
    ruled = select(ViolationRuling.id).where(
        ViolationRuling.registration_id == registration.id, ViolationRuling.code == violation.code
    )
    if session.scalar(ruled) is not None:
        raise Conflict("likeness.case_ruled", name=person.name)


def _report(
    registration: Registration,
    violation: Violation,
    version_id: int | None,
    facts: str,
    *,
    now: datetime,
    actor: str,
    who: str,
) -> IncidentReport:
    return IncidentReport(
        ref=new_ref("rp"),
        sitting_room_id=registration.sitting_room_id,
        registration_id=registration.id,
        kind="violation",
        code=violation.code,
        reasons_version_id=version_id,
        clause=violation.clause,
        happened_at=now,
        facts=facts,
        evidence=Evidence.SYSTEM_LOG.value,
        evidence_note=str(_("likeness.case.evidence")),
        witness="",
        statement="",
        signature="open",
        at=now,
        by=actor,
        who=who,
    )
