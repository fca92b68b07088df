"""认定管理协议: in force from its day to the same date next year, and shown before it runs out."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.rules.enrolment.member_units import WARNED_DAYS, AgreementStanding, AgreementTerm

DAY = timedelta(days=1)
terms = st.builds(
    AgreementTerm,
    st.dates(date(2020, 1, 1), date(2030, 12, 31)),
    st.integers(1, 3),
    st.none() | st.dates(date(2020, 1, 1), date(2035, 1, 1)),
)


def on(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("day", "standing"),
    [
        pytest.param("2026-02-28", AgreementStanding.NOT_YET, id="the day before"),
        pytest.param("2026-03-01", AgreementStanding.IN_FORCE, id="its day"),
        pytest.param("2027-03-01", AgreementStanding.IN_FORCE, id="the same date next year"),
        pytest.param("2027-03-02", AgreementStanding.EXPIRED, id="a day later"),
    ],
)
def test_an_agreement_holds_for_a_year(day: str, standing: AgreementStanding) -> None:
    assert AgreementTerm(on("2026-03-01")).standing(on(day)) is standing


def test_a_leap_day_ends_on_the_28th() -> None:
    assert AgreementTerm(on("2028-02-29")).last_on == on("2029-02-28")


def test_one_that_was_ended_early_held_until_then() -> None:
    term = AgreementTerm(on("2026-03-01"), ended_on=on("2026-06-30"))
    assert term.standing(on("2026-06-30")) is AgreementStanding.IN_FORCE
    assert term.standing(on("2026-07-01")) is AgreementStanding.ENDED
    assert term.standing(on("2027-03-02")) is AgreementStanding.EXPIRED


def test_an_application_asks_for_its_day_and_the_day_of_the_exam() -> None:
    term = AgreementTerm(on("2026-03-01"))
    assert term.in_force(on("2027-02-20"), on("2027-03-01"))
    assert not term.in_force(on("2027-02-20"), on("2027-03-20"))


@pytest.mark.parametrize(
    ("day", "mark"),
    [
        pytest.param("2026-12-30", None, id="61 days left"),
        pytest.param("2026-12-31", 60, id="60 days left"),
        pytest.param("2027-01-30", 30, id="30 days left"),
        pytest.param("2027-02-22", 7, id="a week left"),
        pytest.param("2027-03-01", 7, id="the last day"),
        pytest.param("2027-03-02", None, id="over"),
    ],
)
def test_what_runs_out_is_shown_by_the_nearest_mark(day: str, mark: int | None) -> None:
    assert AgreementTerm(on("2026-03-01")).expires_within(on(day)) == mark


@given(terms, st.dates(date(2020, 1, 1), date(2035, 1, 1)))
def test_an_agreement_holds_between_two_days(term: AgreementTerm, day: date) -> None:
    assert term.in_force(day) == (term.effective_on <= day <= term.last_on)
    mark = term.expires_within(day)
    assert (mark is not None) == (term.in_force(day) and term.days_left(day) <= max(WARNED_DAYS))
    if term.in_force(day + DAY) and term.in_force(day) and mark is not None:
        assert (term.expires_within(day + DAY) or 0) <= mark
