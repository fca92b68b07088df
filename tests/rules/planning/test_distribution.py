"""Who goes where: capacity, time, centre and wishes always hold, and nobody is left out whom a seat would suit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.rules.door import BETWEEN_SITTINGS, too_close
from cbt.rules.planning.distribution import (
    Fill,
    LeftOver,
    OwnSitting,
    SeatPlan,
    SeatWay,
    SeatWish,
    Slot,
    SpreadOptions,
    Units,
    distribute,
    takes,
    way_to_a_seat,
)

NINE = datetime(2026, 11, 26, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
THEORY, SKILLS = ("3", "theory"), ("3", "skills")
BOTH = frozenset({THEORY, SKILLS})


def want(key: int, person: str = "", *, paper: str = "theory", level: str = "3", **more: object) -> SeatWish:
    """Return one wish: a paper of an hour."""
    told: dict[str, object] = {"length": HOUR, **more}
    return SeatWish(key, person or f"p{key}", level, paper, **told)  # type: ignore[arg-type]


def room(
    key: int,
    free: int,
    *,
    after: timedelta = timedelta(0),
    takes: frozenset[tuple[str, str]] = BOTH,
    **more: int,
) -> Slot:
    """Return a room that is free from nine o'clock on, or later."""
    told = {"sitting": key, "centre": 1, **more}
    return Slot(key=key, start_at=NINE + after, free=free, takes=takes, morning=after < 3 * HOUR, **told)


AFTERNOON = 5 * HOUR

CASES = [
    pytest.param([want(1)], [], {}, LeftOver.NOT_TAKEN, id="no sitting at all"),
    pytest.param([want(1, level="2")], [room(1, 5)], {}, LeftOver.NOT_TAKEN, id="none takes the level"),
    pytest.param([want(1, slots=frozenset())], [room(1, 5)], {}, LeftOver.WISH, id="a wish for nothing"),
    pytest.param([want(1, morning=False)], [room(1, 5)], {}, LeftOver.HALF, id="nothing in that half of the day"),
    pytest.param([want(1)], [room(1, 0)], {}, LeftOver.FULL, id="full"),
    pytest.param([want(1, slots=frozenset({1}))], [room(1, 0), room(2, 5)], {}, LeftOver.FULL, id="full there"),
    pytest.param(
        [want(1)], [room(1, 5, centre=2)], {"p1": [OwnSitting((NINE - 4 * HOUR, NINE - 3 * HOUR), 1)]},
        LeftOver.CENTRE, id="only elsewhere",
    ),
    pytest.param(
        [want(1)], [room(1, 5)], {"p1": [OwnSitting((NINE - HOUR, NINE - timedelta(minutes=14)))]}, LeftOver.TIME,
        id="a minute too near",
    ),
    pytest.param(
        [want(1)], [room(1, 5)], {"p1": [OwnSitting((NINE - HOUR, NINE - timedelta(minutes=15)))]}, None,
        id="just far enough",
    ),
    pytest.param(
        [want(1, slots=frozenset({1}))], [room(1, 5, centre=2)], {"p1": [OwnSitting((NINE - HOUR, NINE), 1)]}, None,
        id="who asks may come at once, and from elsewhere",
    ),
    pytest.param(
        [want(1, slots=frozenset({1}))], [room(1, 5)], {"p1": [OwnSitting((NINE, NINE + HOUR), 1)]}, LeftOver.TIME,
        id="but not be twice at a time",
    ),
    pytest.param([want(1, slots=frozenset({1}), spare=True)], [room(1, 0)], {}, None, id="a spare seat"),
    pytest.param([want(1, level="2", slots=frozenset({1}))], [room(1, 1)], {}, None, id="a wish wins"),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "rooms", "held", "why"), CASES)
def test_one_is_seated_or_told_why(
    wanted: list[SeatWish], rooms: list[Slot], held: dict[str, list[OwnSitting]], why: LeftOver | None
) -> None:
    found = distribute(wanted, rooms, held=held)
    assert found == (SeatPlan({1: 1}) if why is None else SeatPlan(left={1: why}))


def test_a_spare_seat_is_there_for_who_asks_after_somebody_alike_took_the_last_other_one() -> None:
    wanted = [want(1, slots=frozenset({1})), want(2, slots=frozenset({1}), spare=True)]
    assert distribute(wanted, [room(1, 1)]) == SeatPlan({1: 1, 2: 1})


def test_both_papers_of_a_person_lie_apart_at_one_centre() -> None:
    rooms = [
        room(1, 9),
        room(2, 9, after=HOUR),
        room(3, 9, after=2 * HOUR, centre=2),
        room(4, 9, after=3 * HOUR),
    ]
    wanted = [want(1, "a"), want(2, "a", paper="skills")]
    assert distribute(wanted, rooms).placed == {1: 1, 2: 4}


def test_whoever_is_like_somebody_whom_nothing_suited_is_left_for_the_same_reason() -> None:
    found = distribute([want(1), want(2), want(3, level="2")], [room(1, 0)])
    assert found == SeatPlan({}, {1: LeftOver.FULL, 2: LeftOver.FULL, 3: LeftOver.NOT_TAKEN})


def test_who_can_have_only_one_paper_gets_the_first() -> None:
    found = distribute([want(1, "a"), want(2, "a", paper="skills")], [room(1, 9), room(2, 9)])
    assert found == SeatPlan({1: 1}, {2: LeftOver.TIME})


def test_levels_units_and_fill() -> None:
    people = [want(n, level="23"[n % 2], unit="AB"[n // 4]) for n in range(8)]
    open_to_all = frozenset({("2", "theory"), ("3", "theory")})
    rooms = [room(1, 5, takes=open_to_all), room(2, 5, takes=open_to_all)]

    def shared(options: SpreadOptions) -> list[str]:
        placed = distribute(people, rooms, options=options).placed
        return [
            "".join(
                sorted(people[key].level + people[key].unit for key, slot in placed.items() if slot == number)
            )
            for number in (1, 2)
        ]

    plain = SpreadOptions(level_together=False)
    assert shared(plain) == ["2A2A2B3A3A", "2B3B3B"]
    assert shared(SpreadOptions()) == ["2A2A2B2B", "3A3A3B3B"]
    assert shared(SpreadOptions(False, Units.TOGETHER)) == ["2A2A3A3A", "2B2B3B3B"]
    assert shared(SpreadOptions(False, Units.APART)) == ["2A2A2B3A3B", "2B3A3B"]
    assert [len(one) for one in shared(SpreadOptions(False, Units.ANY, Fill.EVENLY))] == [8, 8]


def test_the_unit_that_does_not_fit_beside_another_gets_a_room_of_its_own() -> None:
    people = [want(n, unit="A" if n < 4 else "B") for n in range(7)]
    placed = distribute(people, [room(1, 5), room(2, 3)], options=SpreadOptions(units=Units.TOGETHER)).placed
    assert [placed[n] for n in range(7)] == [1, 1, 1, 1, 2, 2, 2]
    placed = distribute(
        people, [room(1, 4), room(2, 2), room(3, 9)], options=SpreadOptions(units=Units.TOGETHER)
    ).placed
    assert [placed[n] for n in range(7)] == [1, 1, 1, 1, 3, 3, 3]


def test_somebody_moves_on_so_that_nobody_is_left_out() -> None:
    late = 5 * HOUR
    rooms = [room(1, 1), room(2, 1, after=late)]
    # Whoever comes first takes the morning; the second can only have the morning.
    held = {"b": [OwnSitting((NINE + late, NINE + late + HOUR), 1)]}
    found = distribute([want(1, "a"), want(2, "b")], rooms, held=held)
    assert found == SeatPlan({1: 2, 2: 1})
    wished = [want(1, "a", slots=frozenset({1})), want(2, "b")]
    assert distribute(wished, rooms, held=held).left == {2: LeftOver.TIME}


def test_who_can_move_on_does_where_somebody_before_them_cannot() -> None:
    late = 5 * HOUR
    rooms = [room(1, 2), room(2, 1, after=late)]
    busy = [OwnSitting((NINE + late, NINE + late + HOUR), 1)]
    found = distribute([want(1, "a"), want(2, "b"), want(3, "c")], rooms, held={"a": busy, "c": busy})
    assert found == SeatPlan({1: 1, 2: 2, 3: 1})


def test_whose_own_paper_would_have_to_move_stays_where_they_are() -> None:
    rooms = [room(1, 1, takes=BOTH), room(2, 1, after=HOUR, takes=frozenset({THEORY}))]
    found = distribute([want(1, "a"), want(2, "a", paper="skills")], rooms)
    assert found.placed in ({1: 1}, {2: 1})


def test_a_way_leads_over_several_rooms_and_is_not_looked_for_twice() -> None:
    onward = {1: [(10, 2), (11, 3)], 2: [(20, 1), (21, 3)], 3: [(30, 4)], 5: [(50, 6)], 6: []}
    asked: list[int] = []

    def moves(key: int) -> list[tuple[int, int]]:
        asked.append(key)
        return onward[key]

    dead = set[int]()
    assert way_to_a_seat([1], free={4}, onward=moves, dead=dead) == SeatWay(1, ((30, 4), (11, 3)))
    assert way_to_a_seat([1, 4], free={4}, onward=moves, dead=dead) == SeatWay(4)
    assert way_to_a_seat([5], free={4}, onward=moves, dead=dead) is None
    assert dead == {5, 6}
    asked.clear()
    assert way_to_a_seat([5], free={4}, onward=moves, dead=dead) is None
    assert asked == []


people = st.integers(0, 5).map(lambda number: f"p{number}")
wishes = st.builds(
    lambda person, paper, length, unit, slots, morning, spare: want(
        0, person, paper=paper, length=timedelta(minutes=length), unit=unit, slots=slots, morning=morning,
        spare=spare and slots is not None,
    ),
    people, st.sampled_from(["theory", "skills", "other"]), st.sampled_from([45, 60, 135]), st.sampled_from("AB"),
    st.none() | st.frozensets(st.integers(0, 5), max_size=2), st.sampled_from([None, None, True, False]),
    st.booleans(),
)  # fmt: skip
rooms_of_a_day = st.builds(
    lambda free, after, taken, centre: room(
        0, free, after=timedelta(minutes=after), takes=frozenset(taken), centre=centre
    ),
    st.integers(0, 3), st.sampled_from([0, 60, 75, 120, 300]),
    st.sets(st.sampled_from([THEORY, SKILLS]), min_size=1), st.sampled_from([1, 1, 2]),
)  # fmt: skip
days = st.tuples(
    st.lists(wishes, max_size=12), st.lists(rooms_of_a_day, max_size=5),
    st.builds(SpreadOptions, st.booleans(), st.sampled_from(Units), st.sampled_from(Fill)),
    st.dictionaries(people, st.just([OwnSitting((NINE, NINE + HOUR), 1)]), max_size=2),
)  # fmt: skip


def numbered(wanted: list[SeatWish], rooms: list[Slot]) -> tuple[list[SeatWish], list[Slot]]:
    """Give wishes and rooms the numbers of their places."""
    many = [
        SeatWish(
            key, one.person, one.level, one.paper, one.length, one.unit, one.slots, one.morning, one.spare
        )
        for key, one in enumerate(wanted)
    ]
    return many, [
        Slot(key, key, one.centre, one.start_at, one.free, one.takes, one.morning)
        for key, one in enumerate(rooms)
    ]


@given(days)
def test_what_always_holds(
    day: tuple[list[SeatWish], list[Slot], SpreadOptions, dict[str, list[OwnSitting]]],
) -> None:
    wanted, rooms = numbered(day[0], day[1])
    options, held = day[2], day[3]
    found = distribute(wanted, rooms, options=options, held=held)
    assert found == distribute(wanted, rooms, options=options, held=held)
    assert found.placed.keys() | found.left.keys() == set(range(len(wanted)))
    assert not found.placed.keys() & found.left.keys()
    inside = {
        slot.key: [wanted[key] for key, where in found.placed.items() if where == slot.key] for slot in rooms
    }
    free = {slot.key: slot.free - sum(not one.spare for one in inside[slot.key]) for slot in rooms}
    assert min(free.values(), default=0) >= 0
    for key, where in found.placed.items():
        assert takes(rooms[where], wanted[key])
    for person in {one.person for one in wanted}:
        own = [
            (one, rooms[found.placed[one.key]])
            for one in wanted
            if one.person == person and one.key in found.placed
        ]
        sits = [(one.slots is not None, slot.span(one), slot.centre) for one, slot in own]
        sits += [(False, other.span, other.centre or 0) for other in held.get(person, [])]
        for place, (wished, span, centre) in enumerate(sits):
            for other_wished, other_span, other_centre in sits[:place]:
                near = wished or other_wished
                assert not too_close(span, other_span, minimum=timedelta(0) if near else BETWEEN_SITTINGS)
                assert near or centre == other_centre
        for one in wanted:
            if one.person == person and one.key in found.left:
                for slot in rooms:
                    fits = takes(slot, one) and (free[slot.key] or one.spare)
                    gap = timedelta(0) if one.slots is not None else BETWEEN_SITTINGS
                    clear = all(not too_close(slot.span(one), span, minimum=gap) for _, span, _ in sits)
                    near_by = one.slots is not None or all(slot.centre == centre for _, _, centre in sits)
                    assert not (fits and clear and near_by), "a seat that would suit stays empty"


@given(
    st.lists(st.sampled_from([True, False, None]), max_size=12),
    st.lists(rooms_of_a_day, max_size=4),
    st.sampled_from(Units),
)
def test_of_people_with_one_paper_as_many_are_seated_as_can_be(
    halves: list[bool | None], day: list[Slot], units: Units
) -> None:
    papers = ["theory", "skills"]
    wanted = [
        want(key, paper=papers[key % 2], morning=half, unit="AB"[key % 2]) for key, half in enumerate(halves)
    ]
    _, rooms = numbered([], day)
    placed = distribute(wanted, rooms, options=SpreadOptions(units=units)).placed
    assert len(placed) == _most(wanted, rooms)


def _most(wanted: list[SeatWish], rooms: list[Slot]) -> int:
    """Return how many can be seated at best, by augmenting paths over single seats."""
    seats = [slot for slot in rooms for _ in range(slot.free)]
    sits: dict[int, SeatWish] = {}

    def seated(one: SeatWish, seen: set[int]) -> bool:
        for number, slot in enumerate(seats):
            if number not in seen and takes(slot, one):
                seen.add(number)
                if number not in sits or seated(sits[number], seen):
                    sits[number] = one
                    return True
        return False

    return sum(seated(one, set()) for one in wanted)
