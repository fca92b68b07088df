"""What time allows a candidate, at the edges."""

from datetime import datetime, timedelta

import pytest

from cbt.rules import clock as timing
from cbt.rules.clock import Pause

from .builders import clock, minutes

GRACE = timedelta(seconds=3)
TICK = timedelta(microseconds=1)
START, END = clock("09:00"), clock("09:45")


@pytest.mark.parametrize(
    ("now", "grace", "accepted"),
    [
        pytest.param(START - TICK, GRACE, False, id="before the start"),
        pytest.param(START, GRACE, True, id="on the start"),
        pytest.param(END - TICK, timedelta(0), True, id="a microsecond before the end"),
        pytest.param(END, timedelta(0), False, id="on the end"),
        pytest.param(END, GRACE, True, id="on the wire at the end"),
        pytest.param(END + GRACE - TICK, GRACE, True, id="a microsecond before the grace is over"),
        pytest.param(END + GRACE, GRACE, False, id="when the grace is over"),
    ],
)
def test_the_span_of_an_answer_is_half_open(now: datetime, grace: timedelta, accepted: bool) -> None:
    assert timing.accepts_answers(now, opens_at=START, closes_at=END, grace=grace) is accepted


@pytest.mark.parametrize(
    ("now", "inside"),
    [
        pytest.param(END - TICK, False, id="still in time"),
        pytest.param(END, True, id="on the end"),
        pytest.param(END + GRACE - TICK, True, id="the last microsecond"),
        pytest.param(END + GRACE, False, id="over"),
    ],
)
def test_the_grace_begins_at_the_end(now: datetime, inside: bool) -> None:
    assert timing.in_grace(now, closes_at=END, grace=GRACE) is inside


@pytest.mark.parametrize(
    ("now", "due"),
    [
        pytest.param(END + GRACE, False, id="when the grace is over"),
        pytest.param(END + timedelta(seconds=5) - TICK, False, id="a microsecond early"),
        pytest.param(END + timedelta(seconds=5), True, id="two seconds after the grace"),
    ],
)
def test_the_sweep_waits_for_what_may_still_commit(now: datetime, due: bool) -> None:
    assert timing.sweep_due(now, closes_at=END, grace=GRACE) is due


def test_while_the_clock_stands_nothing_is_accepted_and_nothing_ends() -> None:
    assert not timing.accepts_answers(START, opens_at=START, closes_at=None, grace=GRACE)
    assert not timing.in_grace(END, closes_at=None, grace=GRACE)
    assert not timing.sweep_due(END, closes_at=None, grace=GRACE)
    assert not timing.may_submit(END, earliest_at=START, closes_at=None)


@pytest.mark.parametrize(
    ("holds", "outages", "closes_at", "earliest_at"),
    [
        pytest.param([], [], "09:45", "09:30", id="thirty minutes after the start"),
        pytest.param([("09:10", "09:15")], [], "09:50", "09:35", id="a hold moves it"),
        pytest.param([], [("09:10:00", "09:10:20")], "09:45:20", "09:30:20", id="an outage moves it"),
        pytest.param(
            [("09:10", "09:15")], [("09:12", "09:17")], "09:52", "09:37", id="what overlaps counts once"
        ),
        pytest.param([("09:29", "09:39")], [], "09:55", "09:40", id="a hold that begins just before it"),
        pytest.param([("09:30", "09:40")], [], "09:55", "09:30", id="a hold after it locks nobody in again"),
        pytest.param(
            [("09:25", "09:30"), ("09:33", "09:38")], [], "09:55", "09:40", id="moved into a second hold"
        ),
        pytest.param([("09:10", None)], [], None, "09:30", id="an open hold does not move it yet"),
        pytest.param([], [], "09:20", "09:20", id="the deadline wins"),
    ],
)
def test_the_earliest_submit_moves_with_the_whole_room_only(
    holds: list[tuple[str, str | None]],
    outages: list[tuple[str, str]],
    closes_at: str | None,
    earliest_at: str,
) -> None:
    found = timing.earliest_submit_at(
        START,
        earliest=minutes(30),
        holds=[Pause(clock(begin), clock(end) if end else None) for begin, end in holds],
        outages=[Pause(clock(begin), clock(end)) for begin, end in outages],
        closes_at=clock(closes_at) if closes_at else None,
    )
    assert found == clock(earliest_at)


@pytest.mark.parametrize(
    ("reading", "closed_before_end", "allowed"),
    [
        pytest.param("09:29:59", 0, False, id="a second early"),
        pytest.param("09:30:00", 0, True, id="on the minute"),
        pytest.param("09:44:59", 0, True, id="a second before the end"),
        pytest.param("09:45:00", 0, False, id="on the end"),
        pytest.param("09:34:59", 10, True, id="a second before it is closed"),
        pytest.param("09:35:00", 10, False, id="in the last ten minutes"),
    ],
)
def test_handing_in_is_allowed_from_the_minute_on(
    reading: str, closed_before_end: int, allowed: bool
) -> None:
    may = timing.may_submit(
        clock(reading),
        earliest_at=clock("09:30"),
        closes_at=END,
        closed_before_end=minutes(closed_before_end),
    )
    assert may is allowed
