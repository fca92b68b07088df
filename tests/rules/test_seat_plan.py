"""Who sits where: everybody once, nobody on a spare seat without need, alike apart as far as that goes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from cbt.errors import InvalidInput
from cbt.rules.planning.seat_plan import (
    DoorCorner,
    PaperMix,
    RoomPlan,
    SeatOrder,
    SeatWishes,
    Sitter,
    alike,
    arrange,
    laid_out,
    mended,
    plan_of,
)

GRID = RoomPlan(laid_out(30, 6), DoorCorner.FRONT_RIGHT)
REGULAR, SPARE = range(1, 29), (29, 30)


def people(units: str, papers: str = "", doors: Sequence[int] = ()) -> list[Sitter]:
    """Return somebody for each letter of `units`; the papers go round."""
    return [
        Sitter(f"r{place}", f"{place:04d}", unit, papers[place % len(papers)] if papers else "theory",
               by_door=place in doors)
        for place, unit in enumerate(units)
    ]  # fmt: skip


def seat(
    sitters: Sequence[Sitter], wishes: SeatWishes, seed: int = 1, plan: RoomPlan = GRID
) -> dict[int, Sitter]:
    return arrange(sitters, plan, regular=REGULAR, spare=SPARE, wishes=wishes, rng=random.Random(seed))


def test_by_number_the_tickets_follow_each_other_from_the_first_seat_on() -> None:
    board = seat(people("ABCAB"), SeatWishes(SeatOrder.NUMBER))
    assert [(number, board[number].ticket) for number in sorted(board)] == [
        (1, "0000"), (2, "0001"), (3, "0002"), (4, "0003"), (5, "0004")
    ]  # fmt: skip


def test_by_chance_another_seed_is_another_order_and_the_same_seed_the_same() -> None:
    sitters = people("A" * 20)
    one, again, other = (seat(sitters, SeatWishes(), seed) for seed in (1, 1, 2))
    assert one == again == seat(sitters[::-1], SeatWishes(), 1)
    assert one != other
    assert sorted(one) == list(range(1, 21))


def test_who_needs_it_sits_nearest_to_the_door() -> None:
    board = seat(people("ABCDEFGH", doors=(2, 5, 7)), SeatWishes(SeatOrder.NUMBER))
    assert {number: one.ticket for number, one in board.items() if one.by_door} == {
        6: "0002", 5: "0005", 12: "0007"
    }  # fmt: skip
    assert seat(people("ABCDEFGH", doors=(2,)), SeatWishes(SeatOrder.NUMBER, by_door=False))[3].by_door


@pytest.mark.parametrize(
    "units",
    [
        pytest.param("AB" * 14, id="two units, a chessboard"),
        pytest.param("A" * 13 + "BCDEFGHIJKLMNOP", id="one large, many small"),
        pytest.param("AAAABBBBCCCCDDDDEEEEFFFFGGGG", id="seven of four"),
    ],
)
def test_people_of_one_unit_sit_apart_where_that_can_be(units: str) -> None:
    for seed in range(5):
        board = seat(people(units), SeatWishes(units_apart=True), seed)
        assert alike(board, GRID).units == 0, seed


def test_what_cannot_be_parted_is_counted_and_nobody_without_a_unit_is_alike() -> None:
    assert (
        alike(seat(people("A" * 6), SeatWishes(units_apart=True)), GRID).units == 0
    )  # the room is wide enough
    assert alike(seat(people("A" * 28), SeatWishes(units_apart=True)), GRID).units == 28
    nobody = seat([replace(one, unit="") for one in people("A" * 28)], SeatWishes(units_apart=True))
    assert alike(nobody, GRID).units == 0
    ordered = seat(people("AABB"), SeatWishes(SeatOrder.NUMBER, units_apart=True))
    assert alike(ordered, GRID).units == 0


def test_papers_are_mixed_or_stand_in_blocks() -> None:
    sitters = people("AB" * 14, papers="xxyy")
    mixed = seat(sitters, SeatWishes(papers=PaperMix.MIXED))
    assert alike(mixed, GRID).papers == 0
    blocks = seat(sitters, SeatWishes(papers=PaperMix.BLOCKS, units_apart=True))
    assert [blocks[number].paper for number in range(1, 29)] == ["x"] * 14 + ["y"] * 14
    assert alike(blocks, GRID).units <= 4
    assert alike(seat(sitters, SeatWishes()), GRID).papers > 0


def test_spare_seats_are_taken_last_and_a_room_is_not_larger_than_it_is() -> None:
    assert not set(seat(people("A" * 28), SeatWishes())) & set(SPARE)
    assert set(seat(people("A" * 29), SeatWishes())) == {*REGULAR, 29}
    with pytest.raises(InvalidInput) as refused:
        seat(people("A" * 31), SeatWishes())
    assert refused.value.code == "seating.too_few"


def with_cases(cases: str, doors: Sequence[int] = ()) -> dict[int, Sitter]:
    """Return a board on which each letter is the case of the next seat."""
    return {
        number: Sitter(f"r{number}", cases=frozenset({(1, case)}), by_door=number in doors)
        for number, case in enumerate(cases, 1)
    }


def test_a_few_exchanges_part_neighbours_with_one_case_and_nobody_leaves_the_door() -> None:
    row = plan_of("1 2 3 4 5 6", "front_left", tuple(range(1, 7)))
    board = with_cases("AABCBC", doors=(1,))
    assert alike(board, row).cases == ((1, 2),)
    better = mended(board, row, regular=row.numbers, rng=random.Random(1))
    assert alike(better, row).cases == ()
    assert better[1] == board[1]
    assert sum(better[number] != board[number] for number in board) == 2
    stuck = with_cases("AAAA")
    assert mended(stuck, row, regular=range(1, 5), rng=random.Random(1)) == stuck
    roomy = mended(with_cases("AA"), row, regular=row.numbers, rng=random.Random(1))
    assert alike(roomy, row).cases == ()


wished = some.builds(
    SeatWishes, some.sampled_from(SeatOrder), some.booleans(), some.sampled_from(PaperMix), some.booleans()
)


@settings(max_examples=60)
@given(
    some.lists(some.tuples(some.sampled_from("ABCD "), some.sampled_from("xyz"), some.booleans()), max_size=30),
    wished, some.integers(0, 2**32), some.integers(0, 7), some.sampled_from(DoorCorner),
)  # fmt: skip
def test_everybody_has_one_seat_whatever_is_wished(
    crowd: list[tuple[str, str, bool]], wishes: SeatWishes, seed: int, columns: int, door: DoorCorner
) -> None:
    numbers = tuple(range(1, 31))
    plan = RoomPlan(laid_out(30, columns), door) if columns else plan_of("", door, numbers)
    sitters = [
        Sitter(f"r{place}", f"{place:04d}", unit.strip(), paper, by_door=near)
        for place, (unit, paper, near) in enumerate(crowd)
    ]
    board = seat(sitters, wishes, seed, plan)
    assert sorted(one.key for one in board.values()) == sorted(one.key for one in sitters)
    assert len(set(board) & set(SPARE)) == max(0, len(sitters) - len(REGULAR))
    assert board == seat(sitters[::-1], wishes, seed, plan)
    if wishes.by_door:
        taken = sorted(board) if len(sitters) > len(REGULAR) else list(REGULAR)
        near = {number for number, one in board.items() if one.by_door}
        assert near == set(plan.by_door(taken)[: len(near)])
