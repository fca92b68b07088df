"""The distribution of people's papers over the rooms of sittings by rule.

Nobody's papers overlap or lie less than 15 minutes apart, one person stays at one centre, no room is fuller
than it is, and what the file asks for comes first. The same input gives the same result; who finds no seat is
told why.

Source: R-7.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from itertools import combinations

from cbt.rules.door import BETWEEN_SITTINGS, Span, too_close


class Units(StrEnum):
    """What becomes of people of one employer: 不限, 同单位相邻, 同单位分散."""

    ANY = "any"
    TOGETHER = "together"
    APART = "apart"


class Fill(StrEnum):
    """Whether rooms are filled one after the other, or alike: 依次坐满, 平均分配."""

    IN_ORDER = "in_order"
    EVENLY = "evenly"


class LeftOver(StrEnum):
    """Why somebody found no seat; each has one remedy."""

    NOT_TAKEN = "not_taken"
    WISH = "wish"
    HALF = "half"
    FULL = "full"
    CENTRE = "centre"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class SeatWish:
    """One paper that one person is to sit; `key` and the keys of slots are the caller's.

    `length` has in it what the person is granted. `slots` are those the file asks for, None for any; `morning` says
    in which half of a day the paper is to be, None for either. A `spare` one asks for a seat that is not counted.
    """

    key: int
    person: str
    level: str
    paper: str
    length: timedelta
    unit: str = ""
    slots: frozenset[int] | None = None
    morning: bool | None = None
    spare: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """A room of a sitting: how many seats are free, and which (level, paper) it takes."""

    key: int
    sitting: int
    centre: int
    start_at: datetime
    free: int
    takes: frozenset[tuple[str, str]]
    morning: bool = True

    def span(self, wish: SeatWish) -> Span:
        return self.start_at, self.start_at + wish.length


@dataclass(frozen=True, slots=True)
class OwnSitting:
    """What somebody sits already; `centre` is None where it does not bind them (another batch)."""

    span: Span
    centre: int | None = None


@dataclass(frozen=True, slots=True)
class SpreadOptions:
    """How people are spread."""

    level_together: bool = True
    units: Units = Units.ANY
    fill: Fill = Fill.IN_ORDER


@dataclass(frozen=True, slots=True)
class SeatPlan:
    """Which slot each paper got, and why the others got none; both by the keys of what was wanted."""

    placed: dict[int, int] = field(default_factory=dict)
    left: dict[int, LeftOver] = field(default_factory=dict)


def takes(slot: Slot, wish: SeatWish) -> bool:
    """Return whether a slot is for a paper: one that the file asks for is, whatever else it takes."""
    if wish.slots is not None:
        return slot.key in wish.slots
    return (wish.level, wish.paper) in slot.takes and wish.morning in (None, slot.morning)


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
        for holder, there in onward(here):
            if there in seen or there in dead:
                continue
            seen.add(there)
            before[there] = (holder, here)
            if there in free:
                return _way(there, before)
            queue.append(there)
    dead |= seen
    return None


def _way(end: int, before: dict[int, tuple[int, int]]) -> SeatWay:
    moves: list[tuple[int, int]] = []
    here = end
    while here in before:
        holder, came_from = before[here]
        moves.append((holder, here))
        here = came_from
    return SeatWay(here, tuple(moves))


def distribute(
    wanted: Sequence[SeatWish],
    slots: Sequence[Slot],
    *,
    options: SpreadOptions | None = None,
    held: Mapping[str, Sequence[OwnSitting]] | None = None,
) -> SeatPlan:
    """Return who goes where. Slots are filled in their order; `held` is what people sit already, by person.

    Source: R-7.
    """
    spreader = _Spreader(slots, options or SpreadOptions(), held or {})
    for papers in spreader.in_turn(wanted):
        spreader.seat(papers)
    left = [one for one in wanted if one.key not in spreader.placed]
    for wish in left:
        spreader.make_room(wish)
    placed = {one.key: spreader.placed[one.key].key for one in wanted if one.key in spreader.placed}
    return SeatPlan(placed, {one.key: spreader.why(one) for one in left if one.key not in placed})


class _Spreader:
    """Seats one person after the other, and remembers who sits where."""

    def __init__(
        self, slots: Sequence[Slot], options: SpreadOptions, held: Mapping[str, Sequence[OwnSitting]]
    ) -> None:
        self.slots, self.options = list(slots), options
        self.placed: dict[int, Slot] = {}
        self.free = {slot.key: slot.free for slot in slots}
        self._by_key = {slot.key: slot for slot in slots}
        self._here: dict[int, SeatWish] = {}
        self._held = {person: list(found) for person, found in held.items()}
        self._papers: defaultdict[str, list[SeatWish]] = defaultdict(list)
        self._inside: dict[int, dict[int, SeatWish]] = {slot.key: {} for slot in slots}
        self._levels: dict[int, Counter[str]] = {slot.key: Counter() for slot in slots}
        self._units: dict[int, Counter[str]] = {slot.key: Counter() for slot in slots}
        self._waiting: Counter[str] = Counter()
        self._orders: dict[object, list[Slot]] = {}
        self._turn: object = None
        self._failed: set[object] = set()
        self._dead: set[int] = set()

    def in_turn(self, wanted: Sequence[SeatWish]) -> list[list[SeatWish]]:
        """Return the papers of each person: first who asks for a place, then those whom the fewest seats suit."""
        seats = Counter(dict.fromkeys({(one.level, one.paper) for one in wanted}, 0))
        for slot in self.slots:
            seats.update(dict.fromkeys(slot.takes, slot.free))
        for wish in wanted:
            self._papers[wish.person].append(wish)
            self._waiting[wish.unit] += 1
        for papers in self._papers.values():
            papers.sort(key=lambda one: (one.slots is None, seats[one.level, one.paper], one.key))
        sizes, first, numbers = Counter(self._waiting), dict[str, int](), Counter[str]()
        turns: list[tuple[tuple[object, ...], list[SeatWish]]] = []
        for place, papers in enumerate(self._papers.values()):
            head = papers[0]
            numbers[head.unit] += 1
            unit: tuple[int, ...] = ()
            if self.options.units is Units.TOGETHER:
                unit = (-sizes[head.unit], first.setdefault(head.unit, place))
            elif self.options.units is Units.APART:
                unit = (numbers[head.unit],)
            scarce = min(seats[one.level, one.paper] for one in papers)
            level = head.level if self.options.level_together else ""
            asks = head.slots is None
            turns.append(((asks, scarce, level, *unit, -len(papers), place), papers))
        return [papers for _turn, papers in sorted(turns, key=lambda turn: turn[0])]

    def seat(self, papers: Sequence[SeatWish]) -> None:
        """Seat a person in as many papers as can be, the first ones before the others."""
        head = papers[0]
        turn = (head.level, head.unit if self.options.units is Units.TOGETHER else "")
        if turn != self._turn:
            self._turn = turn
            self._orders.clear()
        for size in range(len(papers), 0, -1):
            for some in combinations(papers, size):
                slots = self._found(some)
                if slots is not None:
                    for wish, slot in zip(some, slots, strict=True):
                        self._put(wish, slot)
                    return

    def _found(self, papers: Sequence[SeatWish]) -> list[Slot] | None:
        """Return a slot for each paper. Seats only get fewer, so whom none suited once none will suit later."""
        held = self._held.get(papers[0].person, [])
        like = (
            tuple((one.level, one.paper, one.length, one.slots, one.morning, one.spare) for one in papers),
            tuple((one.span, one.centre) for one in held),
        )
        if like in self._failed:
            return None
        slots = self._search(papers, held)
        if slots is None:
            self._failed.add(like)
        return slots

    def _search(self, papers: Sequence[SeatWish], held: Sequence[OwnSitting]) -> list[Slot] | None:
        if not papers:
            return []
        wish, tried = papers[0], set[tuple[int, datetime]]()
        for slot in self._order(wish):
            spot = slot.centre, slot.start_at
            if spot in tried or not (self.free[slot.key] or wish.spare):
                continue
            tried.add(spot)
            if not self._suits(slot, wish, held):
                continue
            rest = self._search(papers[1:], [*held, OwnSitting(slot.span(wish), slot.centre)])
            if rest is not None:
                return [slot, *rest]
        return None

    def _suits(self, slot: Slot, wish: SeatWish, held: Iterable[OwnSitting]) -> bool:
        """Return whether a person can be here beside what they hold already; a wish may be near, or elsewhere."""
        gap = BETWEEN_SITTINGS if wish.slots is None else timedelta(0)
        for other in held:
            if wish.slots is None and other.centre not in (None, slot.centre):
                return False
            if too_close(slot.span(wish), other.span, minimum=gap):
                return False
        return True

    def _order(self, wish: SeatWish) -> list[Slot]:
        """Return the slots that take a paper, the best first; worked out anew for each level and unit."""
        like = (wish.level, wish.paper, wish.slots, wish.morning, wish.spare)
        if like not in self._orders:
            by_rank = [(self._rank(slot, wish), slot) for slot in self.slots if takes(slot, wish)]
            by_rank.sort(key=lambda ranked: ranked[0])
            self._orders[like] = [slot for _rank, slot in by_rank]
        return self._orders[like]

    def _rank(self, slot: Slot, wish: SeatWish) -> tuple[object, ...]:
        """What takes little comes first, so that what takes everything stays for others."""
        levels = self._levels[slot.key]
        mixed = self.options.level_together and levels.total() > levels[wish.level]
        unit = 0
        if self.options.units is Units.TOGETHER and not self._units[slot.key][wish.unit]:
            unit = 1 if self.free[slot.key] >= self._waiting[wish.unit] else 2
        filled = -self.free[slot.key] if self.options.fill is Fill.EVENLY else 0
        return len(slot.takes), mixed, unit, filled, slot.start_at

    def _put(self, wish: SeatWish, slot: Slot) -> None:
        self._waiting[wish.unit] -= 1
        self._move(wish, slot)
        order = self._order(wish)
        if self.options.fill is Fill.EVENLY:
            order.remove(slot)
            order.append(slot)
        elif not self.free[slot.key] and not wish.spare:
            order.remove(slot)

    def _move(self, wish: SeatWish, slot: Slot) -> None:
        before = self.placed.get(wish.key)
        if before is not None:
            del self._inside[before.key][wish.key]
            self.free[before.key] += 1
            self._held[wish.person].remove(OwnSitting(before.span(wish), before.centre))
        self.placed[wish.key], self._here[wish.key] = slot, wish
        self._inside[slot.key][wish.key] = wish
        self.free[slot.key] -= not wish.spare
        self._levels[slot.key][wish.level] += 1
        self._units[slot.key][wish.unit] += 1
        self._held.setdefault(wish.person, []).append(OwnSitting(slot.span(wish), slot.centre))

    def make_room(self, wish: SeatWish) -> None:
        """Seat somebody for whom every seat is taken, where others can move on to a free one."""
        free = {slot.key for slot in self.slots if self.free[slot.key] > 0}
        if not free:
            return
        held = self._held.get(wish.person, [])
        starts = [slot.key for slot in self.slots if takes(slot, wish) and self._suits(slot, wish, held)]
        met = {wish.person}
        self.slots.sort(key=lambda slot: slot.key not in free)
        way = way_to_a_seat(starts, free=free, onward=partial(self._onward, met), dead=self._dead)
        for key, target in way.moves if way else ():
            self._move(self._here[key], self._by_key[target])
        if way is not None:
            self._move(wish, self._by_key[way.seat])

    def _onward(self, met: set[str], key: int) -> Iterator[tuple[int, int]]:
        """Yield who of a slot could move, and to which others; of people for whom all is alike only one.

        Nobody of whom another paper was `met` on the way: where one paper of a person can be hangs on the others.
        """
        seen = set[object]()
        for wish in self._inside[key].values():
            own = OwnSitting(self._by_key[key].span(wish), self._by_key[key].centre)
            held = [other for other in self._held[wish.person] if other != own]
            like = (wish.level, wish.paper, wish.length, wish.morning, tuple(held))
            if wish.slots is None and like not in seen and wish.person not in met:
                seen.add(like)
                met.add(wish.person)
                for slot in self.slots:
                    if slot.key != key and takes(slot, wish) and self._suits(slot, wish, held):
                        yield wish.key, slot.key

    def why(self, wish: SeatWish) -> LeftOver:
        """Return why somebody has no seat: the first thing that leaves none."""
        held = self._held.get(wish.person, [])
        offered = [slot for slot in self.slots if (wish.level, wish.paper) in slot.takes]
        if wish.slots is None and not offered:
            return LeftOver.NOT_TAKEN
        suiting = [slot for slot in self.slots if takes(slot, wish)]
        if not suiting:
            return LeftOver.HALF if wish.slots is None else LeftOver.WISH
        if not any(self.free[slot.key] or wish.spare for slot in suiting):
            return LeftOver.FULL
        here = {other.centre for other in held if other.centre is not None}
        near = [slot for slot in suiting if self.free[slot.key] and here <= {slot.centre}]
        return LeftOver.TIME if near or wish.slots is not None else LeftOver.CENTRE
