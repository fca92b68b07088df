"""A seat for one more: whom to move on, one after the other, so that a seat comes free where it is wanted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SeatWay:
    """Who moves where, in the order in which it can be done, and where the seat is that comes free."""

    seat: int
    moves: tuple[tuple[int, int], ...] = ()


def way_to_a_seat(
    starts: Sequence[int],
    *,
    free: Collection[int],
    onward: Callable[[int], Iterable[tuple[int, int]]],
    dead: set[int],
) -> SeatWay | None:
    """Return the shortest way to a seat in one of `starts`, None for none.

    `onward` gives who of a slot could move on, and where to. A slot from which no way led to a free seat is `dead`
    from then on: moves along other ways do not open one.

    Source: R-7.
    """
    before: dict[int, tuple[int, int]] = {}
    queue = deque(start for start in starts if start not in dead)
    seen = set(queue)
    for start in queue:
        if start in free:
            return SeatWay(start)
    while queue:
        here = queue.popleft()
        for who, there in onward(here):
            if there in seen or there in dead:
                continue
            seen.add(there)
            before[there] = (who, here)
            if there in free:
                return _way(there, before)
            queue.append(there)
    dead |= seen
    return None


def _way(end: int, before: dict[int, tuple[int, int]]) -> SeatWay:
    moves: list[tuple[int, int]] = []
    here = end
    while here in before:
        who, came_from = before[here]
        moves.append((who, here))
        here = came_from
    return SeatWay(here, tuple(moves))
