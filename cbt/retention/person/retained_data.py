"""The retained data of one person: who they are in the records, what stays of them, what can be erased.

A person is the candidate and everybody who was applied for under the same document number.

Source: R-95.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.certificates.models import Certificate
from cbt.enrolment.models import Applicant, FeeCharge, UnitApplication
from cbt.errors import NotFound
from cbt.personal.fields import DETAILS, Erasure
from cbt.personal.identity import document_index
from cbt.retention.due_batches import due_batch, standing_hold
from cbt.retention.terms import kept_years
from cbt.rules.certificates import grouped
from cbt.rules.door.admission import plain_name
from cbt.rules.states.application import ApplicationState
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Batch, Sitting


@dataclass(frozen=True, slots=True)
class HeldPerson:
    """Who somebody is in the records: a candidate, applied for, or both."""

    candidate: Candidate | None
    applicants: Sequence[Applicant]

    @property
    def _one(self) -> Candidate | Applicant:
        return self.candidate or self.applicants[-1]

    @property
    def ref(self) -> str:
        """The ref by which pages and the log know this person."""
        return self._one.ref

    @property
    def logged_as(self) -> str:
        """What the log calls this person."""
        return self._one.logged_as

    @property
    def name(self) -> str:
        """The name as it was last entered."""
        return self._one.name

    @property
    def document(self) -> str:
        """The number of the document, masked."""
        return self._one.document_masked

    @property
    def document_type(self) -> str:
        """The kind of the document."""
        return self._one.document_type


def person_by_number(session: Session, number: str, name: str) -> HeldPerson:
    """Return whose number and name these are; raise NotFound("retention.person") for nobody."""
    found = _of_index(session, document_index(number)) if number.strip() else None
    if found is None or plain_name(found.name) != plain_name(name):
        raise NotFound("retention.person")
    return found


def person_by_ref(session: Session, ref: str) -> HeldPerson:
    """Return the person of a ref; raise NotFound("retention.person")."""
    index = session.scalar(select(Candidate.document_index).where(Candidate.ref == ref)) or session.scalar(
        select(Applicant.document_index).where(Applicant.ref == ref)
    )
    found = _of_index(session, index) if index else None
    if found is None:
        raise NotFound("retention.person")
    return found


def _of_index(session: Session, index: str) -> HeldPerson | None:
    candidate = session.scalar(select(Candidate).where(Candidate.document_index == index))
    query = select(Applicant).where(Applicant.document_index == index).order_by(Applicant.id)
    applicants = session.scalars(query).all()
    return HeldPerson(candidate, applicants) if candidate is not None or applicants else None


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


def statement_paper(person: HeldPerson, standing: PersonStanding, *, body: str, day: date) -> dict[str, Any]:
    """Return the statement for a person. Source: R-95."""
    return {
        "title": _("retention.statement"),
        "foot": f"{body} · {person.ref}",
        "sub": body,
        "good": not standing.erasable,
        "verdict": _("retention.statement.open" if standing.erasable else "retention.statement.erased"),
        "reasons": [],
        "facts": [
            [_("certificates.name"), person.name],
            [_("certificates.document"), person.document],
            [_("retention.number"), person.ref],
            [_("retention.statement.day"), day.isoformat()],
        ],
        "parts": [
            {
                "title": _("retention.stays"),
                "widths": [3, 4, 3],
                "heads": [_("retention.what"), _("retention.why"), _("retention.until")],
                "rows": [[one.what, one.why, one.until] for one in standing.stays],
            }
        ],
        "note": _("retention.statement.note"),
        "words": {
            "title": _("retention.statement"),
            "signatures": [_("retention.statement.clerk"), _("retention.paper.seal")],
            "page": _("candidates.print.page", number="{n}", count="{of}"),
        },
    }
