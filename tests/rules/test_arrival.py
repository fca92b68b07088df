"""When the doors open and close, at the edges."""

import pytest

from cbt.rules import clock as timing
from cbt.rules.exam import AdmissionPolicy

from .builders import clock, minutes

START = clock("09:00")


def test_the_doors_open_and_close_counted_back_from_the_planned_start() -> None:
    shipped = AdmissionPolicy()
    assert timing.check_in_opens_at(START, shipped) == clock("08:20")
    assert timing.report_at(START, shipped) == clock("08:30")
    assert timing.sign_in_opens_at(START, shipped) == clock("08:40")
    assert timing.late_cutoff_at(START, shipped) == clock("08:45")


def test_late_can_be_counted_from_the_start() -> None:
    assert timing.late_cutoff_at(START, AdmissionPolicy(late_from="start", late_limit=minutes(5))) == clock(
        "09:05"
    )


@pytest.mark.parametrize(
    ("policy", "limit", "counted_from"),
    [
        pytest.param(AdmissionPolicy(), 15, "report_at", id="as shipped"),
        pytest.param(AdmissionPolicy(late_limit=minutes(30)), 30, "report_at", id="until the start"),
        pytest.param(AdmissionPolicy(late_limit=minutes(35)), 5, "start", id="beyond the start"),
        pytest.param(
            AdmissionPolicy(late_from="start", late_limit=minutes(5)), 5, "start", id="from the start"
        ),
        pytest.param(
            AdmissionPolicy(late_from="start", late_limit=minutes(0)), 30, "report_at", id="at the start"
        ),
    ],
)
def test_a_cut_off_is_told_from_the_moment_that_names_it(
    policy: AdmissionPolicy, limit: float, counted_from: str
) -> None:
    told = timing.late_rule(
        planned_start=START,
        report_at=timing.report_at(START, policy),
        cutoff_at=timing.late_cutoff_at(START, policy),
    )
    assert (told.limit, told.counted_from) == (minutes(limit), counted_from)
