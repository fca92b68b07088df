"""What of a person stays, why and until when; and what can be erased now (R-95)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.certificates.models import Certificate
from cbt.enrolment.applications.models import Applicant, UnitApplication
from cbt.enrolment.fees.models import FeeCharge
from cbt.personal.fields import DETAILS, Erasure
from cbt.retention.due import due_batch
from cbt.retention.holds import standing_hold
from cbt.retention.person.finding import HeldPerson
from cbt.retention.terms import kept_years
from cbt.rules.certificates.number import grouped
from cbt.rules.states.application import ApplicationState
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Batch, Sitting

_ENDED = (ApplicationState.WITHDRAWN.value, ApplicationState.REFUSED.value)
_ON_REQUEST = {name: detail for name, detail in DETAILS.items() if detail.erased is Erasure.ON_REQUEST}
_OVER = (SittingState.RELEASED.value, SittingState.CANCELLED.value, SittingState.ABORTED.value)


@dataclass(frozen=True, slots=True)
class StayingData:
    """Something that stays: what, why, and until when, in words."""

    what: str
    why: str
    until: str


@dataclass(frozen=True, slots=True)
class PersonStanding:
    """What stays of a person, and what can be erased: applications that came to nothing, details of the person.

    `details` says how often each of those that go on request is held.
    """

    stays: Sequence[StayingData]
    applicants: Sequence[Applicant]
    details: Mapping[str, int]

    @property
    def erasable(self) -> bool:
        """Whether anything can be erased."""
        return bool(self.applicants or self.details)


def standing_of(session: Session, person: HeldPerson, *, today: date) -> PersonStanding:
    """Return what stays of a person and what can be erased. Source: R-95."""
    ended, open_ones = _applications(session, person)
    busy = bool(open_ones) or _is_registered(session, person)
    stays = [*_batches(session, person, today), *_open(open_ones), *_register(session, person)]
    if busy:
        stays += [_staying(name, _("retention.until.over")) for name in _ON_REQUEST]
    ids = [one.id for one in person.applicants]
    if session.scalar(select(exists().where(FeeCharge.applicant_id.in_(ids)))):
        stays.append(_staying("fees", _("retention.until.accounts")))
    stays.append(_staying("log", _("retention.until.log")))
    return PersonStanding(stays, ended, {} if busy else _erasable(person, ended))


def _erasable(person: HeldPerson, ended: Sequence[Applicant]) -> dict[str, int]:
    held: list[Applicant | Candidate] = [one for one in person.applicants if one not in ended]
    held += [person.candidate] if person.candidate is not None else []
    counts = {
        name: sum(bool(getattr(one, field.column)) for one in held) for name, field in _ON_REQUEST.items()
    }
    return {name: count for name, count in counts.items() if count}


def _applications(
    session: Session, person: HeldPerson
) -> tuple[list[Applicant], list[tuple[Applicant, UnitApplication]]]:
    """Return the applicants of applications that came to nothing, and those of applications under way."""
    ended, open_ones = [], []
    for one in person.applicants:
        application = session.get_one(UnitApplication, one.application_id)
        if application.batch_id is not None:
            continue
        if application.state in _ENDED:
            ended.append(one)
        else:
            open_ones.append((one, application))
    return ended, open_ones


def _is_registered(session: Session, person: HeldPerson) -> bool:
    """Return whether a result of this person is still to come."""
    if person.candidate is None:
        return False
    query = (
        select(func.count())
        .select_from(Registration)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .where(Registration.candidate_id == person.candidate.id, Sitting.state.not_in(_OVER))
    )
    return bool(session.scalar(query))


def _batches(session: Session, person: HeldPerson, today: date) -> list[StayingData]:
    candidate = person.candidate.id if person.candidate is not None else 0
    ids = [one.application_id for one in person.applicants]
    mine = exists().where(AdmissionTicket.batch_id == Batch.id, AdmissionTicket.candidate_id == candidate)
    applied = exists().where(UnitApplication.batch_id == Batch.id, UnitApplication.id.in_(ids))
    years = kept_years(session).electronic
    found = []
    for batch in session.scalars(select(Batch).where(mine | applied).order_by(Batch.id)):
        due = due_batch(session, batch).electronic_on
        if standing_hold(session, batch.id) is not None:
            until = _("retention.until.hold")
        elif due <= today:
            until = _("retention.until.due", day=due)
        else:
            until = _("retention.until.day", day=due)
        found.append(_staying("batch", until, batch=batch.name, years=years))
    return found


def _open(found: Sequence[tuple[Applicant, UnitApplication]]) -> list[StayingData]:
    return [_staying("application", _("retention.until.application"), ref=one.ref) for _person, one in found]


def _register(session: Session, person: HeldPerson) -> list[StayingData]:
    if person.candidate is None:
        return []
    query = select(Certificate.number).where(Certificate.candidate_id == person.candidate.id)
    return [
        _staying("certificate", _("retention.until.register"), number=grouped(number))
        for number in session.scalars(query.order_by(Certificate.id))
    ]


def _staying(what: str, until: str, **said: object) -> StayingData:
    return StayingData(
        str(_(f"retention.stays.{what}", **said)), str(_(f"retention.why.{what}", **said)), str(until)
    )
