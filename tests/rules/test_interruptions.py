"""What a silence calls for, at the edges."""

from datetime import datetime, timedelta

import pytest

from cbt.rules import clock as interruptions
from cbt.rules.clock import Interval, OutageKind, Pause

from .builders import clock, minutes

TICK = timedelta(microseconds=1)
START = clock("09:00")


@pytest.mark.parametrize(
    ("age", "offline"),
    [
        pytest.param(timedelta(seconds=30) - TICK, False, id="the third is about to come"),
        pytest.param(timedelta(seconds=30), True, id="three missed"),
    ],
)
def test_three_missed_heartbeats_are_offline(age: timedelta, offline: bool) -> None:
    assert interruptions.is_offline(START, START + age) is offline


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
    found = interruptions.mass_loss(last_seen, clock("09:32"), seats=seats)
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
    assert interruptions.compensation(clock("09:30"), clock(gap_to), usable=usable) == minutes(amount)


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
    verdict = interruptions.outage_gap(START, START + timedelta(seconds=age))
    assert (verdict.kind, verdict.gap) == (kind, timedelta(seconds=gap))


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
    found = interruptions.unpaid(clock("09:30"), clock("09:40"), pauses, now=clock("09:45"))
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
    assert interruptions.to_decide(*seconds, usable=usable) is asked


def span(from_at: str, to_at: str) -> Interval:
    return Interval(clock(from_at), clock(to_at))


@pytest.mark.parametrize(
    ("spans", "taken", "left"),
    [
        pytest.param([("09:00", "09:10")], [], [("09:00", "09:10")], id="nothing is taken"),
        pytest.param([("09:00", "09:10")], [("09:00", "09:10")], [], id="all of it"),
        pytest.param([("09:00", "09:10")], [("08:50", "09:20")], [], id="more than all of it"),
        pytest.param(
            [("09:00", "09:10")], [("09:10", "09:20")], [("09:00", "09:10")], id="what touches takes nothing"
        ),
        pytest.param(
            [("09:00", "09:10")], [("09:02", "09:03"), ("09:05", "09:06")],
            [("09:00", "09:02"), ("09:03", "09:05"), ("09:06", "09:10")], id="out of the middle, twice",
        ),
        pytest.param(
            [("09:00", "09:06"), ("09:04", "09:10")], [("09:07", "09:08")],
            [("09:00", "09:06"), ("09:06", "09:07"), ("09:08", "09:10")], id="an instant in two counts once",
        ),
    ],
)  # fmt: skip
def test_spans_without_others(
    spans: list[tuple[str, str]], taken: list[tuple[str, str]], left: list[tuple[str, str]]
) -> None:
    found = interruptions.without([span(*one) for one in spans], [span(*one) for one in taken])
    assert found == [span(*one) for one in left]


@pytest.mark.parametrize(
    ("own", "kind", "gap"),
    [
        pytest.param([], OutageKind.GIVE_BACK, 40.0, id="nothing of ours"),
        pytest.param([(0, 40)], OutageKind.NONE, 0.0, id="all of it was ours"),
        pytest.param([(0, 37)], OutageKind.GIVE_BACK, 3.0, id="3 s are left"),
        pytest.param([(0, 37.001)], OutageKind.NONE, 2.999, id="just under 3 s are left"),
        pytest.param(
            [(-90, -50)], OutageKind.GIVE_BACK, 40.0, id="what was before the gap is another matter"
        ),
    ],
)
def test_what_the_product_did_itself_is_nobodys_outage(
    own: list[tuple[float, float]], kind: OutageKind, gap: float
) -> None:
    beat_at = clock("09:00")
    spans = [Interval(beat_at + timedelta(seconds=a), beat_at + timedelta(seconds=b)) for a, b in own]
    verdict = interruptions.outage_left(beat_at, beat_at + timedelta(seconds=40), spans)
    assert (verdict.kind, verdict.gap.total_seconds()) == (kind, pytest.approx(gap))


def test_own_work_explains_no_heartbeat_from_the_future() -> None:
    now = clock("09:00")
    verdict = interruptions.outage_left(now + timedelta(minutes=5), now, [span("08:00", "09:30")])
    assert verdict.kind is OutageKind.HOLD
