"""Times and policies in a blueprint that cannot be."""

from dataclasses import replace
from datetime import timedelta

import pytest

from cbt.rules.exam import AdmissionPolicy, ClockPolicy, ExamBlueprint, RetakePolicy, SubmitPolicy, check

from .builders import level_three, minutes, papers, places, skills, theory


@pytest.mark.parametrize(
    ("blueprint", "path", "code"),
    [
        pytest.param(
            papers(theory=theory(submit=SubmitPolicy(minutes(36), minutes(10)))),
            ("papers", "theory", "submit"),
            "blueprint.never_submittable",
            id="never a moment to hand in",
        ),
        pytest.param(
            papers(theory=theory(submit=SubmitPolicy(minutes(46)))),
            ("papers", "theory", "submit"),
            "blueprint.never_submittable",
            id="handing in after the end",
        ),
        pytest.param(
            papers(theory=theory(submit=SubmitPolicy(minutes(-1)))),
            ("papers", "theory", "submit", "earliest"),
            "blueprint.negative",
            id="handing in before the start",
        ),
        pytest.param(
            papers(theory=theory(clock=ClockPolicy(grace=timedelta(seconds=-1)))),
            ("papers", "theory", "clock", "grace"),
            "blueprint.negative",
            id="a negative grace",
        ),
        *(
            pytest.param(
                papers(theory=theory(clock=replace(ClockPolicy(), **{name: "soft"}))),
                ("papers", "theory", "clock", name),
                "blueprint.value_unknown",
                id=f"an unknown {name}",
            )
            for name in ("unit_timing", "unused_time", "late_start")
        ),
        pytest.param(
            papers(theory=theory(warnings=(minutes(15), minutes(45)))),
            ("papers", "theory", "warnings", 1),
            "blueprint.warning_outside",
            id="a warning at the start",
        ),
        pytest.param(
            papers(skills=skills(unit_warnings=(minutes(0),))),
            ("papers", "skills", "unit_warnings", 0),
            "blueprint.warning_outside",
            id="a warning at the end",
        ),
        pytest.param(
            papers(skills=skills(unit_warnings=(minutes(10),))),
            ("papers", "skills", "unit_warnings", 0),
            "blueprint.warning_outside",
            id="a warning as long as the shortest unit",
        ),
        pytest.param(
            level_three(admission=AdmissionPolicy(late_limit=minutes(-1))),
            ("admission", "late_limit"),
            "blueprint.negative",
            id="late before it is time",
        ),
        pytest.param(
            level_three(admission=AdmissionPolicy(report=minutes(41))),
            ("admission", "report"),
            "blueprint.before_check_in",
            id="reporting before the doors open",
        ),
        pytest.param(
            level_three(admission=replace(AdmissionPolicy(), late_from="noon")),
            ("admission", "late_from"),
            "blueprint.value_unknown",
            id="late from an unknown moment",
        ),
        pytest.param(
            level_three(retake=RetakePolicy(years=0)),
            ("retake", "years"),
            "blueprint.not_positive",
            id="no time to retake",
        ),
        pytest.param(
            level_three(retake=replace(RetakePolicy(), window_from="birth")),
            ("retake", "window_from"),
            "blueprint.value_unknown",
            id="a window from an unknown day",
        ),
    ],
)
def test_a_time_that_cannot_be_is_found_at_its_place(
    blueprint: ExamBlueprint, path: tuple[str | int, ...], code: str
) -> None:
    assert (path, code) in places(check(blueprint))
