"""The twelve conditions of the notice: who meets which, by what evidence, from when, and what is to be decided."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbt.rules.calendar import last_day
from cbt.rules.enrolment.assessment import ATOMS, assess, at_least
from cbt.rules.enrolment.conditions import (
    Condition,
    ConditionAnswer,
    EligibilityAnswer,
    EligibilityRules,
    Employment,
    EnrolmentPolicy,
    Fulfilment,
    MajorKind,
    MajorTable,
    OfficerQuestion,
    PersonFacts,
    RequiredProof,
)
from tests.rules.enrolment.people import (
    certified,
    days,
    degree,
    employments,
    on,
    people,
    rules,
    technical,
    trained,
    works,
)

DAY = timedelta(days=1)
TODAY = on("2026-11-27")
P = PersonFacts


def met(level: str, facts: PersonFacts, day: date = TODAY) -> list[int]:
    """Return the numbers of the conditions somebody meets."""
    return [one.number for one in assess(rules(level), facts, on=day).met]


def answer(level: str, number: int, facts: PersonFacts, day: date = TODAY) -> ConditionAnswer:
    """Return what one condition says."""
    return assess(rules(level), facts, on=day).conditions[number - 1]


@pytest.mark.parametrize(
    ("level", "facts", "numbers"),
    [
        pytest.param("l3", P((works("2021-11-27"),)), [1], id="三级 1: five years to the day"),
        pytest.param("l3", P((works("2021-11-28"),)), [], id="三级 1: a day short"),
        pytest.param("l3", P(diplomas=(technical("市场营销"),)), [2], id="三级 2: 技师学院, related"),
        pytest.param(
            "l3", P(diplomas=(technical("市场营销", senior=False),)), [], id="三级 2: not for senior skills"
        ),
        pytest.param(
            "l3", P(diplomas=(technical("市场营销", school="university"),)), [], id="三级 2: no such school"
        ),
        pytest.param("l3", P(diplomas=(degree("junior_college", "企业管理专业"),)), [3], id="三级 3: 大专"),
        pytest.param("l3", P(diplomas=(degree("doctor", "客户服务管理"),)), [3], id="三级 3: 以上"),
        pytest.param("l3", P(diplomas=(degree("secondary", "市场营销"),)), [], id="三级 3: too low"),
        pytest.param(
            "l3", P(diplomas=(degree("junior_college", "市场营销", "2026-11-28"),)), [], id="三级 3: tomorrow"
        ),
        pytest.param("l2", P((works("2020-11-27"),)), [1], id="二级 1: six years"),
        pytest.param(
            "l2",
            P((works("2024-01-01"),), certificates=(certified("3"),)),
            [2],
            id="二级 2: two years after the certificate",
        ),
        pytest.param(
            "l2",
            P((works("2021-01-01"),), certificates=(certified("3", "2024-11-28"),)),
            [],
            id="二级 2: worked long, certified too late",
        ),
        pytest.param(
            "l2", P((works("2021-01-01"),), certificates=(certified("3", "2024-11-27"),)), [2],
            id="二级 2: two years to the day",
        ),
        pytest.param(
            "l2",
            P((works("2024-01-01"),), certificates=(certified("3", occupation="电工"),)),
            [],
            id="二级 2: of another occupation",
        ),
        pytest.param(
            "l2",
            P((works("2024-01-01"),), certificates=(certified("4"),)),
            [],
            id="二级 2: of a lower level",
        ),
        pytest.param(
            "l2",
            P((works("2025-11-27"),), certificates=(certified("3"),), trainings=(trained("2"),)),
            [3],
            id="二级 3: a year and the training",
        ),
        pytest.param(
            "l2",
            P((works("2025-11-27"),), certificates=(certified("3"),), trainings=(trained("3"),)),
            [],
            id="二级 3: the training of another level",
        ),
        pytest.param(
            "l2",
            P((works("2021-01-01"),), (degree("bachelor", "市场营销", "2021-11-27"),)),
            [4],
            id="二级 4: five years after the degree",
        ),
        pytest.param(
            "l2",
            P((works("2021-01-01"),), (degree("bachelor", "市场营销", "2021-11-28"),)),
            [],
            id="二级 4: worked before the degree",
        ),
        pytest.param(
            "l2",
            P((works("2024-01-01"),), (degree("bachelor", "市场营销"),), (certified("3"),)),
            [2, 5],
            id="二级 5: and 2 with it",
        ),
        pytest.param(
            "l2",
            P((works("2025-11-01"),), (degree("bachelor", "市场营销"),), (certified("3"),), (trained("2"),)),
            [3, 6],
            id="二级 6: and 3 with it",
        ),
        pytest.param(
            "l2", P((works("2024-11-01"),), (degree("master", "不在表中"),)), [7], id="二级 7: any major"
        ),
    ],
)  # fmt: skip
def test_a_condition_of_the_notice_is_met_by_whom_it_means(
    level: str, facts: PersonFacts, numbers: list[int]
) -> None:
    assert met(level, facts) == numbers


OTHER_MAJOR = replace(rules("l3"), majors=rules("l3").majors.with_majors(MajorKind.OTHER, ["土木工程"]))


@pytest.mark.parametrize(
    ("facts", "numbers"),
    [
        pytest.param(P((works("2025-11-27"),)), [4], id="三级 4: a year, another major"),
        pytest.param(
            P(trainings=(trained("3", "2018-07-01"),)), [5], id="三级 5: trained from the degree on"
        ),
        pytest.param(P(trainings=(trained("3", "2018-06-30"),)), [], id="三级 5: trained before the degree"),
        pytest.param(P(trainings=(trained("3", "2026-12-01"),)), [], id="三级 5: not trained yet"),
    ],
)
def test_who_has_another_major_needs_more(facts: PersonFacts, numbers: list[int]) -> None:
    facts = replace(facts, diplomas=(degree("junior_college", "土木工程"),))
    assert [one.number for one in assess(OTHER_MAJOR, facts, on=TODAY).met] == numbers


def test_what_is_asked_of_a_diploma_is_asked_of_one() -> None:
    """A degree in another major and a school leaver's related one do not make a related degree."""
    two = P(diplomas=(degree("bachelor", "土木工程"), degree("secondary", "市场营销")))
    assert assess(OTHER_MAJOR, two, on=TODAY).fulfilment is Fulfilment.NOT_MET
    assert met("l3", P(diplomas=(degree("secondary", "语文"), degree("bachelor", "市场营销")))) == [3]


@pytest.mark.parametrize(
    ("level", "number", "facts", "question"),
    [
        pytest.param(
            "l3", 3, P(diplomas=(degree("bachelor", "应用心理学"),)), OfficerQuestion.MAJOR, id="major"
        ),
        pytest.param("l3", 3, P(diplomas=(degree("bachelor", ""),)), OfficerQuestion.MAJOR, id="no major"),
        pytest.param(
            "l3",
            3,
            P(diplomas=(replace(degree("bachelor", "市场营销"), level=None),)),
            OfficerQuestion.EDUCATION_LEVEL,
            id="education",
        ),
        pytest.param(
            "l3", 2, P(diplomas=(technical("市场营销", school=""),)), OfficerQuestion.SCHOOL_KIND, id="school"
        ),
        pytest.param(
            "l3",
            2,
            P(diplomas=(technical("市场营销", senior=None),)),
            OfficerQuestion.SENIOR_SKILLS,
            id="aim",
        ),
        pytest.param(
            "l3", 1, P((works("2020-01-01", in_occupation=None),)), OfficerQuestion.POST, id="the post"
        ),
        pytest.param(
            "l2",
            2,
            P((works("2020-12-01"),), certificates=(certified("3", ""),)),
            OfficerQuestion.CERTIFICATE_DATE,
            id="when certified",
        ),
        pytest.param(
            "l2",
            4,
            P((works("2020-12-01"),), (degree("bachelor", "市场营销", ""),)),
            OfficerQuestion.GRADUATION_DATE,
            id="when graduated",
        ),
        pytest.param(
            "l2",
            3,
            P((works("2025-01-01"),), certificates=(certified("3"),), trainings=(trained("2", ""),)),
            OfficerQuestion.TRAINING_DATE,
            id="when trained",
        ),
    ],
)
def test_what_nobody_can_tell_is_for_the_officer(
    level: str, number: int, facts: PersonFacts, question: OfficerQuestion
) -> None:
    found = answer(level, number, facts)
    assert (found.fulfilment, found.questions, found.from_on) == (Fulfilment.UNKNOWN, (question,), None)


def test_what_is_lacking_outweighs_what_is_to_be_decided() -> None:
    found = answer(
        "l2", 3, P((works("2026-01-01"),), certificates=(certified("3", ""),), trainings=(trained("2"),))
    )
    assert found.fulfilment is Fulfilment.NOT_MET
    assert found.questions == (OfficerQuestion.CERTIFICATE_DATE,)
    assert [(one.atom, one.asked) for one in found.lacking] == [("years", {"years": 1, "have": 0})]
    assert found.from_on == on("2027-01-01")


def test_all_that_is_lacking_has_to_be_there_first() -> None:
    facts = P((works("2026-01-01"),), certificates=(certified("3"),), trainings=(trained("2", "2026-12-15"),))
    found = answer("l2", 3, facts)
    assert [one.from_on for one in found.lacking] == [on("2027-01-01"), on("2026-12-15")]
    assert found.from_on == on("2027-01-01")
    assert answer("l2", 3, replace(facts, trainings=())).from_on is None


def test_hours_are_asked_where_the_blueprint_names_them() -> None:
    asked = Condition(1, "", training="3", training_hours=120)
    held = EligibilityRules((asked,), EnrolmentPolicy(), MajorTable(), ())
    for hours, fulfilment in ((119, "not_met"), (120, "met"), (None, "unknown")):
        facts = P(trainings=(trained("3", hours=hours),))
        assert assess(held, facts, on=TODAY).fulfilment == fulfilment
    assert assess(held, P(trainings=(trained("3", "", hours=120),)), on=TODAY).fulfilment == "met"


def test_the_best_of_several_trainings_counts() -> None:
    facts = P(
        (works("2025-01-01"),), certificates=(certified("3"),), trainings=(trained("2", ""), trained("2"))
    )
    assert 3 in met("l2", facts)
    assert 3 in met("l2", replace(facts, trainings=facts.trainings[::-1]))


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_ways_the_soonest_is_told(order: int) -> None:
    two = (certified("3", "2026-01-01"), certified("3", "2025-06-01"))[::order]
    assert answer("l2", 2, P((works("2021-01-01"),), certificates=two)).from_on == on("2027-06-01")
    degrees = (degree("master", "哲学", "2026-01-01"), degree("master", "哲学", "2025-07-01"))[::order]
    assert answer("l2", 7, P((works("2021-01-01"),), degrees)).from_on == on("2027-07-01")


def test_the_evidence_of_a_condition_is_named() -> None:
    facts = P((works("2025-11-01"),), (degree("bachelor", "市场营销"),), (certified("3"),), (trained("2"),))
    assert answer("l2", 6, facts).proofs == tuple(RequiredProof)
    assert answer("l2", 1, facts).proofs == (RequiredProof.IDENTITY, RequiredProof.EMPLOYMENT)


@pytest.mark.parametrize(
    ("first", "second", "from_on"),
    [
        pytest.param(works("2022-01-01", "2024-05-31"), works("2024-06-01"), "2027-01-01", id="no gap"),
        pytest.param(works("2022-01-01", "2024-05-31"), works("2024-07-01"), "2027-01-01", id="30 days"),
        pytest.param(works("2022-01-01", "2024-05-31"), works("2024-07-02"), "2029-07-02", id="31 days"),
        pytest.param(works("2022-01-01", "2024-05-31"), works("2023-01-01"), "2027-01-01", id="two at once"),
        pytest.param(works("2022-01-01"), works("2023-01-01", "2023-06-01"), "2027-01-01", id="one within"),
    ],
)
def test_a_gap_begins_the_count_anew(first: Employment, second: Employment, from_on: str) -> None:
    for work in ((first, second), (second, first)):
        assert answer("l3", 1, P(work)).from_on == on(from_on)


@pytest.mark.parametrize(
    ("ended_on", "numbers"),
    [pytest.param("2021-02-28", [1], id="five years"), pytest.param("2021-02-27", [], id="a day less")],
)
def test_years_that_are_over_count_as_well(ended_on: str, numbers: list[int]) -> None:
    facts = P((works("2016-03-01", ended_on),))
    assert met("l3", facts) == numbers
    assert answer("l3", 1, facts).from_on is None


def test_a_leap_day_has_its_anniversary_on_the_28th() -> None:
    begun = P((works("2024-02-29"),))
    assert answer("l3", 1, begun).from_on == on("2029-02-28")
    assert met("l3", begun, on("2029-02-28")) == [1]


def test_stated_years_stand_for_dates() -> None:
    stated = P(stated_years=4, stated_on=TODAY)
    found = answer("l3", 1, stated)
    assert (found.from_on, found.lacking[0].asked) == (on("2027-11-27"), {"years": 5, "have": 4})
    assert met("l3", replace(stated, stated_years=5)) == [1]
    assert answer("l3", 1, replace(stated, stated_on=None)).from_on is None


@pytest.mark.parametrize(
    ("level", "needed", "enough"),
    [("3", "3", True), ("2", "3", True), ("4", "3", False), ("高级", "高级", True), ("高级", "3", False)],
)
def test_a_higher_level_is_enough(level: str, needed: str, enough: bool) -> None:
    assert at_least(level, needed) is enough


def test_the_counting_day_is_the_blueprints_to_say() -> None:
    held = {"applied_on": TODAY, "exam_on": TODAY + DAY}
    assert EnrolmentPolicy().counting_day(**held) == TODAY
    assert EnrolmentPolicy(counted_to="exam").counting_day(**held) == TODAY + DAY


def test_without_conditions_the_officer_decides() -> None:
    bare = EligibilityRules((), EnrolmentPolicy(), MajorTable(), ())
    found = assess(bare, P(), on=TODAY)
    assert (found.fulfilment, found.from_on, found.met) == (Fulfilment.UNKNOWN, None, ())
    assert ConditionAnswer(1, ()).fulfilment is Fulfilment.UNKNOWN


def test_every_atom_has_keys_of_its_own_and_all_keys_have_one() -> None:
    keys = [key for atom in ATOMS for key in atom.keys]
    assert len({atom.name for atom in ATOMS}) == len(ATOMS)
    assert len(keys) == len(set(keys))
    assert {*keys, "number", "text"} == set(Condition.__dataclass_fields__)


@settings(max_examples=40)
@given(st.sampled_from(["l3", "l2"]), people, days)
def test_the_day_from_which_it_would_be_met_is_the_first(level: str, facts: PersonFacts, day: date) -> None:
    for one in assess(rules(level), facts, on=day).conditions:
        if one.from_on is None:
            continue
        assert day < one.from_on
        before = answer(level, one.number, facts, one.from_on - DAY)
        assert before.fulfilment is Fulfilment.NOT_MET
        assert answer(level, one.number, facts, one.from_on).fulfilment is not Fulfilment.NOT_MET


@settings(max_examples=40)
@given(st.sampled_from(["l3", "l2"]), people, days, st.integers(0, 1500))
def test_what_is_met_stays_met(level: str, facts: PersonFacts, day: date, later: int) -> None:
    ahead = met(level, facts, day + DAY * later)
    assert set(met(level, facts, day)) <= set(ahead)


@settings(max_examples=25)
@given(people, people, days)
def test_knowing_more_of_somebody_takes_no_condition_away(
    facts: PersonFacts, more: PersonFacts, day: date
) -> None:
    facts = replace(facts, employments=facts.known_employments())
    both = P(
        facts.employments + more.employments,
        facts.diplomas + more.diplomas,
        facts.certificates + more.certificates,
        facts.trainings + more.trainings,
    )
    assert set(met("l2", facts, day)) <= set(met("l2", both, day))


@settings(max_examples=40)
@given(st.lists(employments(), max_size=4).map(tuple), st.integers(0, 400), days)
def test_years_are_those_that_a_count_day_by_day_finds(
    work: tuple[Employment, ...], gap: int, day: date
) -> None:
    """The rule against its plainest reading: every day is worked, or lies in a gap that is none."""
    work = tuple(replace(one, in_occupation=True) for one in work)
    held = EligibilityRules((Condition(1, "", years=2),), EnrolmentPolicy(gap_days=gap), MajorTable(), ())
    assert (assess(held, P(work), on=day).fulfilment is Fulfilment.MET) == _worked_two_years(work, gap, day)


def _worked_two_years(work: tuple[Employment, ...], gap: int, day: date) -> bool:
    for start in {one.from_on for one in work}:
        done = last_day(start, 2)
        if done > day:
            continue
        free, longest, here = 0, 0, start
        while here < done:
            worked = any(one.from_on <= here and (one.to_on is None or here <= one.to_on) for one in work)
            free = 0 if worked else free + 1
            longest, here = max(longest, free), here + DAY
        # A gap that reaches the end has to be over again some day.
        while free and free <= gap and here <= date(2030, 1, 1):
            worked = any(one.from_on <= here and (one.to_on is None or here <= one.to_on) for one in work)
            if worked:
                break
            free, here = free + 1, here + DAY
        if longest <= gap and (free == 0 or (free <= gap and here <= date(2030, 1, 1))):
            return True
    return False


def test_an_answer_says_its_day() -> None:
    assert isinstance(assess(rules("l3"), P(), on=TODAY), EligibilityAnswer)
    assert assess(rules("l3"), P(), on=TODAY).counted_on == TODAY
