"""What time allows, at the edges."""

from datetime import datetime, timedelta

import pytest

from cbt.rules.clock import timing
from cbt.rules.clock.timing import OutageKind, Pause
from cbt.rules.exam.policies import AdmissionPolicy

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
    ("age", "offline"),
    [
        pytest.param(timedelta(seconds=30) - TICK, False, id="the third is about to come"),
        pytest.param(timedelta(seconds=30), True, id="three missed"),
    ],
)
def test_three_missed_heartbeats_are_offline(age: timedelta, offline: bool) -> None:
    assert timing.is_offline(START, START + age) is offline


def seen(*readings: str) -> list[datetime]:
    return [clock(reading) for reading in readings]


@pytest.mark.parametrize(
    ("last_seen", "seats", "since"),
    [
        pytest.param(seen("09:30", "09:30", "09:30", "09:31:59"), 10, "09:30", id="three of ten"),
        pytest.param(seen("09:30", "09:30", "09:31:59"), 6, None, id="a third of six is only two"),
        pytest.param(seen("09:30", "09:30", "09:30"), 11, None, id="three of eleven are too few"),
        pytest.param(seen("09:29", "09:30", "09:30"), 3, "09:30", id="just within a minute"),
        pytest.param(seen("09:28:59", "09:30", "09:30"), 3, None, id="one a second too early"),
        pytest.param(seen("09:30", "09:30", "09:31:31"), 3, None, id="one is still there"),
        pytest.param(
            seen("09:30", "09:30:02", "09:30:04", "09:30:40"),
            10,
            "09:30:04",
            id="a straggler changes nothing",
        ),
        pytest.param(
            seen("09:05", "09:05", "09:05", "09:30", "09:30", "09:30"),
            10,
            "09:30",
            id="the latest of two losses",
        ),
        pytest.param(seen(*["09:30"] * 31), 104, None, id="31 of 104 are just under 30 %"),
        pytest.param(seen(*["09:30"] * 30), 100, "09:30", id="30 of 100"),
        pytest.param([], 0, None, id="an empty room"),
    ],
)
def test_losing_a_third_of_a_room_within_a_minute_is_a_mass_loss(
    last_seen: list[datetime], seats: int, since: str | None
) -> None:
    found = timing.mass_loss(last_seen, clock("09:32"), seats=seats)
    assert found == (clock(since) if since else None)


@pytest.mark.parametrize(
    ("gap_to", "usable", "amount"),
    [
        pytest.param("09:35", False, 5, id="without a page"),
        pytest.param("09:35", True, 0, id="one could go on answering"),
        pytest.param("09:29", False, 0, id="never negative"),
    ],
)
def test_only_time_without_the_ability_to_answer_is_compensated(
    gap_to: str, usable: bool, amount: int
) -> None:
    assert timing.compensation(clock("09:30"), clock(gap_to), usable=usable) == minutes(amount)


@pytest.mark.parametrize(
    ("age", "kind", "gap"),
    [
        pytest.param(0, OutageKind.NONE, 0, id="just written"),
        pytest.param(2.999, OutageKind.NONE, 2.999, id="just under three seconds"),
        pytest.param(3, OutageKind.GIVE_BACK, 3, id="three seconds"),
        pytest.param(60, OutageKind.GIVE_BACK, 60, id="a minute"),
        pytest.param(60.001, OutageKind.HOLD, 60.001, id="over a minute"),
        pytest.param(-2.999, OutageKind.NONE, 0, id="another node's clock is a little ahead"),
        pytest.param(-3, OutageKind.HOLD, 0, id="in the future"),
    ],
)
def test_the_age_of_the_heartbeat_says_whose_time_it_was(age: float, kind: OutageKind, gap: float) -> None:
    verdict = timing.outage_gap(START, START + timedelta(seconds=age))
    assert (verdict.kind, verdict.gap) == (kind, timedelta(seconds=gap))


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


@pytest.mark.parametrize(
    ("stood", "left"),
    [
        pytest.param([], 10, id="nothing was given back"),
        pytest.param([("09:32", "09:35")], 7, id="a pause inside it"),
        pytest.param([("09:25", "09:33")], 7, id="one that began before"),
        pytest.param([("09:38", "09:50")], 8, id="one that ended after"),
        pytest.param([("09:32", "09:35"), ("09:34", "09:36")], 6, id="two that overlap count once"),
        pytest.param([("09:38", None)], 8, id="one that goes on"),
        pytest.param([("09:30", "09:40")], 0, id="all of it"),
        pytest.param([("09:00", "09:59")], 0, id="more than it"),
        pytest.param([("09:50", "09:55")], 10, id="one after it"),
    ],
)
def test_what_was_given_back_already_is_taken_out_of_a_gap(
    stood: list[tuple[str, str | None]], left: int
) -> None:
    pauses = [Pause(clock(from_at), None if to_at is None else clock(to_at)) for from_at, to_at in stood]
    found = timing.unpaid(clock("09:30"), clock("09:40"), pauses, now=clock("09:45"))
    assert found == minutes(left)


@pytest.mark.parametrize(
    ("length", "left", "usable", "asked"),
    [
        pytest.param(60, 60, True, True, id="nothing was given back, usable"),
        pytest.param(60, 60, False, True, id="nothing was given back"),
        pytest.param(60, 0, False, False, id="all of it was"),
        pytest.param(60, 1, False, True, id="a second is left of what was lost"),
        pytest.param(60, 29, True, False, id="usable: less than a lost connection is left"),
        pytest.param(60, 30, True, True, id="usable: a lost connection is left"),
        pytest.param(0, 0, True, True, id="of no length"),
    ],
)
def test_who_has_to_decide_on_a_gap(length: int, left: int, usable: bool, asked: bool) -> None:
    seconds = [timedelta(seconds=each) for each in (length, left)]
    assert timing.to_decide(*seconds, usable=usable) is asked
