"""Whether a room can be examined in: what its machines report, against what an examination needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cbt.rules.planning.clashes import Gravity
from cbt.rules.planning.readiness import (
    CLOCK_OFF,
    REPORTS_FOR,
    SEEN_FOR,
    SLOW_TRIP,
    SLOWEST_TRIP,
    Keeping,
    MachineReport,
    SeatReadiness,
    room_faults,
    seat_faults,
    spares_there,
)

STOP, WARN = Gravity.STOP, Gravity.WARN
TICK = timedelta(milliseconds=1)
NONE = timedelta(0)
WELL = MachineReport(
    browser="Chrome",
    version=126,
    clock_off=NONE,
    width=1366,
    height=768,
    keeping=Keeping.DISK,
    trips=(8 * TICK, 5 * TICK, 70 * TICK),
    age=NONE,
)
SEAT = SeatReadiness(7, spare=False, taken=True, bound=True, report=WELL)
SPARE = SeatReadiness(30, spare=True, taken=False, bound=True, report=WELL)


def said(seat: SeatReadiness) -> list[tuple[str, Gravity]]:
    return [(one.code, one.gravity) for one in seat_faults(seat)]


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        pytest.param({}, [], id="all well"),
        pytest.param({"age": REPORTS_FOR}, [], id="just fresh enough"),
        pytest.param({"age": REPORTS_FOR + TICK}, [("silent", STOP)], id="too long ago"),
        pytest.param({"version": 109}, [], id="the oldest that will do"),
        pytest.param({"version": 108}, [("browser_old", STOP)], id="a version older"),
        pytest.param({"browser": "", "version": 0}, [("browser_unknown", WARN)], id="a browser nobody knows"),
        pytest.param({"keeping": Keeping.NONE}, [("keeps_nothing", STOP)], id="keeps nothing"),
        pytest.param({"keeping": Keeping.LOCAL}, [("keeps_little", WARN)], id="keeps a little"),
        pytest.param({"trips": ()}, [("no_trip", STOP)], id="no save got through"),
        pytest.param({"trips": (SLOW_TRIP,)}, [], id="quick enough"),
        pytest.param({"trips": (SLOW_TRIP + TICK,)}, [("slow_trip", WARN)], id="slow"),
        pytest.param({"trips": (SLOWEST_TRIP + TICK,)}, [("slow_trip", STOP)], id="too slow"),
        pytest.param({"trips": (TICK, TICK, timedelta(9))}, [], id="one that was slow among quick ones"),
        pytest.param({"clock_off": -CLOCK_OFF}, [], id="a clock a little behind"),
        pytest.param({"clock_off": -CLOCK_OFF - TICK}, [("clock", WARN)], id="a clock behind"),
        pytest.param({"clock_off": CLOCK_OFF + TICK}, [("clock", WARN)], id="a clock before"),
        pytest.param({"width": 1024, "height": 600}, [], id="the smallest screen"),
        pytest.param({"width": 1023}, [("screen", WARN)], id="too narrow"),
        pytest.param({"height": 599}, [("screen", WARN)], id="too low"),
        pytest.param(
            {"width": 800, "keeping": Keeping.NONE},
            [("keeps_nothing", STOP), ("screen", WARN)],
            id="stops first",
        ),
    ],
)
def test_a_machine_is_held_to_what_an_examination_needs(
    report: dict[str, object], expected: list[tuple[str, Gravity]]
) -> None:
    assert said(replace(SEAT, report=replace(WELL, **report))) == expected


@pytest.mark.parametrize(
    ("seat", "expected"),
    [
        pytest.param(replace(SEAT, bound=False), [("unbound", STOP)], id="somebody's, without a machine"),
        pytest.param(replace(SEAT, bound=False, taken=False), [], id="nobody's, without a machine"),
        pytest.param(replace(SEAT, report=None), [("silent", STOP)], id="somebody's, silent"),
        pytest.param(replace(SPARE, report=None), [("silent", WARN)], id="a spare one, silent"),
    ],
)
def test_a_seat_that_says_nothing_weighs_by_who_is_to_sit_there(
    seat: SeatReadiness, expected: list[tuple[str, Gravity]]
) -> None:
    assert said(seat) == expected


def test_faults_of_a_room_name_all_their_seats_and_what_stops_comes_first() -> None:
    narrow = replace(WELL, width=800)
    seats = [
        replace(SEAT, number=1, report=narrow),
        replace(SEAT, number=2, report=narrow),
        replace(SEAT, number=3, bound=False),
        SPARE,
    ]
    found = [(one.code, one.seats, one.stops) for one in room_faults(seats, printed=True, server=None)]
    assert found == [("unbound", (3,), True), ("screen", (1, 2), False)]


def test_a_room_wants_a_spare_machine_a_printer_and_a_server() -> None:
    late = replace(SPARE, report=replace(WELL, age=SEEN_FOR + TICK))
    assert [spares_there([one]) for one in (SPARE, late, replace(SPARE, taken=True), SEAT)] == [1, 0, 0, 0]
    found = room_faults([SEAT, late], printed=False, server=STOP)
    assert [(one.code, one.gravity) for one in found] == [
        ("server", STOP),
        ("spares", WARN),
        ("printing", WARN),
    ]
    assert room_faults([SEAT, SPARE], printed=True, server=WARN)[0].code == "server"
