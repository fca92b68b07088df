"""需要处理: what waits for a decision of the room's staff, the most urgent first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cbt.proctoring.board.live import TOGETHER, Board
from cbt.proctoring.board.seat_state import Proposal, SeatState
from cbt.proctoring.board.seat_view import SeatView

MANY = 5
"""From how many on equal alerts are told as one."""


@dataclass(frozen=True, slots=True)
class Way:
    """One thing to do about an alert: a button that opens the act, or does it (`at_once`)."""

    act: str
    label: str
    main: bool = False
    at_once: bool = False
    query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Todo:
    """One entry: about a seat, several, or the room (no seats). `since` is shown as an age that goes on."""

    kind: str
    seats: tuple[SeatView, ...]
    ways: tuple[Way, ...]
    tone: str = "warn"
    since: datetime | None = None
    params: tuple[tuple[str, object], ...] = ()

    @property
    def key(self) -> str:
        """A name for this entry that stays the same while it lasts."""
        query = self.ways[0].query if self.ways else ()
        asked = (value.partition(",")[0] for _, value in query)
        return "-".join((self.kind, *(seat.ref for seat in self.seats[:3]), *asked))


_LOOK = Way("detail", "look", main=True)
"""Go there first: the seat, the photo and what happened so far."""
_REMIND = Way("remind", "remind", main=True)


def todos(board: Board) -> tuple[Todo, ...]:
    """Return what waits for somebody, the most urgent first."""
    return (*_room(board), *_offline(board), *_waiting(board), *_seats(board), *_absences(board))


def _room(board: Board) -> Iterator[Todo]:
    if board.needs_countersign:
        yield Todo("countersign", (), (Way("countersign", "countersign", main=True),), tone="stop")
    formless = sum(seat.attempt_id is None for seat in board.seats)
    if formless and board.head.admits:
        yield Todo("start_forms", (), (), tone="stop", params=(("count", formless),))
    elif board.start_waits:
        waiting = [seat for seat in board.seats if not_ready(seat)]
        ways = (Way("start", "start", main=True),)
        yield Todo("start_waits", (), ways, params=(("count", len(waiting)),))


def not_ready(seat: SeatView) -> bool:
    """Return whether somebody who arrived is not in the waiting room yet (R-20)."""
    return seat.arrived_at is not None and seat.absent_at is None and seat.pledged_at is None


def _offline(board: Board) -> Iterator[Todo]:
    lost = sorted(
        ((seat, seat.last) for seat in board.seats if seat.last is not None),
        key=lambda one: (one[1].seen_at is None, one[1].seen_at, one[0].number),
    )
    if len(lost) > MANY:
        since = min((last.seen_at for _, last in lost if last.seen_at is not None), default=None)
        seats = tuple(seat for seat, _ in lost)
        yield Todo("offline_many", seats, (Way("suspend", "suspend", main=True),), "stop", since)
        return
    for seat, last in lost:
        ways = (_LOOK, Way("move", "move"), Way("suspend", "suspend"))
        yield Todo("offline", (seat,), ways, "stop", last.seen_at, (("answered", last.answered),))


def _waiting(board: Board) -> Iterator[Todo]:
    """Whoever waits though the paper is open: a page that hangs, or a person who does not know (R-20)."""
    stuck = tuple(seat for seat in board.seats if "waits" in seat.alerts)
    if len(stuck) > MANY:
        yield Todo("waits_many", stuck, (Way("remind", "remind"),), "stop", board.head.started_at)
        return
    for seat in stuck:
        yield Todo("waits", (seat,), (_LOOK, Way("move", "move")), since=board.head.started_at)


def _seats(board: Board) -> Iterator[Todo]:
    ways: tuple[Way, ...]
    alerted = [seat for seat in board.seats if seat.alerts]
    for seat in alerted:
        if "query" in seat.alerts:
            ways = (Way("clear_query", "clear_query", main=True), Way("detail", "detail"))
            yield Todo("query", (seat,), ways, since=seat.query_at)
    yield from _each_or_many(
        "elsewhere", _with("elsewhere", alerted), _elsewhere, (_seen("elsewhere", main=True),), tone="stop"
    )
    yield from _proposals(alerted)
    claims = _with("claim", alerted)
    for seat in claims:
        if seat.claim_address is not None:
            ways = (Way("rebind", "rebind", at_once=True), _seen("claim", main=True))
            yield Todo("claim", (seat,), ways, params=(("address", seat.claim_address),))
    yield from _each_or_many(
        "clone", [seat for seat in claims if seat.claim_address is None], _clone, (_seen("claim"),)
    )
    yield from _each_or_many(
        "guessing", _with("guessing", alerted), _guessing, (_seen("guessing", main=True),)
    )
    yield from _each_or_many(
        "undelivered", _with("undelivered", alerted), _undelivered, (_seen("undelivered"),)
    )
    yield from _each_or_many("blurs", _with("blurs", alerted), _blurs, (_REMIND, _seen("blurs")))


def _with(alert: str, alerted: Sequence[SeatView]) -> list[SeatView]:
    return [seat for seat in alerted if alert in seat.alerts]


def _each_or_many(
    kind: str,
    seats: Sequence[SeatView],
    one: Callable[[SeatView], Todo],
    ways: tuple[Way, ...],
    *,
    tone: str = "warn",
) -> Iterator[Todo]:
    """Tell of an alert that has no cause of its own at each seat: of each, or once of many with the `ways` for all.

    A room behind one network address, or of disks copied from one, would be forty of the same.
    """
    if len(seats) > MANY:
        yield Todo(f"{kind}_many", tuple(seats), ways, tone)
        return
    yield from map(one, seats)


def _elsewhere(seat: SeatView) -> Todo:
    ways = (_seen("elsewhere", main=True), Way("move", "move"), Way("detail", "detail"))
    return Todo("elsewhere", (seat,), ways, tone="stop", params=(("address", seat.elsewhere_address),))


def _clone(seat: SeatView) -> Todo:
    return Todo("clone", (seat,), (_seen("claim"),))


def _guessing(seat: SeatView) -> Todo:
    address = None if seat.guesses is None else seat.guesses.address
    ways = (_seen("guessing", main=True), Way("code", "code"))
    return Todo("guessing", (seat,), ways, params=(("address", address),))


def _undelivered(seat: SeatView) -> Todo:
    return Todo("undelivered", (seat,), (_seen("undelivered"),), params=(("count", seat.undelivered),))


def _blurs(seat: SeatView) -> Todo:
    ways = (_REMIND, Way("violation", "violation"), _seen("blurs"))
    return Todo("blurs", (seat,), ways, params=(("count", seat.blurs),))


def _seen(alert: str, *, main: bool = False) -> Way:
    return Way("seen", "seen", main=main, at_once=True, query=(("alert", alert),))


def _proposals(alerted: Sequence[SeatView]) -> Iterator[Todo]:
    """Tell of what befell several at once as one thing to decide, whether they could go on answering or not."""
    found = [(seat, one) for seat in alerted for one in seat.proposals]
    for usable in (False, True):
        alike = sorted((one for one in found if one[1].usable is usable), key=lambda one: one[1].from_at)
        while alike:
            since = alike[0][1].from_at
            cut = [one for one in alike if one[1].from_at - since <= TOGETHER]
            alike = alike[len(cut) :]
            yield _one_cut(*cut[0]) if len(cut) == 1 else _many_cut(cut, usable=usable)


def _one_cut(seat: SeatView, one: Proposal) -> Todo:
    gap = (("gap", str(one.gap_id)),)
    give, refuse = (
        Way("decide", "grant", main=one.amount > timedelta(0), query=gap),
        Way("decide", "refuse", main=not one.amount, query=(*gap, ("refuse", "1"))),
    )
    kind = "gap_usable" if one.usable else "gap"
    params = (("length", one.to_at - one.from_at), ("resent", one.resent), ("amount", one.amount))
    return Todo(kind, (seat,), (give, refuse) if one.amount else (refuse, give), params=params)


def _many_cut(cut: Sequence[tuple[SeatView, Proposal]], *, usable: bool) -> Todo:
    gaps = (("gaps", ",".join(str(one.gap_id) for _seat, one in cut)),)
    give = Way("decide_many", "grant_all", main=not usable, query=gaps)
    refuse = Way("decide_many", "refuse_all", main=usable, query=(*gaps, ("refuse", "1")))
    seats = tuple(dict.fromkeys(seat for seat, _one in sorted(cut, key=lambda one: one[0].number)))
    longest = max(one.to_at - one.from_at for _seat, one in cut)
    params = (("length", longest), ("resent", sum(one.resent for _seat, one in cut)))
    return Todo(
        "gap_usable_many" if usable else "gap_many",
        seats,
        (refuse, give) if usable else (give, refuse),
        params=params,
    )


def _absences(board: Board) -> Iterator[Todo]:
    missing = tuple(seat for seat in board.seats if seat.state is SeatState.NOT_ARRIVED)
    worked = board.head.admits or board.head.open
    if missing and worked and board.late:
        yield Todo("absences", missing, (Way("absent", "absent", main=True),), tone="")
