"""The one reader of working days, and of a level with the majors that the office decided about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.enrolment.decided.models import OfficeDay, OfficeMajor
from cbt.exams.store import blueprint_of
from cbt.holidays import published_holidays
from cbt.rules.enrolment.eligibility.majors import MajorKind
from cbt.rules.enrolment.working_days import Holidays
from cbt.rules.exam.blueprint import ExamBlueprint

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
    found: dict[str, list[str]] = defaultdict(list)
    rows = session.execute(
        select(OfficeMajor.kind, OfficeMajor.name).where(OfficeMajor.occupation == blueprint.occupation_name)
    )
    for kind, name in rows:
        found[kind].append(name)
    majors = blueprint.majors
    for kind in KINDS:
        majors = majors.with_majors(kind, found[kind.value])
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
