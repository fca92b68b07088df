"""What holds for every clock, whatever happens in a room."""

from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.rules.clock import Adjustment, AttemptClock, Facts, Pause, Spread, UnitEnd, clock_at, union
from cbt.rules.exam import ClockPolicy

from .builders import clock, minutes

START = clock("09:00")
PAPERS = (
    (minutes(10), minutes(15), minutes(10), minutes(10)),
    (minutes(20), minutes(15), minutes(10), minutes(15)),
)


def seconds(first: int, last: int) -> st.SearchStrategy[timedelta]:
    return st.integers(first * 1000, last * 1000).map(lambda number: timedelta(milliseconds=number))


@st.composite
def pauses(draw: st.DrawFn) -> tuple[Pause, ...]:
    """Pauses that are over, within the first forty minutes."""
    spans = draw(st.lists(st.tuples(seconds(0, 2400), seconds(0, 600)), max_size=3))
    return tuple(Pause(START + begin, START + begin + length) for begin, length in spans)


@st.composite
def rooms(draw: st.DrawFn) -> Facts:
    """A candidate's facts from an exam in which all sorts of things happened in the first forty minutes."""
    windows = draw(st.sampled_from(PAPERS))
    adjustments = draw(
        st.lists(
            st.builds(
                Adjustment, seconds(-60, 2400).map(START.__add__), seconds(0, 900), st.sampled_from(Spread)
            )
        )
    )
    done_at = sorted(draw(st.lists(seconds(0, 3000), max_size=4)))
    return Facts(
        room_started_at=START,
        started_at=START + draw(st.just(timedelta(0)) | seconds(0, 1800)),
        duration=sum(windows, timedelta(0)),
        windows=windows,
        factor=draw(st.sampled_from([Fraction(1), Fraction(5, 4), Fraction(4, 3)])),
        extra=draw(st.sampled_from([timedelta(0), minutes(10)])),
        holds=draw(pauses()),
        suspensions=draw(pauses()),
        adjustments=tuple(adjustments),
        units_done=tuple(UnitEnd(unit, START + at) for unit, at in enumerate(done_at, 1)),
        clock=draw(
            st.builds(
                ClockPolicy,
                unused_time=st.sampled_from(["carried", "lost"]),
                late_start=st.sampled_from(["scale", "cut"]),
            )
        ),
    )


def afterwards(facts: Facts) -> datetime:
    """An instant by which everything in `rooms` has happened."""
    return START + minutes(24 * 60)


def paused(facts: Facts) -> timedelta:
    joined = union((*facts.holds, *facts.suspensions), from_at=START, now=afterwards(facts))
    return sum((pause.to_at - pause.from_at for pause in joined if pause.to_at), timedelta(0))


def worked(facts: Facts, seen: AttemptClock) -> timedelta:
    """The time the units were open and the clock ran."""
    total = timedelta(0)
    for _, opened_at, ended_at in seen.unit_spans:
        last_at = ended_at or seen.unit_ends_at
        assert last_at is not None
        total += last_at - opened_at
        for pause in union((*facts.holds, *facts.suspensions), from_at=START, now=afterwards(facts)):
            assert pause.to_at is not None
            total -= max(min(pause.to_at, last_at) - max(pause.from_at, opened_at), timedelta(0))
    return total


@given(rooms())
def test_the_end_is_the_sum_of_what_was_given(facts: Facts) -> None:
    granted = sum((adjustment.amount for adjustment in facts.adjustments), timedelta(0))
    planned = timedelta(microseconds=int(facts.duration / timedelta(microseconds=1) * facts.factor))
    expected = START + planned + facts.extra + paused(facts) + granted
    assert clock_at(facts, now=afterwards(facts)).closes_at == expected
    pooled = replace(facts, windows=())
    assert clock_at(pooled, now=afterwards(facts)).closes_at == expected


@given(rooms())
def test_the_order_in_which_facts_were_entered_does_not_matter(facts: Facts) -> None:
    entered_otherwise = replace(
        facts,
        holds=facts.holds[::-1],
        suspensions=facts.suspensions[::-1],
        units_done=facts.units_done[::-1],
        adjustments=facts.adjustments[::-1],
    )
    now = afterwards(facts)
    assert clock_at(entered_otherwise, now=now) == clock_at(facts, now=now)


@given(rooms())
def test_units_follow_each_other_without_gap_or_overlap(facts: Facts) -> None:
    seen = clock_at(facts, now=afterwards(facts))
    assert [unit for unit, _, _ in seen.unit_spans] == list(range(1, len(seen.unit_spans) + 1))
    assert seen.unit_spans[0][1] == max(facts.started_at, START)
    for (_, opened_at, ended_at), (_, next_opened_at, _) in pairwise(seen.unit_spans):
        assert opened_at <= (ended_at or opened_at) == next_opened_at


@given(rooms())
def test_carried_and_scaled_the_last_unit_ends_with_the_paper(facts: Facts) -> None:
    shipped = replace(facts, clock=ClockPolicy())
    seen = clock_at(shipped, now=afterwards(facts))
    if not seen.units_done:
        assert (seen.open_unit, seen.unit_ends_at) == (len(facts.windows), seen.closes_at)


@given(rooms())
def test_no_minute_is_lost_or_won_while_units_run_by_time(facts: Facts) -> None:
    punctual = replace(facts, clock=ClockPolicy(), started_at=START, units_done=())
    seen = clock_at(punctual, now=afterwards(facts))
    assert seen.closes_at is not None
    assert worked(punctual, seen) == seen.closes_at - START - paused(punctual)


@given(rooms(), seconds(0, 5400))
def test_a_unit_never_ends_after_the_paper(facts: Facts, elapsed: timedelta) -> None:
    seen = clock_at(facts, now=START + elapsed)
    if seen.suspended:
        assert (seen.closes_at, seen.unit_ends_at) == (None, None)
    elif seen.unit_ends_at is not None:
        assert seen.closes_at is not None
        assert seen.unit_ends_at <= seen.closes_at


@given(rooms(), seconds(0, 3000), seconds(1, 1200))
def test_a_resumed_pause_leaves_exactly_what_was_left(
    facts: Facts, elapsed: timedelta, length: timedelta
) -> None:
    now = max(START + elapsed, facts.started_at)
    before = clock_at(facts, now=now)
    if before.closes_at is None or before.closes_at <= now:
        return
    known = replace(
        facts,
        adjustments=tuple(one for one in facts.adjustments if one.at <= now),
        units_done=tuple(one for one in facts.units_done if one.at <= now),
        holds=tuple(one for one in facts.holds if one.from_at <= now),
        suspensions=tuple(one for one in facts.suspensions if one.from_at <= now),
    )
    resumed_at = now + length
    after = clock_at(replace(known, holds=(*known.holds, Pause(now, resumed_at))), now=resumed_at)
    assert after.closes_at == before.closes_at + length
    assert after.open_unit == before.open_unit
    if before.unit_ends_at is not None:
        assert after.unit_ends_at == before.unit_ends_at + length


@pytest.mark.parametrize("unused_time", ["carried", "lost"])
@given(done_at=seconds(0, 599))
def test_completing_a_unit_early_never_moves_the_papers_end(unused_time: str, done_at: timedelta) -> None:
    facts = Facts(
        room_started_at=START,
        started_at=START,
        duration=minutes(45),
        windows=PAPERS[0],
        units_done=(UnitEnd(1, START + done_at),),
        clock=ClockPolicy(unused_time=unused_time),  # type: ignore[arg-type]  # Hypothesis draws one of the two words
    )
    seen = clock_at(facts, now=START + done_at)
    assert seen.closes_at == START + minutes(45)
    assert seen.unit_ends_at == (
        START + minutes(25) if unused_time == "carried" else START + done_at + minutes(15)
    )
