"""What in a blueprint does not add up."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from cbt.rules.exam import (
    AdmissionPolicy,
    ClockPolicy,
    DifficultyMix,
    ExamBlueprint,
    Flaw,
    RetakePolicy,
    SubmitPolicy,
    check,
    check_names,
)
from cbt.rules.items.content import ItemType, PartialCredit

from .builders import level_three, minutes, papers, places, skills, theory, with_section, with_unit


def test_the_shipped_papers_add_up() -> None:
    assert check(level_three()) == []


def test_a_paper_is_called_by_occupation_level_and_subject() -> None:
    blueprint = replace(level_three(), occupation_name="客户服务管理员", level_name="三级")
    label = blueprint.papers["theory"].label
    assert blueprint.paper_title("theory") == f"客户服务管理员（三级）· {label}"


def test_points_that_do_not_add_up_are_found_with_the_sum() -> None:
    (found,) = check(with_section(1, count=59))
    assert found == Flaw(
        ("papers", "theory", "points"), "blueprint.points_sum", {"points": Decimal(100), "sum": Decimal(99)}
    )


def test_minutes_that_do_not_add_up_are_found_with_the_sum() -> None:
    (found,) = check(with_unit(2, minutes=minutes(12)))
    assert found == Flaw(
        ("papers", "skills", "duration"), "blueprint.minutes_sum", {"minutes": "45", "sum": "47"}
    )


@pytest.mark.parametrize(
    ("blueprint", "path", "code"),
    [
        pytest.param(level_three(papers={}), ("papers",), "blueprint.no_paper", id="no paper"),
        pytest.param(
            papers(theory=theory(units=skills().units)),
            ("papers", "theory"),
            "blueprint.sections_or_units",
            id="sections and units",
        ),
        pytest.param(
            papers(theory=theory(sections=())),
            ("papers", "theory"),
            "blueprint.sections_or_units",
            id="neither of them",
        ),
        pytest.param(
            papers(theory=theory(duration=timedelta(0))),
            ("papers", "theory", "duration"),
            "blueprint.not_positive",
            id="no time",
        ),
        pytest.param(
            papers(theory=theory(score_step=Decimal(0))),
            ("papers", "theory", "score_step"),
            "blueprint.not_positive",
            id="a step of nothing",
        ),
        pytest.param(
            papers(theory=theory(pass_points=Decimal("100.1"))),
            ("papers", "theory", "pass_points"),
            "blueprint.pass_outside",
            id="a pass mark above the points",
        ),
        pytest.param(
            papers(theory=theory(pass_points=Decimal(-1))),
            ("papers", "theory", "pass_points"),
            "blueprint.pass_outside",
            id="a negative pass mark",
        ),
        pytest.param(
            papers(theory=theory(modes=())),
            ("papers", "theory", "modes"),
            "blueprint.mode_unknown",
            id="no mode",
        ),
        pytest.param(
            papers(theory=theory(modes=("machine", "oral"))),
            ("papers", "theory", "modes"),
            "blueprint.mode_unknown",
            id="an unknown mode",
        ),
        pytest.param(
            papers(theory=theory(tools=("highlighter", "telescope"))),
            ("papers", "theory", "tools"),
            "blueprint.value_unknown",
            id="an unknown tool",
        ),
        pytest.param(
            papers(theory=theory(difficulty=DifficultyMix((0, 0, 0, 0, 0)))),
            ("papers", "theory", "difficulty"),
            "blueprint.difficulty_mix",
            id="a mix of nothing",
        ),
        pytest.param(
            papers(theory=theory(difficulty=DifficultyMix((1, 2, 3)))),  # type: ignore[arg-type]  # a wrong length on purpose
            ("papers", "theory", "difficulty"),
            "blueprint.difficulty_mix",
            id="a mix of three",
        ),
        pytest.param(
            papers(theory=theory(difficulty=DifficultyMix((1, -2, 4, 2, 1)))),
            ("papers", "theory", "difficulty"),
            "blueprint.difficulty_mix",
            id="a negative share",
        ),
        pytest.param(
            papers(theory=theory(release="later")),
            ("papers", "theory", "release"),
            "blueprint.value_unknown",
            id="an unknown release",
        ),
        pytest.param(
            with_section(0, count=0),
            ("papers", "theory", "sections", 0, "count"),
            "blueprint.not_positive",
            id="an empty section",
        ),
        pytest.param(
            with_section(0, points_each=Decimal(-1)),
            ("papers", "theory", "sections", 0, "points_each"),
            "blueprint.not_positive",
            id="negative points",
        ),
        pytest.param(
            with_section(0, minutes=minutes(-5)),
            ("papers", "theory", "sections", 0, "minutes"),
            "blueprint.not_positive",
            id="a section of negative minutes",
        ),
        pytest.param(
            with_section(0, minutes=minutes(45)),
            ("papers", "theory", "sections"),
            "blueprint.minutes_partial",
            id="minutes for one section only",
        ),
        pytest.param(
            with_section(1, type=ItemType.TRUE_FALSE),
            ("papers", "theory", "sections", 1, "type"),
            "blueprint.section_repeated",
            id="two sections of one type",
        ),
        pytest.param(
            with_section(1, type=ItemType.CASE),
            ("papers", "theory", "sections", 1, "type"),
            "blueprint.section_type",
            id="a section of cases",
        ),
        pytest.param(
            with_section(1, credit=PartialCredit.SUBSET),
            ("papers", "theory", "sections", 1, "credit"),
            "blueprint.credit_type",
            id="part of a single choice",
        ),
        pytest.param(
            with_unit(1, credit={ItemType.ORDERING: PartialCredit.SUBSET}),
            ("papers", "skills", "units", 1, "credit", "ordering"),
            "blueprint.credit_type",
            id="a rule for another type",
        ),
        pytest.param(
            with_unit(1, number=1),
            ("papers", "skills", "units", 1, "number"),
            "blueprint.unit_number",
            id="a unit number twice",
        ),
        pytest.param(
            with_unit(3, minutes=timedelta(0)),
            ("papers", "skills", "units", 3, "minutes"),
            "blueprint.not_positive",
            id="a unit without time",
        ),
        pytest.param(
            with_unit(3, points=Decimal(0)),
            ("papers", "skills", "units", 3, "points"),
            "blueprint.not_positive",
            id="a unit worth nothing",
        ),
        pytest.param(
            with_unit(0, select="any_two"),
            ("papers", "skills", "units", 0, "select"),
            "blueprint.value_unknown",
            id="an unknown choice of units",
        ),
    ],
)
def test_what_does_not_hold_is_found_at_its_place(
    blueprint: ExamBlueprint, path: tuple[str | int, ...], code: str
) -> None:
    assert (path, code) in places(check(blueprint))


@pytest.mark.parametrize(
    "blueprint",
    [
        pytest.param(papers(theory=theory(pass_points=Decimal(0))), id="everybody passes"),
        pytest.param(papers(theory=theory(pass_points=Decimal(100))), id="only the perfect pass"),
        pytest.param(
            papers(theory=theory(difficulty=DifficultyMix((0, 0, 1, 0, 0)))), id="one difficulty only"
        ),
        pytest.param(level_three(retake=RetakePolicy(years=1)), id="one year to retake"),
        pytest.param(level_three(admission=AdmissionPolicy(report=minutes(40))), id="reporting at once"),
        pytest.param(level_three(admission=AdmissionPolicy(late_limit=minutes(0))), id="nobody may be late"),
        pytest.param(papers(theory=theory(clock=ClockPolicy(grace=timedelta(0)))), id="no grace"),
    ],
)
def test_extreme_choices_are_choices(blueprint: ExamBlueprint) -> None:
    assert check(blueprint) == []


def test_a_wrong_unit_number_is_found_with_the_right_one() -> None:
    (found,) = check(with_unit(3, number=5))
    assert found.params == {"number": 5, "expected": 4}


def test_everything_is_found_at_once() -> None:
    found = places(check(with_unit(1, minutes=minutes(20), points=Decimal(35))))
    assert {code for _, code in found} == {"blueprint.points_sum", "blueprint.minutes_sum"}


def test_handing_in_at_the_very_end_is_a_choice_and_no_error() -> None:
    assert check(papers(theory=theory(submit=SubmitPolicy(minutes(35), minutes(10))))) == []


def test_the_shipped_rules_are_those_of_the_notice() -> None:
    """What stands here is R-3, R-4, R-8, R-11, R-21, R-23 and R-24; a blueprint may choose otherwise."""
    paper = theory()
    assert (paper.points, paper.pass_points, paper.score_step) == (100, 60, Decimal("0.1"))
    assert paper.modes == ("machine", "paper")
    assert (paper.warnings, paper.unit_warnings) == (
        (minutes(15), minutes(5), minutes(1)),
        (minutes(3), minutes(1)),
    )
    assert (paper.calculator, paper.lock_down, paper.release) == (False, True, "score")
    assert paper.difficulty.shares == (1, 2, 4, 2, 1)
    assert (paper.submit.earliest, paper.submit.closed_before_end) == (minutes(30), timedelta(0))
    assert paper.clock == ClockPolicy("strict", "carried", "scale", timedelta(seconds=3))
    assert RetakePolicy() == RetakePolicy(2, "release", absent_may_retake=False)
    assert AdmissionPolicy() == AdmissionPolicy(
        check_in_opens=minutes(40),
        report=minutes(30),
        sign_in_opens=minutes(20),
        late_limit=minutes(15),
        late_from="report_at",
        sign_in_needs_check_in=True,
        leave_allowed=True,
    )


def test_windows_are_the_units_of_a_strict_paper() -> None:
    assert skills().windows == (minutes(10), minutes(15), minutes(10), minutes(10))
    assert skills(clock=ClockPolicy(unit_timing="pooled")).windows == ()
    assert theory().windows == ()
    timed = tuple(
        replace(section, minutes=minutes(span))
        for section, span in zip(theory().sections, (15, 30), strict=True)
    )
    assert theory(sections=timed).windows == (minutes(15), minutes(30))


def test_the_shipped_mix_is_centred() -> None:
    assert DifficultyMix().mean == 3
    assert DifficultyMix((1, 0, 0, 0, 2)).mean == Fraction(11, 3)


def test_a_paper_is_called_what_the_blueprint_calls_it() -> None:
    assert skills(name="操作技能").label == "操作技能"


@pytest.mark.parametrize(
    ("ref", "fits"),
    [
        pytest.param("customer-service_3", True, id="letters, digits, both marks"),
        pytest.param("3", True, id="one digit"),
        pytest.param("a" * 60, True, id="the longest"),
        pytest.param("a" * 61, False, id="longer"),
        pytest.param("", False, id="nothing"),
        pytest.param("-a", False, id="a mark first"),
        pytest.param("Customer", False, id="a capital"),
        pytest.param("客服", False, id="characters"),
        pytest.param("a/b", False, id="a slash"),
        pytest.param("a\n", False, id="a line end"),
    ],
)
def test_a_blueprints_name_can_stand_in_an_address(ref: str, fits: bool) -> None:
    found = check_names(replace(level_three(), ref=ref))
    assert [(flaw.path, flaw.code) for flaw in found] == ([] if fits else [(("ref",), "blueprint.name_form")])


def test_a_papers_name_is_shorter_than_a_blueprints() -> None:
    blueprint = replace(level_three(), papers={"a" * 20: theory(), "a" * 21: theory()})
    assert [flaw.path for flaw in check_names(blueprint)] == [("papers", "a" * 21)]


@pytest.mark.parametrize(
    ("named", "warnings", "of_unit"),
    [
        pytest.param({"warnings", "unit_warnings"}, (5, 1), (1,), id="both are the shipped ones"),
        pytest.param({"warnings"}, (5, 1), (3, 1), id="those of units were written"),
        pytest.param({"unit_warnings"}, (15, 5, 1), (1,), id="those of the paper were written"),
        pytest.param(set(), (15, 5, 1), (3, 1), id="both were written"),
    ],
)
def test_shipped_warnings_fit_a_short_paper(
    named: set[str], warnings: tuple[int, ...], of_unit: tuple[int, ...]
) -> None:
    spans = (3, 4, 4, 4)
    short = skills(
        duration=minutes(15),
        units=tuple(
            replace(unit, minutes=minutes(span)) for unit, span in zip(skills().units, spans, strict=True)
        ),
    )
    fitted = short.with_fitting_warnings(named)
    assert fitted.warnings == tuple(map(minutes, warnings))
    assert fitted.unit_warnings == tuple(map(minutes, of_unit))


def test_a_paper_of_one_time_holds_warnings_of_units_against_its_duration() -> None:
    assert theory(duration=minutes(2)).with_fitting_warnings({"unit_warnings"}).unit_warnings == (minutes(1),)
