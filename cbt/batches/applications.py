"""Applications of units in a batch: accepted people as roster rows, their photos, the fate of their papers.

That somebody took the rows is in the log. An application is done a week after the last sitting of its batch,
because one that was aborted is held again within that time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import ColumnElement, exists, func, literal, select
from sqlalchemy.orm import Session, aliased

from cbt.audit.chain import record
from cbt.blueprints.models import BlueprintVersion
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import AdmissionTicket, Candidate, CandidatePhoto, Registration, Withdrawal
from cbt.candidates.roster.export import line_of_applicant
from cbt.enrolment.applications import application, store
from cbt.enrolment.applications.application import Applying
from cbt.enrolment.applications.attachments import photos_to_carry
from cbt.enrolment.applications.person import told_of
from cbt.enrolment.fees.store import keeps_from_sitting, refuse_unpaid
from cbt.enrolment.models import Applicant, MemberUnit, UnitApplication
from cbt.errors import Conflict
from cbt.http.i18n import local_day
from cbt.media.intake import JPEG
from cbt.personal import DETAILS
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.enrolment.fees import PaperFate
from cbt.rules.states import OVER, ApplicationEvent, ApplicationState, SittingState
from cbt.sittings.models import Batch, BatchLevel, Sitting, SittingRoom
from cbt.sittings.store import official_only
from cbt.storage.crypto import DOCUMENT, open_sealed
from cbt.storage.unit_of_work import reading
from cbt.storage.write_queue.change_set import Rows

READY = frozenset({ApplicationState.ACCEPTED, ApplicationState.SCHEDULED})


def applied_rows(
    ref: str, *, now: datetime, actor: str, batch: Batch | None = None
) -> tuple[list[list[str]], Callable[[Session], None]]:
    """Return the roster rows of the people who were accepted, one for each paper, with their full numbers.

    They name the batch in which the application stands, or the one it is to stand in. Beside them comes what puts
    it on record that somebody took them.

    Raise NotFound("application.unknown"), Conflict("application.not_accepted"|"application.unpaid"),
    Unavailable("personal.unreadable").

    Source: R-76, R-77.
    """
    with reading() as session:
        application = store.application_by_ref(session, ref, unit_id=None)
        people = accepted_of(session, application)
        refuse_unpaid(session, application, blueprint_of(session, application.blueprint_version_id).fees)
        if batch is None and application.batch_id:
            batch = session.get(Batch, application.batch_id)
        rows = [row for one in people for row in _rows(session, application, one, batch)]
        subject, after = application.logged_as, {"rows": len(rows)}
    return rows, partial(record, at=now, actor=actor, act="application.roster", subject=subject, after=after)


def accepted_of(session: Session, application: UnitApplication) -> list[Applicant]:
    """Return the people that a roster may have; raise Conflict("application.not_accepted")."""
    people = [one for one in store.people_of(session, application) if one.verdict == "accepted"]
    if application.state not in READY or not people:
        raise Conflict("application.not_accepted")
    return people


def people_seen(people: Sequence[Applicant]) -> str:
    """Return what tells whether the people of an application are still those who were looked at."""
    return digest(canonical_json([[one.ref, one.document_index, one.papers, one.kind] for one in people]))


def _rows(
    session: Session, application: UnitApplication, person: Applicant, batch: Batch | None
) -> list[list[str]]:
    blueprint = blueprint_of(session, application.blueprint_version_id)
    details = told_of(person) or {}
    facts = {
        **{name: details.get(name, "") for name, detail in DETAILS.items() if detail.applied},
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
            facts | {"paper": blueprint.papers[paper].name},
            document_type=person.document_type,
            kind=person.kind,
        )
        for paper in person.papers.split(",")
    ]


def is_unplaced() -> ColumnElement[bool]:
    """Return what holds for an `Applicant` who is not registered for all that is applied for.

    What counts is the batch of their `UnitApplication`; whoever withdrew from a paper is asked for no more.
    """
    level = (
        select(BlueprintVersion.ref)
        .where(BlueprintVersion.id == UnitApplication.blueprint_version_id)
        .correlate(UnitApplication)
        .scalar_subquery()
    )
    listed, mark = literal(",").concat(Applicant.papers).concat(","), literal("%,")
    registered = (
        select(func.count(Registration.paper.distinct()))
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .where(
            Candidate.document_index == Applicant.document_index,
            Sitting.batch_id == UnitApplication.batch_id,
            Sitting.state != SittingState.CANCELLED.value,
            official_only(),
            Registration.blueprint_ref == level,
            listed.like(mark.concat(Registration.paper).concat(",%")),
        )
        .correlate(Applicant, UnitApplication)
        .scalar_subquery()
    )
    withdrawn = (
        select(func.count(Withdrawal.paper.distinct()))
        .join(Candidate, Candidate.id == Withdrawal.candidate_id)
        .join(AdmissionTicket, AdmissionTicket.id == Withdrawal.ticket_id)
        .where(
            Candidate.document_index == Applicant.document_index,
            AdmissionTicket.batch_id == UnitApplication.batch_id,
            Withdrawal.back_at.is_(None),
            Withdrawal.blueprint_ref == level,
            listed.like(mark.concat(Withdrawal.paper).concat(",%")),
        )
        .correlate(Applicant, UnitApplication)
        .scalar_subquery()
    )
    asked = func.length(Applicant.papers) - func.length(func.replace(Applicant.papers, ",", "")) + 1
    return asked > registered + withdrawn


@dataclass(frozen=True, slots=True)
class OffRoster:
    """People of an application who may sit and are in no roster of a batch."""

    ref: str
    unit: str
    names: tuple[str, ...]


def off_roster(session: Session, batches: Collection[Batch]) -> dict[int, list[OffRoster]]:
    """Return who is in no roster of these batches though nothing keeps them from sitting, by the batch.

    They are people of an application that stands in a batch, and those of one that stands in none and asks for a
    day and a level of a batch. Source: R-76, R-77.
    """
    ids = [batch.id for batch in batches]
    inside = (
        select(UnitApplication.batch_id, UnitApplication, MemberUnit.name, Applicant.name)
        .join(MemberUnit, MemberUnit.id == UnitApplication.unit_id)
        .join(Applicant, Applicant.application_id == UnitApplication.id)
        .where(UnitApplication.batch_id.in_(ids), store.is_unplaced())
        .order_by(UnitApplication.id, Applicant.id)
    )
    own, offered = aliased(BlueprintVersion), aliased(BlueprintVersion)
    wishing = (
        select(Batch.id, UnitApplication, MemberUnit.name, Applicant.name)
        .select_from(UnitApplication)
        .join(MemberUnit, MemberUnit.id == UnitApplication.unit_id)
        .join(Applicant, Applicant.application_id == UnitApplication.id)
        .join(own, own.id == UnitApplication.blueprint_version_id)
        .join(offered, offered.ref == own.ref)
        .join(BatchLevel, BatchLevel.blueprint_version_id == offered.id)
        .join(Batch, Batch.id == BatchLevel.batch_id)
        .where(
            Batch.id.in_(ids),
            UnitApplication.state == ApplicationState.ACCEPTED.value,
            Applicant.verdict == "accepted",
            Batch.starts_on <= UnitApplication.preferred_on,
            Batch.ends_on >= UnitApplication.preferred_on,
        )
        .order_by(UnitApplication.id, Applicant.id)
    )
    names: dict[tuple[int, str, str], list[str]] = defaultdict(list)
    may_sit: dict[int, bool] = {}
    for batch_id, one, unit, name in [*session.execute(inside), *session.execute(wishing)]:
        if one.id not in may_sit:
            fees = blueprint_of(session, one.blueprint_version_id).fees
            may_sit[one.id] = not keeps_from_sitting(session, one, fees)
        if may_sit[one.id]:
            names[batch_id, one.ref, unit].append(name)
    found: dict[int, list[OffRoster]] = defaultdict(list)
    for (batch_id, ref, unit), people in names.items():
        found[batch_id].append(OffRoster(ref, unit, tuple(people)))
    return found


TOGETHER = 4
"""So many photos make a parcel: saves that come along with one hardly notice."""
NEW_PHOTO = (
    "INSERT INTO candidate_photo (candidate_id, mimetype, image) "
    "SELECT c.id, ?, ? FROM candidate c WHERE c.document_index = ? ON CONFLICT DO NOTHING"
)
NO_PHOTO = (
    "DELETE FROM candidate_photo "
    "WHERE candidate_id IN (SELECT id FROM candidate WHERE ref = ? AND created_at = ?) "
    "AND NOT EXISTS (SELECT 1 FROM admission_ticket t WHERE t.candidate_id = candidate_photo.candidate_id)"
)


def photo_parcels(session: Session, indexes: Sequence[str]) -> Iterator[list[Rows]]:
    """Yield the rows that give people, named by the digests of their numbers, the photos of their applications.

    Whoever has a photo keeps it.
    """
    query = (
        select(Candidate.document_index)
        .join(CandidatePhoto, CandidatePhoto.candidate_id == Candidate.id)
        .where(Candidate.document_index.in_(indexes))
    )
    have = set(session.scalars(query))
    photos = list(photos_to_carry(session, [one for one in indexes if one not in have]).items())
    for start in range(0, len(photos), TOGETHER):
        some = photos[start : start + TOGETHER]
        yield [Rows(NEW_PHOTO, [(JPEG, image, index) for index, image in some])]


_NOT_HELD = frozenset({SittingState.CANCELLED.value, SittingState.ABORTED.value})


def paper_fates(session: Session, batch_id: int, indexes: Collection[str]) -> dict[str, dict[str, PaperFate]]:
    """Return what became of each paper of these people in a batch, by the digests of their numbers.

    A seat in a sitting that was held, or is to come, outweighs one that was aborted or cancelled, and that a
    withdrawal. A trial or practice is none.
    """
    fates: dict[str, dict[str, PaperFate]] = defaultdict(dict)
    seats = session.execute(
        select(Candidate.document_index, Registration.paper, Sitting.state, SittingRoom.state)
        .join(Registration, Registration.candidate_id == Candidate.id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .where(AdmissionTicket.batch_id == batch_id, Candidate.document_index.in_(indexes), official_only())
    )
    for index, paper, *states in seats:
        if _NOT_HELD.isdisjoint(states):
            fates[index][paper] = PaperFate.SEATED
        else:
            fates[index].setdefault(paper, PaperFate.ABORTED)
    withdrawn = session.execute(
        select(Candidate.document_index, Withdrawal.paper)
        .join(Withdrawal, Withdrawal.candidate_id == Candidate.id)
        .join(AdmissionTicket, AdmissionTicket.id == Withdrawal.ticket_id)
        .join(Sitting, Sitting.id == Withdrawal.sitting_id)
        .where(
            AdmissionTicket.batch_id == batch_id,
            Candidate.document_index.in_(indexes),
            Withdrawal.back_at.is_(None),
            official_only(),
        )
    )
    for index, paper in withdrawn:
        fates[index].setdefault(paper, PaperFate.WITHDRAWN)
    return fates


QUIET = timedelta(days=7)
"""So long after the last sitting of a batch: an aborted one is held again within it."""
AT_ONCE = 20
ACTOR = "scheduler"


def complete_applications(*, now: datetime) -> int:
    """End the applications whose batches were over a week ago, with what is given back; return how many.

    Source: R-76, R-77.
    """
    of_batch = Sitting.batch_id == UnitApplication.batch_id
    last = select(func.max(Sitting.planned_start_at)).where(of_batch).correlate(UnitApplication)
    query = (
        select(UnitApplication.ref)
        .where(
            UnitApplication.state == ApplicationState.SCHEDULED.value,
            ~exists().where(of_batch, Sitting.state.not_in([state.value for state in OVER])),
            last.scalar_subquery() < now - QUIET,
        )
        .order_by(UnitApplication.id)
        .limit(AT_ONCE)
    )
    with reading() as session:
        refs = session.scalars(query).all()
    by = Applying(ACTOR, now, local_day(now), None)
    for ref in refs:
        with suppress(Conflict):  # somebody was quicker, or planned another sitting
            application.take_step(ref, ApplicationEvent.COMPLETE, words="", by=by)
    return len(refs)
