"""What was typed of somebody is what the conditions are held against, each answer in its place (R-73, R-74)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cbt.blueprints.reader import read
from cbt.enrolment.applications.person import DAYS, NUMBERS, TEXTS, facts_of, read_facts, read_person
from cbt.errors import CbtError, InvalidInput
from cbt.rules.enrolment.conditions import (
    CompletedTraining,
    Diploma,
    EducationLevel,
    PersonFacts,
    SchoolKind,
    SkillCertificate,
)
from tests.exams.sources import shipped

TODAY = date(2026, 11, 20)
EVERYTHING = {
    "education": "bachelor", "major": "市场营销", "school": "示例大学", "school_kind": "university",
    "senior_skills": "yes", "graduated_on": "2018-07-01", "certificate_occupation": "电工",
    "certificate_level": "4", "certificate_on": "2020-05-06", "training_level": "3", "training_on": "2026-03-01",
    "training_hours": "120", "years": "6", "stated_on": "2026-11-02",
}  # fmt: skip
DIPLOMA = Diploma(EducationLevel.BACHELOR, "市场营销", date(2018, 7, 1), SchoolKind.UNIVERSITY, True)
CERTIFICATE = SkillCertificate("电工", "4", date(2020, 5, 6))
TRAINING = CompletedTraining("3", date(2026, 3, 1), 120)


def test_every_answer_of_a_form_stands_where_the_conditions_look_for_it() -> None:
    blueprint, _flaws = read(shipped("l3").read_text("utf-8"))
    assert blueprint is not None
    bare = PersonFacts(stated_on=TODAY)
    for told, facts in (
        ({}, bare),
        (EVERYTHING, PersonFacts((), (DIPLOMA,), (CERTIFICATE,), (TRAINING,), 6, date(2026, 11, 2))),
        ({"years": "0"}, PersonFacts(stated_years=0, stated_on=TODAY)),
        ({"education": "doctor"}, PersonFacts(diplomas=(Diploma(EducationLevel.DOCTOR),), stated_on=TODAY)),
        ({"major": "哲学"}, PersonFacts(diplomas=(Diploma(None, "哲学"),), stated_on=TODAY)),
        ({"school": "示例大学"}, PersonFacts(diplomas=(Diploma(None),), stated_on=TODAY)),
        ({"diploma_number": "8848"}, PersonFacts(diplomas=(Diploma(None),), stated_on=TODAY)),
        (
            {"school_kind": "other", "senior_skills": "no"},
            PersonFacts(
                diplomas=(Diploma(None, school=SchoolKind.OTHER, senior_skills=False),), stated_on=TODAY
            ),
        ),
        ({"graduated_on": "2018-07-01", "senior_skills": "yes"}, bare),  # of no diploma
        (
            {"certificate_level": "3"},
            PersonFacts(certificates=(SkillCertificate(blueprint.occupation_name, "3"),), stated_on=TODAY),
        ),
        ({"certificate_occupation": "电工", "certificate_on": "2020-05-06"}, bare),
        ({"training_level": "2"}, PersonFacts(trainings=(CompletedTraining("2"),), stated_on=TODAY)),
        ({"training_hours": "8", "training_on": "2026-03-01"}, bare),
    ):
        assert facts_of(told, blueprint, today=TODAY) == facts, told


def test_what_a_form_may_say_ends_where_it_is_said_to() -> None:
    most = {name: "长" * length for name, length in TEXTS.items()} | {
        name: str(number) for name, number in NUMBERS.items()
    }
    for name, text in (
        *most.items(),
        *((name, day) for name in DAYS for day in ("1940-01-01", "2100-01-01")),
        ("insured", "no"),
        ("school_kind", "other"),
    ):
        assert read_facts({name: f" {text}" if name in (*DAYS, *NUMBERS) else text}) == {name: text}
    assert read_facts(dict.fromkeys((*TEXTS, *DAYS, *NUMBERS), " ")) == {}
    for name, text, code in (
        *((name, "长" * (length + 1), "applicant.too_long") for name, length in TEXTS.items()),
        *((name, str(number + 1), "applicant.number") for name, number in NUMBERS.items()),
        *((name, day, "applicant.day") for name in DAYS for day in ("1939-12-31", "2100-01-02", "soon")),
        ("insured", "maybe", "web.bad_request"),
        ("training_level", "6", "web.bad_request"),
    ):
        with pytest.raises(InvalidInput) as refused:
            read_facts({name: text})
        assert (refused.value.code, refused.value.params.get("field", name)) == (code, name)


def test_what_a_form_says_of_somebody_is_refused_at_its_field() -> None:
    blueprint, _flaws = read(shipped("l3").read_text("utf-8"))
    assert blueprint is not None
    good = {
        "name": "陆遥", "document_type": "passport", "document_number": "E1234567", "gender": "female",
        "phone": "13800002222", "kind": "first", "graduated_on": "1940-01-01", "training_on": "2100-01-01",
    }  # fmt: skip
    read_person(good, ["theory"], blueprint)
    for changes, code, field in (
        ({"gender": ""}, "applicant.gender", "gender"),
        ({"gender": "x"}, "applicant.gender", "gender"),
        ({"papers": []}, "applicant.papers", "papers"),
        ({"papers": ["none"]}, "applicant.papers", "papers"),
        ({"kind": ""}, "web.bad_request", None),
        ({"graduated_on": "1939-12-31"}, "applicant.day", "graduated_on"),
        ({"graduated_on": "2100-01-02"}, "applicant.day", "graduated_on"),
        ({"graduated_on": "soon"}, "applicant.day", "graduated_on"),
        ({"years": str(NUMBERS["years"] + 1)}, "applicant.number", "years"),
        ({"years": "-1"}, "applicant.number", "years"),
        ({"school": "长" * (TEXTS["school"] + 1)}, "applicant.too_long", "school"),
        ({"education": "none"}, "web.bad_request", None),
    ):
        sent: dict[str, Any] = good | changes
        with pytest.raises(CbtError) as error:
            read_person(sent, sent.pop("papers", ["theory"]), blueprint)
        assert (error.value.code, error.value.params.get("field")) == (code, field), changes
    longest = {"years": str(NUMBERS["years"]), "school": "长" * TEXTS["school"]}
    assert read_person(good | longest, ["skills", "theory"], blueprint).told.items() >= longest.items()
