"""Working days and majors as the office decided about them, with the one reader of each.

Under its days lies the State Council's yearly arrangement of holidays and 调休, as far as it is published: no
network is asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.blueprints.store import blueprint_of, current_versions
from cbt.enrolment.models import OfficeDay, OfficeMajor
from cbt.errors import InvalidInput, NotFound
from cbt.http.form_values import one_line, required
from cbt.rules.calendar import Holidays
from cbt.rules.enrolment.conditions import MajorKind, plain_major
from cbt.rules.exam import ExamBlueprint
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import unit_of_work

KINDS = (MajorKind.OWN, MajorKind.RELATED, MajorKind.OTHER)


def holidays_of(session: Session) -> Holidays:
    """Return which days are worked: as published, and as the office says over it. Source: R-72."""
    rows = session.execute(select(OfficeDay.day, OfficeDay.worked))
    return published_holidays().with_days(dict(rows.all()))


def level_of(session: Session, version_id: int) -> ExamBlueprint:
    """Return the 考核方案 of a level with the majors that the office decided about. Source: R-73."""
    blueprint = blueprint_of(session, version_id)
    if not any(one.major for one in blueprint.conditions):
        return blueprint
    levels: dict[str, list[str]] = defaultdict(list)
    rows = session.execute(
        select(OfficeMajor.kind, OfficeMajor.name).where(OfficeMajor.occupation == blueprint.occupation_name)
    )
    for kind, name in rows:
        levels[kind].append(name)
    majors = blueprint.majors
    for kind in KINDS:
        majors = majors.with_majors(kind, levels[kind.value])
    return replace(blueprint, majors=majors)


def office_days(session: Session) -> Sequence[OfficeDay]:
    """Return the days that the office decided about, the latest first."""
    return session.scalars(select(OfficeDay).order_by(OfficeDay.day.desc())).all()


def office_majors(session: Session, occupation: str) -> Sequence[OfficeMajor]:
    """Return the majors that the office decided about for an occupation, by kind and name."""
    return session.scalars(
        select(OfficeMajor)
        .where(OfficeMajor.occupation == occupation)
        .order_by(OfficeMajor.kind, OfficeMajor.name)
    ).all()


def major_by_ref(session: Session, ref: str) -> OfficeMajor:
    """Return a major of the office's table; raise NotFound("major.unknown")."""
    return OfficeMajor.by_ref(session, ref, unknown="major.unknown")


LONGEST_REASON, LONGEST_MAJOR = 200, 60
FURTHEST = timedelta(days=5 * 366)
MOST_MAJORS = 500
WORKED, FREE = "worked", "free"


@dataclass(frozen=True, slots=True)
class DayForm:
    """What is typed of a day: which, whether it is worked, why."""

    day: str
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class MajorForm:
    """What is typed of a major: of which occupation, its name, what kind it is, why."""

    occupation: str
    name: str
    kind: str
    reason: str


def set_day(form: DayForm, *, today: date, now: datetime, actor: str) -> None:
    """Say that a day is worked or free, from now on, whatever was said of it before.

    Raise InvalidInput("day.none"|"day.kind"|"day.reason"|"text.unseen").

    Source: R-72.
    """
    day = _day(form.day)
    if abs(day - today) > FURTHEST:
        raise InvalidInput("day.none", field="day")
    if form.kind not in {WORKED, FREE}:
        raise InvalidInput("day.kind", field="kind")
    reason = required(form.reason, "day.reason", "reason", limit=LONGEST_REASON)
    with unit_of_work() as session:
        row = session.get(OfficeDay, day)
        before = _told_day(row) if row is not None else None
        if row is None:
            row = OfficeDay(day=day)
            session.add(row)
        row.worked, row.reason, row.at, row.by = form.kind == WORKED, reason, now, actor
        record(
            session,
            at=now,
            actor=actor,
            act="day.set",
            subject=f"day:{day.isoformat()}",
            reason=reason,
            before=before,
            after=_told_day(row),
        )


def forget_day(text: str, *, now: datetime, actor: str) -> None:
    """Have a day be again what was published of it; raise NotFound("day.unknown")."""
    with unit_of_work() as session:
        row = session.get(OfficeDay, _day(text))
        if row is None:
            raise NotFound("day.unknown")
        record(
            session,
            at=now,
            actor=actor,
            act="day.forget",
            subject=f"day:{row.day.isoformat()}",
            before=_told_day(row),
        )
        session.delete(row)


def set_major(form: MajorForm, *, now: datetime, actor: str) -> None:
    """Say of which kind a major is for an occupation, from now on; people who were decided about stay as they are.

    Raise InvalidInput("major.occupation"|"major.name"|"major.kind"|"major.full"|"text.unseen").

    Source: R-73.
    """
    name = required(form.name, "major.name", "name", limit=LONGEST_MAJOR)
    plain = plain_major(name)
    if not plain:
        raise InvalidInput("major.name", field="name", maximum=LONGEST_MAJOR)
    if form.kind not in {kind.value for kind in KINDS}:
        raise InvalidInput("major.kind", field="kind")
    reason = one_line(form.reason, "reason")[:LONGEST_REASON]
    with unit_of_work() as session:
        if form.occupation not in occupations(session):
            raise InvalidInput("major.occupation")
        there = office_majors(session, form.occupation)
        row = next((one for one in there if one.plain == plain), None)
        before = _told_major(row) if row is not None else None
        if row is None:
            if len(there) >= MOST_MAJORS:
                raise InvalidInput("major.full", field="name", most=MOST_MAJORS)
            row = OfficeMajor(ref=new_ref("mj", 10), occupation=form.occupation, plain=plain)
            session.add(row)
        row.name, row.kind, row.reason, row.at, row.by = name, form.kind, reason, now, actor
        record(
            session,
            at=now,
            actor=actor,
            act="major.set",
            subject=row.logged_as,
            reason=reason,
            before=before,
            after=_told_major(row),
        )


def forget_major(ref: str, *, now: datetime, actor: str) -> None:
    """Have a major be again what the blueprints say of it; raise NotFound("major.unknown")."""
    with unit_of_work() as session:
        row = major_by_ref(session, ref)
        record(
            session, at=now, actor=actor, act="major.forget", subject=row.logged_as, before=_told_major(row)
        )
        session.delete(row)


def occupations(session: Session) -> list[str]:
    names = [blueprint_of(session, row.id).occupation_name for row in current_versions(session)]
    return list(dict.fromkeys(names))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidInput("day.none", field="day") from error


def _told_day(row: OfficeDay) -> dict[str, object]:
    return {"kind": WORKED if row.worked else FREE}


def _told_major(row: OfficeMajor) -> dict[str, object]:
    return {"occupation": row.occupation, "name": row.name, "kind": row.kind}


@cache
def published_holidays() -> Holidays:
    """Return every published year with the weekdays that are free and the weekends that are worked.

    A year counts as published when its National Day is in the list. Source: R-72.
    """
    from chinese_calendar import holidays, workdays

    years = frozenset(day.year for day in holidays if day.month == 10)
    days = {**dict.fromkeys(holidays, False), **dict.fromkeys(workdays, True)}
    return Holidays(years, {day: worked for day, worked in days.items() if day.year in years})
