"""What a board displays: 需要处理, the count line with its filters, the seat map, clocks, the log in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import flask_babel

from cbt.blueprints.reasons import REASON, VIOLATION
from cbt.http.i18n import local_zone, word
from cbt.proctoring.board.live import TOGETHER, Board, LogLine, LogPerson
from cbt.proctoring.board.seat_state import Proposal, SeatState, severity
from cbt.proctoring.board.seat_view import FreeSeat, SeatView
from cbt.rules.planning.seat_plan import RoomPlan, plan_of

_STATES: dict[str, frozenset[SeatState]] = {
    "answering": frozenset({SeatState.ANSWERING, SeatState.UNITS_DONE}),
    "offline": frozenset({SeatState.OFFLINE}),
    "suspended": frozenset({SeatState.SUSPENDED, SeatState.MOVING}),
    "waiting": frozenset({SeatState.WAITING}),
    "not_arrived": frozenset({SeatState.NOT_ARRIVED}),
    "closed": frozenset({SeatState.CLOSED}),
    "absent": frozenset({SeatState.ABSENT}),
}


def _state_is(key: str) -> Callable[[SeatView], bool]:
    return lambda seat: seat.state in _STATES[key]


FILTERS: dict[str, Callable[[SeatView], bool]] = {
    "expected": lambda _seat: True,
    "arrived": lambda seat: seat.arrived_at is not None and seat.absent_at is None,
    "present": lambda seat: seat.present,
    "signed_in": lambda seat: seat.signed_in_at is not None,
    "attention": lambda seat: bool(seat.alerts),
    **{key: _state_is(key) for key in _STATES},
}

_BEFORE = ("expected", "arrived", "signed_in", "waiting", "not_arrived", "attention", "absent")
_AFTER = (
    "expected",
    "present",
    "signed_in",
    "offline",
    "attention",
    "answering",
    "suspended",
    "not_arrived",
    "closed",
    "absent",
)
_TONES = {"offline": "stop", "attention": "warn"}
# These are left out while nobody is there; the others are what a room is reported by.
_ONLY_IF_ANY = frozenset({"suspended", "not_arrived", "waiting"})


@dataclass(frozen=True, slots=True)
class Count:
    """One figure of the count line, with the tone it takes when it is not zero."""

    key: str
    number: int
    tone: str


def counts(board: Board, *, shown: str) -> tuple[Count, ...]:
    """Return the count line of a board; the filter in use stays even at zero."""
    line, states = [], Counter(seat.state for seat in board.seats)
    for key in _AFTER if board.started else _BEFORE:
        if key in _STATES:
            number = sum(states[state] for state in _STATES[key])
        else:
            number = sum(1 for seat in board.seats if FILTERS[key](seat))
        if number or key == shown or key not in _ONLY_IF_ANY:
            line.append(Count(key, number, _TONES.get(key, "") if number else ""))
    return tuple(line)


def shown_seats(board: Board, *, show: str, worst_first: bool) -> tuple[SeatView, ...]:
    """Return the seats a filter leaves, by number or worst first."""
    seats = [seat for seat in board.seats if FILTERS[show](seat)]
    if worst_first:
        seats.sort(key=lambda seat: (severity(seat.state, needs_care=bool(seat.alerts)), seat.number))
    return tuple(seats)


ROOMY_TO, DENSE_FROM = 12, 41
ROOMY_COLUMNS, USUAL_COLUMNS = 4, 8

# Parameters of a log line that are codes, and where their words are.
_CODED = {
    "code": REASON,
    "cause": "proctoring.cause.",
    "grant": "proctoring.grant.",
    "part": "proctoring.report.part.",
    "hand": "proctoring.hand.",
    "why": "reason.",
}


SPANS = frozenset({"seconds"})
"""Parameters that are seconds; where they differ, the line of several says that each has their own."""


def _(message_id: str, **params: object) -> str:
    return str(flask_babel.gettext(message_id, **params))


@dataclass(frozen=True, slots=True)
class SeatMap:
    """The seats as the map shows them: as in the room where its plan is known, else by number.

    A seat keeps its place whatever is filtered: of those a filter leaves out (not `shown`) the number stands there.
    """

    density: str
    plan: RoomPlan | None
    numbers: tuple[int, ...]
    taken: Mapping[int, SeatView]
    free: Mapping[int, FreeSeat]
    shown: frozenset[int]


def seat_map(board: Board, seats: Sequence[SeatView], *, everybody: bool) -> SeatMap:
    """Return the map of the room, of which a filter shows `seats`; seats nobody has are shown with `everybody`."""
    numbers = tuple(sorted([*(seat.number for seat in board.seats), *(seat.number for seat in board.free)]))
    plan = plan_of(board.head.plan, board.head.door, numbers) if board.head.plan else None
    free = (seat.number for seat in board.free) if everybody else ()
    return SeatMap(
        density=density(len(numbers), len(plan.drawn[0]) if plan else 0),
        plan=plan,
        numbers=numbers,
        taken={seat.number: seat for seat in board.seats},
        free={seat.number: seat for seat in board.free},
        shown=frozenset((*(seat.number for seat in seats), *free)),
    )


def density(seats: int, columns: int = 0) -> str:
    """Return how large the tiles are, so that a whole room, in its `columns` if known, fits one screen."""
    if seats <= ROOMY_TO and columns <= ROOMY_COLUMNS:
        return "roomy"
    return "dense" if seats >= DENSE_FROM or columns > USUAL_COLUMNS else "usual"


@dataclass(frozen=True, slots=True)
class ClockDisplay:
    """One clock of the head: the papers that end together (None: not started, or held)."""

    label: str
    duration: timedelta
    closes_at: datetime | None


def clocks(board: Board) -> tuple[ClockDisplay, ...]:
    """Return the clocks of a room, one for the papers that end at the same instant (R-20)."""
    groups: dict[tuple[timedelta, datetime | None], list[str]] = {}
    for paper in board.papers:
        groups.setdefault((paper.duration, paper.closes_at), []).append(paper.label)
    everything = len(groups) == 1 and len(board.papers) > 2
    return tuple(
        ClockDisplay(
            label=_("proctoring.clock.all") if everything else _("proctoring.comma").join(sorted(labels)),
            duration=duration,
            closes_at=closes_at,
        )
        for (duration, closes_at), labels in sorted(groups.items(), key=lambda one: one[0][0])
    )


def span_words(value: object) -> str:
    """Return a span in words, in the reader's language: 4 分 35 秒."""
    total = int(value.total_seconds()) if isinstance(value, timedelta) else int(str(value))
    minutes, seconds = divmod(total, 60)
    if not minutes:
        return _("proctoring.span.s", s=seconds)
    if not seconds:
        return _("proctoring.span.m", m=minutes)
    return _("proctoring.span.ms", m=minutes, s=seconds)


def log_text(line: LogLine) -> str:
    """Return one line of the log as a sentence; of several people it says how many."""
    params = {name: _worded(line.kind, name, value) for name, value in line.params}
    if line.people:
        each = _("proctoring.log.each")
        params = {name: value or (each if name in SPANS else "") for name, value in params.items()}
        params |= {"seat": "", "name": _("proctoring.people", count=len(line.people))}
    text = _(f"proctoring.log.{line.kind}", **params).strip()
    reason = params.get("reason", "")
    return _("proctoring.log.with_reason", text=text, reason=reason) if reason else text


def log_person(line: LogLine, person: LogPerson) -> str:
    """Return one of those a line is about, with what is theirs alone."""
    own = [_worded(line.kind, name, value) for name, value in person.own if value]
    return " · ".join((f"{person.seat} {person.name}", *own))


def _worded(kind: str, name: str, value: str) -> str:
    if name in SPANS:
        return span_words(int(value)) if value else ""
    if name == "since":
        return datetime.fromisoformat(value).astimezone(local_zone()).strftime("%H:%M:%S")
    if name == "code" and kind == "violation":
        return word(VIOLATION + value)
    return word(_CODED[name] + value) if name in _CODED and value else value


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
        values = (value.partition(",")[0] for _, value in query)
        return "-".join((self.kind, *(seat.ref for seat in self.seats[:3]), *values))


_LOOK = Way("detail", "look", main=True)
"""Go there first: the seat, the photo and what happened so far."""
_REMIND = Way("remind", "remind", main=True)


def todos(board: Board) -> tuple[Todo, ...]:
    """Return what waits for somebody, the most urgent first."""
    return (
        *_room(board),
        *_offline(board),
        *_hands(board),
        *_waiting(board),
        *_seats(board),
        *_absences(board),
    )


def _room(board: Board) -> Iterator[Todo]:
    if board.needs_countersign:
        yield Todo("countersign", (), (Way("countersign", "countersign", main=True),), tone="stop")
    formless = sum(seat.attempt_id is None for seat in board.seats)
    if formless and board.head.admits:
        yield Todo("start_forms", (), (), tone="stop", params=(("count", formless),))
    elif board.start_waits:
        waiting = [seat for seat in board.seats if not_ready(seat)]
        ways = (Way("start", "start"),)
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
        yield Todo("offline_many", seats, (Way("suspend", "suspend"),), "stop", since)
        return
    for seat, last in lost:
        ways = (_LOOK, Way("move", "move"), Way("suspend", "suspend"))
        yield Todo("offline", (seat,), ways, "stop", last.seen_at, (("answered", last.answered),))


def _hands(board: Board) -> Iterator[Todo]:
    """举手, whoever waits longest first; of a whole room one entry for each reason, to be answered at once."""
    up = sorted(
        ((seat, seat.hand) for seat in board.seats if seat.hand is not None),
        key=lambda one: (one[1].at, one[0].number),
    )
    answer = Way("answer_hand", "answer", main=True)
    for reason in dict.fromkeys(hand.reason for _, hand in up):
        alike = [(seat, hand) for seat, hand in up if hand.reason == reason]
        if len(alike) > MANY:
            seats = tuple(seat for seat, _ in alike)
            yield Todo(f"hand_{reason}_many", seats, (answer,), since=alike[0][1].at)
            continue
        for seat, hand in alike:
            place = (("place", hand.place),)
            yield Todo(
                f"hand_{reason}", (seat,), (answer, Way("detail", "look")), since=hand.at, params=place
            )


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
            ways = (_seen("claim", main=True), Way("rebind", "rebind"))
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
    single: Callable[[SeatView], Todo],
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
    yield from map(single, seats)


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
    proposals = [(seat, one) for seat in alerted for one in seat.proposals]
    for usable in (False, True):
        alike = sorted((one for one in proposals if one[1].usable is usable), key=lambda one: one[1].from_at)
        while alike:
            since = alike[0][1].from_at
            cut = [one for one in alike if one[1].from_at - since <= TOGETHER]
            alike = alike[len(cut) :]
            yield _one_cut(*cut[0]) if len(cut) == 1 else _many_cut(cut, usable=usable)


def _one_cut(seat: SeatView, proposal: Proposal) -> Todo:
    gap = (("gap", str(proposal.gap_id)),)
    give, refuse = (
        Way("decide", "grant", main=proposal.amount > timedelta(0), query=gap),
        Way("decide", "refuse", main=not proposal.amount, query=(*gap, ("refuse", "1"))),
    )
    kind = "gap_usable" if proposal.usable else "gap"
    params = (
        ("length", proposal.to_at - proposal.from_at),
        ("resent", proposal.resent),
        ("amount", proposal.amount),
    )
    return Todo(kind, (seat,), (give, refuse) if proposal.amount else (refuse, give), params=params)


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
