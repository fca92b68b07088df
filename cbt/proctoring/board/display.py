"""What a board displays: the count line with its filters, the seat map, the clocks, the log in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import flask_babel

from cbt.blueprints.reasons import REASON, VIOLATION
from cbt.http.i18n import local_zone, word
from cbt.proctoring.board.live import Board, LogLine, LogPerson
from cbt.proctoring.board.seat_state import SeatState, severity
from cbt.proctoring.board.seat_view import FreeSeat, SeatView
from cbt.rules.planning.room_plan import RoomPlan, plan_of

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
class ShownClock:
    """One clock of the head: the papers that end together (None: not started, or held)."""

    label: str
    duration: timedelta
    closes_at: datetime | None


def clocks(board: Board) -> tuple[ShownClock, ...]:
    """Return the clocks of a room, one for the papers that end at the same instant (R-20)."""
    groups: dict[tuple[timedelta, datetime | None], list[str]] = {}
    for paper in board.papers:
        groups.setdefault((paper.duration, paper.closes_at), []).append(paper.label)
    everything = len(groups) == 1 and len(board.papers) > 2
    return tuple(
        ShownClock(
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
