"""The make-up ledger: who did not pass a paper, until when each may retake it, and where it is booked again.

A list is found by the dates of the results; what each line says is what the rules make of everything that was
released for that person. Somebody who took a paper anew after its window stands by the 新考 they registered for.

Source: R-4.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, false, func, or_, select
from sqlalchemy.orm import Session, aliased

from cbt.blueprints.models import BlueprintVersion
from cbt.blueprints.store import blueprint_of, blueprints_of
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.candidates.store import found_by
from cbt.http.i18n import local_zone
from cbt.results.models import Release, Result
from cbt.results.retake_ledger import NOT_EXAMINED, counting, joined_taken, ledger_of, released
from cbt.rules.calendar import first_day_within
from cbt.rules.exam import ExamBlueprint, RetakePolicy
from cbt.rules.retake import PaperOutcome, RetakeVerdict, may_retake
from cbt.rules.states import Purpose
from cbt.sittings.models import Batch, Centre, Sitting, SittingRoom
from cbt.sittings.store import batch_by_ref, official_only
from cbt.storage.page_span import PageSpan
from cbt.storage.unit_of_work import reading

PAGE = 50
SOON = timedelta(days=90)
"""A window that ends within it is one that ends soon: a batch takes weeks to come about."""
KINDS = ("due", "soon", "booked", "over")
"""May retake and is not booked, the same with little time left, is booked, is past the window."""


@dataclass(frozen=True, slots=True)
class RetakeRight:
    """A paper that somebody did not pass, with what the rules say of another try today."""

    registration: Registration
    """Of the latest result."""
    candidate: Candidate
    ticket_number: str
    blueprint: ExamBlueprint
    outcome: str
    verdict: RetakeVerdict
    booked: Sitting | None
    """The sitting in which the paper is to be taken again, if there is one."""
    sitting: Sitting
    """The sitting of the latest result."""

    @property
    def level(self) -> str:
        return self.blueprint.level_name

    @property
    def paper(self) -> str:
        return self.blueprint.papers[self.registration.paper].label

    @property
    def due(self) -> bool:
        """Whether the paper may be retaken and is booked nowhere."""
        return self.verdict.allowed and self.booked is None


@dataclass(frozen=True, slots=True)
class BatchRights:
    """A page of the released results of a batch that are no pass."""

    batch: Batch
    count: int
    rights: list[RetakeRight]
    page: int
    pages: int


_LINE = (Registration, Candidate, AdmissionTicket.number, Result.outcome, Sitting)
"""What a query asks for that a `RetakeRight` is made of."""


def rights_of_batch(batch_ref: str, *, today: date, page: int = 1) -> BatchRights:
    """Return a page of those who did not pass a paper of a batch, by ticket, as the rules see them on a day.

    Source: R-4.
    """
    with reading() as session:
        batch = batch_by_ref(session, batch_ref)
        query = (
            _lines()
            .where(Sitting.batch_id == batch.id, Result.outcome != PaperOutcome.PASSED.value)
            .order_by(AdmissionTicket.number, Registration.id)
        )
        count = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
        span = PageSpan(count, PAGE, page)
        rows = session.execute(span.cut(query)).all()
        return BatchRights(batch, count, _rights(session, rows, today=today), span.page, span.pages)


def _lines() -> Select[*tuple[Any, ...]]:
    query: Select[*tuple[Any, ...]] = joined_taken(
        select(*_LINE)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
    )
    return query


def _rights(session: Session, rows: Iterable[Any], *, today: date) -> list[RetakeRight]:
    """Return the rights of lines as the rules see them, by two queries."""
    lines = list(rows)
    people = {line[0].candidate_id for line in lines}
    ledger, bookings = ledger_of(session, people), _bookings(session, people)
    rights = []
    for registration, candidate, ticket, outcome, sitting in lines:
        blueprint = blueprint_of(session, registration.blueprint_version_id)
        taken = ledger[candidate.id, registration.blueprint_ref]
        results = counting(released(taken), policy=blueprint.retake)
        rights.append(
            RetakeRight(
                registration=registration,
                candidate=candidate,
                ticket_number=ticket,
                blueprint=blueprint,
                outcome=outcome,
                verdict=may_retake(registration.paper, results, exam_on=today, policy=blueprint.retake),
                booked=bookings.get((candidate.id, registration.blueprint_ref, registration.paper)),
                sitting=sitting,
            )
        )
    return rights


def _bookings(session: Session, people: Collection[int]) -> Mapping[tuple[int, str, str], Sitting]:
    """Return where papers of people are booked, drafts too, or were sat with the result still to come.

    Neither is booked once more. By candidate, level and paper.
    """
    if not people:
        return {}
    query = (
        select(Registration.candidate_id, Registration.blueprint_ref, Registration.paper, Sitting)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .outerjoin(Result, Result.registration_id == Registration.id)
        .where(
            Registration.candidate_id.in_(people),
            Result.id.is_(None),
            SittingRoom.state.not_in(NOT_EXAMINED),
            official_only(),
        )
        .order_by(Sitting.planned_start_at.desc(), Registration.id.desc())
    )
    return {(person, level, paper): sitting for person, level, paper, sitting in session.execute(query)}


# All batches of an office.


@dataclass(frozen=True, slots=True)
class RetakeFilter:
    """What the ledger is asked for: one of `KINDS`, and of all levels, centres and people where these are empty."""

    kind: str = "due"
    level: str = ""
    """The ref of a blueprint."""
    centre: str = ""
    text: str = ""
    page: int = 1

    @property
    def asked(self) -> dict[str, str]:
        """Return what narrows the list down, as it stands in an address."""
        pairs = {"kind": self.kind, "level": self.level, "centre": self.centre, "q": self.text}
        return {name: value for name, value in pairs.items() if value}


@dataclass(frozen=True, slots=True)
class OfficeRights:
    """A page of the ledger of an office, and what it can be asked for."""

    rights: list[RetakeRight]
    batches: Mapping[int, Batch]
    """The batches of the latest results, by their ids."""
    count: int
    page: int
    pages: int
    levels: Sequence[tuple[str, str]]
    """The refs of the levels with their names."""
    centres: Sequence[tuple[str, str]]


def rights_of_office(retake_filter: RetakeFilter, *, today: date) -> OfficeRights:
    """Return a page of the ledger of all batches, whose window ends first standing first.

    The number of queries grows with nothing.

    Source: R-4.
    """
    with reading() as session:
        levels = _levels(session)
        query = _of_office(levels, retake_filter, today=today)
        count = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
        span = PageSpan(count, PAGE, retake_filter.page)
        rights = _rights(session, session.execute(span.cut(query)).all(), today=today)
        batches = select(Batch).where(Batch.id.in_({one.sitting.batch_id for one in rights}))
        centres = session.execute(select(Centre.ref, Centre.name).order_by(Centre.name))
        return OfficeRights(
            rights=rights,
            batches={batch.id: batch for batch in session.scalars(batches)},
            count=count,
            page=span.page,
            pages=span.pages,
            levels=[(ref, f"{one.occupation_name} {one.level_name}") for ref, one in levels.items()],
            centres=[(ref, name) for ref, name in centres],
        )


def due_of_office(
    session: Session, retake_filter: RetakeFilter, *, today: date, most: int
) -> list[RetakeRight]:
    """Return up to `most` of those whom a filter finds, with what the rules say of each."""
    query = _of_office(_levels(session), retake_filter, today=today).limit(most)
    return _rights(session, session.execute(query).all(), today=today)


def rights_of(session: Session, registrations: Collection[str], *, today: date) -> list[RetakeRight]:
    """Return the rights that the results of some registrations give, by ticket; nothing for other refs."""
    query = _lines().where(Registration.ref.in_(registrations), Result.outcome != PaperOutcome.PASSED.value)
    query = query.order_by(AdmissionTicket.number, Registration.id)
    return _rights(session, session.execute(query).all(), today=today)


def _levels(session: Session) -> dict[str, ExamBlueprint]:
    """Return the latest version of every level that there ever was, by its ref."""
    latest = select(BlueprintVersion.ref, func.max(BlueprintVersion.id)).group_by(BlueprintVersion.ref)
    rows = session.execute(latest.order_by(BlueprintVersion.ref)).all()
    versions = {str(ref): int(version) for ref, version in rows}
    blueprints = blueprints_of(session, list(versions.values()))
    return {ref: blueprints[version] for ref, version in versions.items()}


def _of_office(
    levels: Mapping[str, ExamBlueprint], retake_filter: RetakeFilter, *, today: date
) -> Select[*tuple[Any, ...]]:
    policies: dict[RetakePolicy, list[str]] = defaultdict(list)
    for ref, blueprint in levels.items():
        if retake_filter.level in {"", ref}:
            policies[blueprint.retake].append(ref)
    wanted, ends = [], []
    for policy, refs in policies.items():
        group = _Group(policy, today)
        of_level = Registration.blueprint_ref.in_(refs)
        wanted.append(and_(of_level, *group.conditions(retake_filter.kind)))
        ends.append((of_level, group.begun_at(retake_filter.kind)))
    query = _lines().where(or_(*wanted) if wanted else false())
    if retake_filter.centre:
        query = query.join(Centre, Centre.id == Sitting.centre_id).where(Centre.ref == retake_filter.centre)
    if retake_filter.text:
        query = query.where(found_by(retake_filter.text))
    order = [case(*ends)] if ends else []
    return query.order_by(*order, AdmissionTicket.number, Registration.id)


_OTHER, _SITTING, _ROOM = aliased(Registration), aliased(Sitting), aliased(SittingRoom)
_RESULT, _RELEASE = aliased(Result), aliased(Release)
_OFFICIAL = [one.value for one in Purpose if one.counts]
_SAME = (
    _OTHER.candidate_id == Registration.candidate_id,
    _OTHER.blueprint_ref == Registration.blueprint_ref,
    _OTHER.paper == Registration.paper,
    _SITTING.purpose.in_(_OFFICIAL),
)
"""What holds of every taking of the paper of a line by its person."""


class _Group:
    """The takings of one paper by one person under one policy: what holds of the line of the latest that failed."""

    def __init__(self, policy: RetakePolicy, today: date) -> None:
        self._policy = policy
        self._open_from = _midnight(first_day_within(today, policy.years))
        """Who failed from then on is within the window."""
        self._soon_until = _midnight(first_day_within(today + SOON + timedelta(days=1), policy.years))
        self._giving = [PaperOutcome.FAILED.value]
        if policy.absent_may_retake:
            self._giving.append(PaperOutcome.ABSENT.value)

    def conditions(self, kind: str) -> list[ColumnElement[bool]]:
        """Return what holds of a line of a kind; of the takings that give a right it is the latest."""
        later = or_(
            _SITTING.planned_start_at > Sitting.planned_start_at,
            and_(_SITTING.planned_start_at == Sitting.planned_start_at, _OTHER.id > Registration.id),
        )
        conditions = [
            Result.outcome.in_(self._giving),
            ~self._taken(later, _RESULT.outcome.in_(self._giving)),
            ~self._taken(self._since(self._open_from), _RESULT.outcome == PaperOutcome.PASSED.value),
        ]
        giving = _RESULT.outcome.in_(self._giving)
        open_ = and_(
            self._taken(giving, self._since(self._open_from)),
            or_(
                ~self._taken(giving, self._instant() < self._open_from),
                self._taken(giving, self._since(self._open_from), _OTHER.kind == "first"),
            ),
        )
        match kind:
            case "over":
                return [*conditions, ~open_]
            case "booked":
                return [*conditions, open_, _booked()]
            case "soon":
                soon = self._taken(giving, self._since(self._open_from), self._instant() < self._soon_until)
                return [*conditions, open_, soon, ~_booked()]
            case _:
                return [*conditions, open_, ~_booked()]

    def begun_at(self, kind: str) -> ColumnElement[datetime]:
        """Return when the window of a line began: that of an open one within its years."""
        giving: list[ColumnElement[bool]] = [_RESULT.outcome.in_(self._giving)]
        if kind != "over":
            giving.append(self._since(self._open_from))
        first = select(func.min(self._instant()))
        return _joined(first).where(*_SAME, *giving).correlate(Registration).scalar_subquery()

    def _instant(self) -> ColumnElement[datetime]:
        if self._policy.window_from == "exam":
            return func.coalesce(_ROOM.started_at, _SITTING.planned_start_at)
        return func.coalesce(_RESULT.released_at, _RELEASE.released_at)

    def _since(self, instant: datetime) -> ColumnElement[bool]:
        return self._instant() >= instant

    def _taken(self, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
        query = _joined(select(_OTHER.id)).where(*_SAME, *conditions)
        return query.correlate(Registration, Sitting).exists()


def _joined(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return (
        query.select_from(_OTHER)
        .join(_SITTING, _SITTING.id == _OTHER.sitting_id)
        .join(_ROOM, _ROOM.id == _OTHER.sitting_room_id)
        .join(_RESULT, _RESULT.registration_id == _OTHER.id)
        .join(_RELEASE, _RELEASE.id == _RESULT.release_id)
    )


def _booked() -> ColumnElement[bool]:
    """Return what holds of a line whose paper is to be taken again, or was and is waited for."""
    result = exists().where(_RESULT.registration_id == _OTHER.id).correlate(_OTHER)
    return (
        select(_OTHER.id)
        .join(_SITTING, _SITTING.id == _OTHER.sitting_id)
        .join(_ROOM, _ROOM.id == _OTHER.sitting_room_id)
        .where(*_SAME, _ROOM.state.not_in(NOT_EXAMINED), ~result)
        .correlate(Registration)
        .exists()
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), local_zone()).astimezone(UTC)
