"""The rules of the shipped blueprints, and people who apply under them."""

from __future__ import annotations

from datetime import date
from functools import cache

from hypothesis import strategies as st

from cbt.blueprints.reader import read
from cbt.rules.enrolment.conditions import (
    CompletedTraining,
    Diploma,
    EducationLevel,
    EligibilityRules,
    Employment,
    PersonFacts,
    SchoolKind,
    SkillCertificate,
)
from tests.exams.sources import shipped

OCCUPATION = "客户服务管理员"


@cache
def rules(level: str) -> EligibilityRules:
    """Return who may apply for a level, as the shipped blueprint says it."""
    blueprint, flaws = read(shipped(level).read_text("utf-8"))
    assert blueprint is not None, flaws
    return blueprint.eligibility


def on(text: str) -> date:
    """Return a day."""
    return date.fromisoformat(text)


def works(from_on: str, to_on: str = "", *, in_occupation: bool | None = True) -> Employment:
    """Return an employment."""
    return Employment(on(from_on), on(to_on) if to_on else None, in_occupation)


def degree(level: str, major: str, graduated_on: str = "2018-07-01") -> Diploma:
    """Return a diploma of a university."""
    day = on(graduated_on) if graduated_on else None
    return Diploma(EducationLevel(level), major, day, SchoolKind.UNIVERSITY, senior_skills=False)


def technical(major: str, *, school: str = "technician_college", senior: bool | None = True) -> Diploma:
    """Return a diploma of a school that trains skills."""
    kind = SchoolKind(school) if school else None
    return Diploma(EducationLevel.SECONDARY, major, on("2020-07-01"), kind, senior)


def certified(level: str, issued_on: str = "2023-05-10", occupation: str = OCCUPATION) -> SkillCertificate:
    """Return a certificate."""
    return SkillCertificate(occupation, level, on(issued_on) if issued_on else None)


def trained(level: str, completed_on: str = "2026-03-01", hours: int | None = None) -> CompletedTraining:
    """Return a training that was completed."""
    return CompletedTraining(level, on(completed_on) if completed_on else None, hours)


days = st.dates(date(2012, 1, 1), date(2027, 12, 31))
MAJORS = ["市场营销", "客户服务管理专业", "土木工程", "不在表中", ""]


@st.composite
def employments(draw: st.DrawFn) -> Employment:
    """Draw an employment that ends when it began or later, or goes on."""
    from_on = draw(days)
    to_on = draw(st.none() | st.dates(from_on, date(2028, 12, 31)))
    return Employment(from_on, to_on, draw(st.sampled_from([True, True, False, None])))


diplomas = st.builds(
    Diploma,
    st.none() | st.sampled_from(EducationLevel),
    st.sampled_from(MAJORS),
    st.none() | days,
    st.none() | st.sampled_from(SchoolKind),
    st.none() | st.booleans(),
)
certificates = st.builds(
    SkillCertificate,
    st.sampled_from([OCCUPATION, "客户服务管理师", "电工"]),
    st.sampled_from("1234"),
    st.none() | days,
)
trainings = st.builds(
    CompletedTraining, st.sampled_from("23"), st.none() | days, st.none() | st.integers(0, 200)
)
people = st.builds(
    PersonFacts,
    st.lists(employments(), max_size=3).map(tuple),
    st.lists(diplomas, max_size=2).map(tuple),
    st.lists(certificates, max_size=2).map(tuple),
    st.lists(trainings, max_size=2).map(tuple),
    st.none() | st.integers(0, 12),
    st.none() | days,
)
