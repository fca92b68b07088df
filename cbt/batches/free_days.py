"""What the calendar of free days shows, read in a number of queries that no number of people changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from cbt.blueprints.store import blueprint_of, current_versions
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.enrolment.applications.application import earliest_day
from cbt.enrolment.applications.attachments import ON_THE_WAY
from cbt.enrolment.models import Applicant, UnitApplication
from cbt.enrolment.office_decisions import holidays_of
from cbt.http.i18n import local_day, local_zone
from cbt.rules.calendar import CentreDay, CountedDay, PlacesKnown, PlacesOfDay, month_of_places
from cbt.rules.exam import ExamBlueprint
from cbt.rules.states import SittingState
from cbt.sittings.models import Centre, Room, Seat, Sitting

FURTHEST_MONTHS = 24
_OFF = (SittingState.CANCELLED.value, SittingState.ABORTED.value)


@dataclass(frozen=True, slots=True)
class CentrePlaces:
    """A centre on the day that was chosen: `planned` counts papers, `free` people who take every paper."""

    name: str
    seats: int
    sittings: int
    planned: int
    free: int


@dataclass(frozen=True, slots=True)
class FreeMonth:
    """A month of the calendar, for a level; `chosen` is a day of it with what there is at each centre."""

    levels: Sequence[ExamBlueprint]
    level: ExamBlueprint
    earliest: CountedDay
    month: date
    before: date | None
    after: date | None
    weeks: list[list[PlacesOfDay | None]]
    chosen: PlacesOfDay | None
    centres: list[CentrePlaces]
    asked: int
    """Papers of those who are accepted for that day and planned nowhere."""
    seats: int


def free_month(session: Session, *, month: str, day: str, level: str, today: date) -> FreeMonth | None:
    """Return the month that is asked for, the one of the first free day where it is none; None without a level."""
    levels = [blueprint_of(session, row.id) for row in current_versions(session)]
    if not levels:
        return None
    chosen_level = next((one for one in levels if one.ref == level), levels[0])
    holidays = holidays_of(session)
    earliest = earliest_day(chosen_level, today, holidays)
    first = _month(month or day[:7], today) or earliest.day.replace(day=1)
    centres = _centres(session)
    places = _known(session, first, centres, papers=len(chosen_level.papers))
    weeks = month_of_places(first, places, holidays, earliest=earliest.day)
    chosen = next((one for week in weeks for one in week if one and one.day.isoformat() == day), None)
    return FreeMonth(
        levels,
        chosen_level,
        earliest,
        first,
        _month(f"{first - timedelta(days=1):%Y-%m}", today),
        _month(f"{_next(first):%Y-%m}", today),
        weeks,
        chosen,
        []
        if chosen is None
        else [
            CentrePlaces(
                row.name,
                row.seats,
                places.sittings_on(chosen.day, row.id),
                places.planned.get((chosen.day, row.id), CentreDay()).papers,
                places.free_at(chosen.day, row.id),
            )
            for row in centres
        ],
        0 if chosen is None else places.asked.get(chosen.day, 0),
        sum(row.seats for row in centres),
    )


@dataclass(frozen=True, slots=True)
class _CentreRow:
    id: int
    name: str
    a_day: int
    seats: int


def _centres(session: Session) -> list[_CentreRow]:
    """Return the centres that have seats, spare ones not counted."""
    rows = session.execute(
        select(Centre.id, Centre.name, Centre.sittings_a_day, func.count())
        .join(Room, Room.centre_id == Centre.id)
        .join(Seat, Seat.room_id == Room.id)
        .where(Seat.spare.is_(False))
        .group_by(Centre.id, Centre.name, Centre.sittings_a_day)
        .order_by(Centre.name, Centre.id)
    )
    return [_CentreRow(*row) for row in rows]


def _known(session: Session, first: date, centres: Sequence[_CentreRow], *, papers: int) -> PlacesKnown:
    last = _next(first)
    seats, a_day = {row.id: row.seats for row in centres}, {row.id: row.a_day for row in centres}
    return PlacesKnown(seats, a_day, _planned(session, first, last), _asked(session, first, last), papers)


def _planned(session: Session, first: date, last: date) -> dict[tuple[date, int], CentreDay]:
    """Return what is planned by day and centre: each sitting, and each paper that is sat in it."""
    rows = session.execute(
        select(Sitting.centre_id, Sitting.planned_start_at, func.count(Registration.id))
        .outerjoin(Registration, Registration.sitting_id == Sitting.id)
        .where(
            Sitting.planned_start_at >= _midnight(first),
            Sitting.planned_start_at < _midnight(last),
            Sitting.state.not_in(_OFF),
        )
        .group_by(Sitting.id, Sitting.centre_id, Sitting.planned_start_at)
    )
    planned: dict[tuple[date, int], CentreDay] = {}
    for centre, start, papers in rows:
        place = local_day(start), centre
        before = planned.get(place, CentreDay())
        planned[place] = CentreDay(before.sittings + 1, before.papers + papers)
    return planned


def _asked(session: Session, first: date, last: date) -> dict[date, int]:
    """Return for how many papers of accepted people a day is asked who have no ticket of their batch yet."""
    planned = exists().where(
        Candidate.document_index == Applicant.document_index,
        AdmissionTicket.candidate_id == Candidate.id,
        AdmissionTicket.batch_id == UnitApplication.batch_id,
    )
    codes = Applicant.papers
    papers = func.length(codes) - func.length(func.replace(codes, ",", "")) + 1
    rows = session.execute(
        select(UnitApplication.preferred_on, func.sum(papers))
        .join(Applicant, Applicant.application_id == UnitApplication.id)
        .where(
            UnitApplication.preferred_on >= first,
            UnitApplication.preferred_on < last,
            UnitApplication.state.in_(ON_THE_WAY),
            Applicant.verdict == "accepted",
            ~planned,
        )
        .group_by(UnitApplication.preferred_on)
    )
    return {day: int(count) for day, count in rows}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), local_zone()).astimezone(UTC)


def _next(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def _month(text: str, today: date) -> date | None:
    """Return the first of a month that is asked for, from this one on and not too far away; else None."""
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
    away = (first.year - today.year) * 12 + first.month - today.month
    return first if 0 <= away <= FURTHEST_MONTHS else None
