"""The live board of a room as values: its seats, papers, log, surroundings and reminders.

What was done to many at once, or befell them together, is one line of the log with the list behind it. The
surroundings (facts of the clocks, the log, who is there, what can be taken back) change by acts and little
else: whoever keeps them asks the log's end whether they are still so (`polling`).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, and_, bindparam, func, or_, select
from sqlalchemy.orm import Session

from cbt.audit.models import AuditEntry
from cbt.http.auth.throttle import TryCount
from cbt.proctoring import store
from cbt.proctoring.board.seat_state import SeatNumbers, SeatState, guesses_in_room, proposals_of
from cbt.proctoring.board.seat_view import (
    FreeSeat,
    PaperKey,
    PaperLine,
    SeatCache,
    SeatView,
    papers_of,
    with_ends,
)
from cbt.proctoring.models import Incident, UndoableAct
from cbt.proctoring.store import SignedCheck
from cbt.rules import clock
from cbt.rules.canonical import digest
from cbt.rules.clock import Pause
from cbt.rules.door import is_late
from cbt.rules.states import OVER, UNANSWERED, ClosedBy, SittingState, closing
from cbt.runner.clock_facts import RoomFacts, room_facts
from cbt.runner.models import Attempt, Gap, Message
from cbt.sittings.models import SittingRoom
from cbt.sittings.store import RoomView
from cbt.storage.prepared import PreparedSelect

SHOWN_FOR = timedelta(minutes=15)
MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Reminder:
    """One text that was sent at one moment, to however many."""

    at: datetime
    text: str
    sent: int
    delivered: int
    read: int


_LATEST = PreparedSelect(
    select(
        Message.sent_at,
        Message.text,
        func.count().label("sent"),
        func.count(Message.delivered_at).label("delivered"),
        func.count(Message.read_at).label("read"),
    )
    .join(Attempt, Attempt.id == Message.attempt_id)
    .where(
        Attempt.sitting_room_id == bindparam("room"),
        Message.sent_at > bindparam("since"),
        Message.withdrawn_at.is_(None),
    )
    .group_by(Message.sent_at, Message.text)
    .order_by(Message.sent_at.desc())
    .limit(MOST_SHOWN)
)


def reminders_of(session: Session, sitting_room_id: int, *, now: datetime) -> tuple[Reminder, ...]:
    """Return the latest reminders of a room that were not taken back, the newest first (one query)."""
    return tuple(Reminder(*row) for row in _LATEST.rows(session, room=sitting_room_id, since=now - SHOWN_FOR))


def still_shown(reminders: Iterable[Reminder], *, now: datetime) -> tuple[Reminder, ...]:
    return tuple(one for one in reminders if one.at > now - SHOWN_FOR)


# What of a started room only the audit log knows: who left which seat when, what the product itself gave, and how
# papers were closed that are open again.
#
# People move by 换机 to a free seat, by signing in again wherever they may, by 整场换机房, and by what was taken
# back of these. What an outage took is given back by nobody of the room.
#
# Source.

_SEAT, _RELOCATED, _BACK = "door.seat", "room.relocate", "undo.relocate"
_GIVEN, _HELD, _REOPENED = "room.adjust", "room.hold", "attempt.reopen"
_SYSTEM = "scheduler"
_STARTED = (
    select(func.max(AuditEntry.id))
    .where(AuditEntry.subject == bindparam("room"), AuditEntry.act == "room.start")
    .scalar_subquery()
)
_ENTRIES = PreparedSelect(
    select(
        AuditEntry.at,
        AuditEntry.act,
        AuditEntry.actor,
        AuditEntry.subject,
        AuditEntry.reason,
        AuditEntry.before,
        AuditEntry.after,
        Attempt.id.label("attempt_id"),
    )
    .outerjoin(
        Attempt,
        and_(
            AuditEntry.act == _REOPENED,
            Attempt.ref == func.substr(AuditEntry.subject, len("attempt:") + 1),
        ),
    )
    .where(
        or_(*(AuditEntry.act == act for act in (_SEAT, _RELOCATED, _BACK, _GIVEN, _HELD, _REOPENED))),
        AuditEntry.id > _STARTED,
    )
    .order_by(AuditEntry.id)
)
Move = tuple[datetime, str, int]
"""When somebody (the ref of a registration) left which seat (its number)."""


@dataclass(frozen=True, slots=True)
class SystemTime:
    """What the product itself gave a room or, `amount` None, held it for, since when and why."""

    at: datetime
    amount: timedelta | None
    why: str


@dataclass(frozen=True, slots=True)
class UndoneClosing:
    """A closing that was undone: of which attempt, when and how it was closed, when it was opened again.

    `by_time`: time that was given for a site fault did it, and nobody's 恢复作答 (R-28).
    """

    attempt_id: int
    closed_at: datetime
    closed_by: ClosedBy
    at: datetime
    by_time: bool


@dataclass(frozen=True, slots=True)
class RoomTrail:
    """All three, in their order; moves and closings of other rooms are among them."""

    moves: tuple[Move, ...] = ()
    system: tuple[SystemTime, ...] = ()
    undone: tuple[UndoneClosing, ...] = ()


def trail_of_room(session: Session, room: SittingRoom) -> RoomTrail:
    """Return what the log has of a room since its start (one query)."""
    if room.started_at is None:
        return RoomTrail()
    moves: list[Move] = []
    system: list[SystemTime] = []
    undone: list[UndoneClosing] = []
    relocations: list[Mapping[str, tuple[int, int]]] = []
    for entry in _ENTRIES.rows(session, room=room.logged_as):
        if entry.act == _SEAT:
            moves.append((entry.at, entry.subject.partition(":")[2], json.loads(entry.before)["seat"]))
        elif entry.act == _REOPENED:
            undone.append(_undone_closing(entry, json.loads(entry.before)))
        elif entry.subject != room.logged_as:
            continue
        elif entry.act == _RELOCATED:
            new_seats = json.loads(entry.after)["new_seats"]
            relocations.append({ref: _numbers(seats) for ref, seats in new_seats.items()})
            moves += [(entry.at, ref, former) for ref, (former, _new) in relocations[-1].items()]
        elif entry.act == _BACK and relocations:
            moves += [(entry.at, ref, new) for ref, (_former, new) in relocations.pop().items()]
        elif entry.actor == _SYSTEM:
            system.append(_system_time(entry, json.loads(entry.after), room.started_at))
    return RoomTrail(tuple(moves), tuple(system), tuple(undone))


def _undone_closing(entry: Row[Any], before: Mapping[str, str]) -> UndoneClosing:
    closed_at, closed_by = datetime.fromisoformat(before["closed_at"]), ClosedBy(before["closed_by"])
    return UndoneClosing(entry.attempt_id, closed_at, closed_by, entry.at, entry.actor == _SYSTEM)


def _numbers(former_and_new: str) -> tuple[int, int]:
    former, _arrow, new = former_and_new.partition(" → ")
    return int(former), int(new)


def _system_time(entry: AuditEntry, after: Mapping[str, str], started_at: datetime) -> SystemTime:
    if entry.act == _HELD:
        return SystemTime(datetime.fromisoformat(after["from_at"]), None, entry.reason)
    amount = timedelta(seconds=int(after["seconds"]))
    return SystemTime(max(entry.at - amount, started_at), amount, entry.reason)


class SeatHistory:
    """Tells of a seat's person the number they had at an instant."""

    def __init__(self, moves: Sequence[Move]) -> None:
        left: defaultdict[str, list[tuple[datetime, int]]] = defaultdict(list)
        for at, ref, former in moves:
            left[ref].append((at, former))
        self._left: Mapping[str, Sequence[tuple[datetime, int]]] = left

    def at(self, seat: SeatView, instant: datetime) -> SeatView:
        """Return the seat with the number it had: who moves at an instant sits at the new one from then on."""
        former = next((number for at, number in self._left.get(seat.ref, ()) if at > instant), seat.number)
        return seat if former == seat.number else replace(seat, number=former)


# Closings by the room's staff are written down as incidents; these two happen by themselves. Nor does anybody
# write down what the product itself gives or holds.
FORCED = "force"
"""The kind of the line of a 强制收卷."""
_BY_ITSELF = frozenset({ClosedBy.CANDIDATE, ClosedBy.DEADLINE})
_WHO = frozenset({"name", "seat"})
TOGETHER = timedelta(seconds=60)
"""Connections that are lost, or come back, within this of each other are told as one event."""
_CONNECTIONS = frozenset({"lost", "connected"})

Params = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class LogPerson:
    """One of those a line is about: their seat and name, and what differs from the others'."""

    seat: str
    name: str
    own: Params = ()


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line: `kind` names the catalogue's sentence, `params` fill it; `people` where it is about several."""

    at: datetime
    kind: str
    params: Params
    people: tuple[LogPerson, ...] = ()
    about: int | None = None
    """Whom a line of one person is about (the id of their registration), whatever seat they had."""


def incident_line(incident: Incident, seat: SeatView | None = None) -> LogLine:
    """Return an incident as a line; `seat` is that of whom it is about."""
    params: dict[str, str] = json.loads(incident.params)
    kind = incident.kind
    if kind == "evacuate_close":
        params.setdefault("unanswered", "0")  # a line of a former version counted them in
    if kind == FORCED and seat is not None and seat.closing == UNANSWERED:
        kind = f"{FORCED}_{UNANSWERED}"  # as it is counted: 到场未作答 is no 强制收卷
    return LogLine(incident.at, kind, tuple(sorted(params.items())), about=incident.registration_id)


def log_lines(
    incidents: Sequence[Incident],
    seats: Sequence[SeatView],
    gaps: Sequence[Gap],
    *,
    trail: RoomTrail,
    limit: int,
) -> tuple[LogLine, ...]:
    """Return the newest lines: incidents, 交卷 and 到时收卷, connections lost and found again, the system's time.

    `incidents` are the newest of a room, as many as `rows_for` says; what the last of them belongs to may be cut.
    Everybody is named with the seat they had at the moment.
    """
    whole = rows_for(len(seats), limit)
    by_attempt = {seat.attempt_id: seat for seat in seats}
    by_id = {seat.registration_id: seat for seat in seats}
    lines = [
        incident_line(incident, by_id.get(incident.registration_id or 0))
        for incident in _uncut(incidents, whole)
    ]
    lines += [_system_line(given) for given in trail.system]
    history = SeatHistory(trail.moves)

    def tell(kind: str, at: datetime, seat: SeatView) -> None:
        lines.append(LogLine(at, kind, _who(history.at(seat, at)), about=seat.registration_id))

    for seat in seats:
        if seat.closed_at is not None and seat.closed_by in _BY_ITSELF:
            tell(f"closed_{seat.closing}", seat.closed_at, seat)
    for end in trail.undone:
        if (reopened := by_attempt.get(end.attempt_id)) is None:
            continue
        if end.closed_by in _BY_ITSELF:
            started = reopened.started_at is not None and reopened.started_at <= end.closed_at
            tell(f"closed_{closing(end.closed_by, started=started)}", end.closed_at, reopened)
        if end.by_time:
            tell("reopen_by_time", end.at, reopened)
    for gap in gaps[:whole]:
        if (lost := by_attempt.get(gap.attempt_id)) is not None:
            tell("connected", gap.to_at, lost)
            tell("lost", gap.from_at, lost)
    return tuple(_together(sorted(lines, key=lambda line: line.at, reverse=True))[:limit])


def _system_line(given: SystemTime) -> LogLine:
    if given.amount is None:
        return LogLine(given.at, "system_hold", (("since", given.at.isoformat()), ("why", given.why)))
    seconds = str(int(given.amount.total_seconds()))
    return LogLine(given.at, "system_time", (("seconds", seconds), ("why", given.why)))


def rows_for(seats: int, limit: int) -> int:
    """Return how many rows of the log are read for `limit` lines: two acts on a whole room more."""
    return limit + 2 * seats


def _uncut(incidents: Sequence[Incident], whole: int) -> Sequence[Incident]:
    """Leave out the oldest act where more of it may not have been read: its count would be wrong."""
    if len(incidents) < whole or incidents[0].at == incidents[-1].at:
        return incidents
    return [one for one in incidents if one.at != incidents[-1].at]


def _together(lines: Iterable[LogLine]) -> list[LogLine]:
    """Join the lines of people that one act, or one cut, touched; the newest stands for all of them."""
    groups: list[list[LogLine]] = []
    latest: dict[str, list[LogLine]] = {}
    for line in lines:
        group = latest.get(line.kind)
        if group is not None and _same(group[0], line):
            group.append(line)
            continue
        groups.append([line])
        latest[line.kind] = groups[-1]
    return [line for group in groups for line in _joined(group)]


def _same(first: LogLine, line: LogLine) -> bool:
    if not {name for name, _ in line.params} >= _WHO:
        return False
    if line.kind in _CONNECTIONS:
        return first.at - line.at <= TOGETHER
    return first.at == line.at


def _joined(group: Sequence[LogLine]) -> list[LogLine]:
    """Return the lines of a group as one, in which everybody stands once; those of one person stay apart."""
    if len(group) == 1 or len({_person(line) for line in group}) == 1:
        return list(group)
    first = group[0]
    common = set(first.params).intersection(*(line.params for line in group[1:]))
    people: dict[object, LogPerson] = {}
    for line in group:
        params = dict(line.params)
        own = tuple(one for one in line.params if one not in common and one[0] not in _WHO)
        same = people.get(_person(line))
        if same is None:
            people[_person(line)] = LogPerson(params["seat"], params["name"], own)
        elif own:
            people[_person(line)] = replace(same, own=same.own + own)
    varied = {name: "" for line in group for name, _ in line.params if name not in _WHO}
    shared = tuple(sorted((varied | dict(common)).items()))
    return [LogLine(first.at, first.kind, shared, tuple(sorted(people.values(), key=lambda one: one.seat)))]


def _person(line: LogLine) -> object:
    params = dict(line.params)
    return line.about or (params["seat"], params["name"])


def _who(seat: SeatView) -> Params:
    return (("name", seat.name), ("seat", seat.label))


UNDO_FOR = timedelta(minutes=2)
LOG_LINES = 40


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was read of a room beside its seats, as it stood: only `now` decides what of it is still shown."""

    facts: RoomFacts
    papers: Mapping[PaperKey, PaperLine]
    gaps: Sequence[Gap]
    stood: Mapping[int, Sequence[Pause]]
    grants: Mapping[int, Mapping[str, timedelta]]
    seen: Mapping[tuple[int, str], int]
    hands: Mapping[int, store.HandUp]
    incidents: Sequence[Incident]
    needs_countersign: bool
    held_from: datetime | None
    proctors: Sequence[str]
    undoable: Sequence[UndoableAct]
    next_start_at: datetime | None
    reminders: tuple[Reminder, ...]
    trail: RoomTrail
    checked: SignedCheck | None


def taken_rows(rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    return [row for row in rows if row.registration_id is not None]


def read_around(session: Session, view: RoomView, rows: Sequence[Row[Any]], *, now: datetime) -> Surroundings:
    """Read it: a fixed set of queries, whatever the number of seats."""
    room, taken = view.sitting_room, taken_rows(rows)
    gaps = store.gaps_of_room(session, room.id)
    undecided = any(gap.decided_at is None for gap in gaps)
    facts = room_facts(session, room.id)
    incidents, unsigned = store.incidents_of_room(session, room.id, limit=rows_for(len(taken), LOG_LINES))
    return Surroundings(
        facts=facts,
        papers=papers_of(session, taken),
        gaps=gaps,
        stood=store.stood_in_room(session, room.id) if undecided else {},
        grants=store.grants_of_room(session, room.id),
        seen=store.alerts_seen(session, room.id),
        hands={} if room.state in OVER else store.hands_up(session, room.id),
        incidents=incidents,
        needs_countersign=unsigned,
        held_from=max((hold.from_at for hold in facts.holds if hold.to_at is None), default=None),
        proctors=store.proctors_of_room(session, room.id),
        undoable=store.undoable_acts(session, room.id, since=now - UNDO_FOR),
        next_start_at=store.next_start_in(session, room, after=view.sitting.planned_start_at),
        reminders=reminders_of(session, room.id, now=now) if room.started_at is not None else (),
        trail=trail_of_room(session, room),
        checked=store.check_of_room(session, room.id) if room.started_at is None else None,
    )


_WORKING = frozenset({SeatState.ANSWERING, SeatState.OFFLINE})


@dataclass(frozen=True, slots=True)
class RoomHead:
    """What names the room and says where it stands."""

    ref: str
    sitting_name: str
    purpose: str
    centre_name: str
    room_name: str
    state: SittingState
    armed: bool
    planned_start_at: datetime
    check_in_opens_at: datetime
    report_at: datetime
    late_cutoff_at: datetime
    sign_in_opens_at: datetime
    leave_allowed: bool
    started_at: datetime | None
    ended_at: datetime | None
    proctors: tuple[str, ...]
    held_from: datetime | None
    evacuated_at: datetime | None
    plan: str
    door: str
    checked: SignedCheck | None
    """What the check of the room said, until it is started."""

    @property
    def open(self) -> bool:
        return self.state in {SittingState.RUNNING, SittingState.HELD}

    @property
    def admits(self) -> bool:
        return self.state in {SittingState.PUBLISHED, SittingState.ADMITTING}

    @property
    def over(self) -> bool:
        return self.state in OVER

    @property
    def evacuated(self) -> bool:
        """Whether everybody is to be outside: the room is held for it, or it was evacuated before its start."""
        return self.evacuated_at is not None


@dataclass(frozen=True, slots=True)
class Board:
    """Everything the page shows, as values: two equal boards look the same but for their seats' numbers."""

    head: RoomHead
    papers: tuple[PaperLine, ...]
    seats: tuple[SeatView, ...]
    free: tuple[FreeSeat, ...]
    log: tuple[LogLine, ...]
    undo: tuple[tuple[str, str, int, datetime], ...]
    """Acts that can be taken back: (ref, act, how many, until)."""
    lost_since: datetime | None
    """Since when a mass loss suggests a power cut (R-25)."""
    next_start_at: datetime | None
    start_waits: bool
    needs_countersign: bool
    late: bool
    """Whether nobody is let in any more (R-11): who is not there by now is missing."""
    reminders: tuple[Reminder, ...]
    numbers: Mapping[str, SeatNumbers] = field(compare=False)
    """Of each seat, by its registration's ref."""

    @property
    def started(self) -> bool:
        return self.head.started_at is not None

    def seat(self, ref: str) -> SeatView | None:
        return next((seat for seat in self.seats if seat.ref == ref), None)

    def etag(self, *extra: str) -> str:
        """Return a tag that changes when anything shown does."""
        return digest("\n".join((repr(self), *extra)))[:32]


def load_board(session: Session, view: RoomView, *, now: datetime) -> Board:
    """Read the board of a room: a fixed set of queries, whatever the number of seats."""
    rows = store.board_rows(session, view.sitting_room.id, view.sitting_room.room_id)
    return board_of(
        view,
        rows,
        [SeatNumbers(row.answered or 0, row.seen_at, row.saved_at) for row in rows],
        read_around(session, view, rows, now=now),
        guesses_in_room(taken_rows(rows), store.counters_of(session, now=now)),
        SeatCache(),
        now=now,
    )


def board_of(
    view: RoomView,
    rows: Sequence[Row[Any]],
    numbers: Sequence[SeatNumbers],
    around: Surroundings,
    guesses: Mapping[int, TryCount],
    kept: SeatCache,
    *,
    now: datetime,
) -> Board:
    """Return the board that was read at `now`: nothing is asked for, and only `now` makes it another.

    `numbers` are those of the `rows`, each at its place. Seats that are as they were `kept` are not made anew.
    """
    room, sitting = view.sitting_room, view.sitting
    papers = with_ends(around.papers, around.facts, now=now)
    proposals = proposals_of(around.gaps, around.facts, around.stood, now=now)
    taken = [one for one in zip(rows, numbers, strict=True) if one[0].registration_id is not None]
    seats = tuple(
        kept.view(
            row,
            its_numbers,
            paper=papers[(row.blueprint_version_id, row.paper)],
            grants=around.grants.get(row.attempt_id, {}),
            proposals=proposals.get(row.attempt_id, ()),
            guesses=guesses.get(row.seat_id),
            seen=around.seen,
            hand=around.hands.get(row.attempt_id),
            runs_since=room.started_at if room.state == SittingState.RUNNING else None,
            now=now,
        )
        for row, its_numbers in taken
    )
    return Board(
        head=_head(view, around),
        papers=tuple(papers.values()),
        seats=seats,
        free=tuple(
            FreeSeat(row.seat_id, row.number, row.spare, row.bound_at is not None)
            for row in rows
            if row.registration_id is None
        ),
        log=log_lines(
            around.incidents,
            seats,
            around.gaps,
            trail=around.trail,
            limit=LOG_LINES,
        ),
        undo=_undo([act for act in around.undoable if act.at > now - UNDO_FOR]),
        lost_since=_lost_since(seats, now=now) if room.state == SittingState.RUNNING else None,
        next_start_at=around.next_start_at,
        reminders=still_shown(around.reminders, now=now),
        start_waits=room.armed and room.started_at is None and now >= sitting.planned_start_at,
        needs_countersign=around.needs_countersign,
        late=is_late(now, cutoff_at=sitting.late_cutoff_at),
        numbers={row.ref: its_numbers for row, its_numbers in taken},
    )


def _head(view: RoomView, around: Surroundings) -> RoomHead:
    room, sitting = view.sitting_room, view.sitting
    return RoomHead(
        ref=room.ref,
        sitting_name=sitting.name,
        purpose=sitting.purpose,
        centre_name=view.centre.name,
        room_name=view.room.name,
        state=SittingState(room.state),
        armed=room.armed,
        planned_start_at=sitting.planned_start_at,
        check_in_opens_at=sitting.check_in_opens_at,
        report_at=sitting.report_at,
        late_cutoff_at=sitting.late_cutoff_at,
        sign_in_opens_at=sitting.sign_in_opens_at,
        leave_allowed=sitting.leave_allowed,
        started_at=room.started_at,
        ended_at=room.ended_at,
        proctors=tuple(around.proctors),
        held_from=around.held_from,
        evacuated_at=room.evacuated_at,
        plan=view.room.plan,
        door=view.room.door,
        checked=around.checked,
    )


def _undo(acts: Sequence[UndoableAct]) -> tuple[tuple[str, str, int, datetime], ...]:
    return tuple((act.ref, act.act, _people_in(act), act.at + UNDO_FOR) for act in acts)


def _people_in(act: UndoableAct) -> int:
    """Return how many seats an act touched; none where it was about the room."""
    return sum(registration_id is not None for registration_id, _ in json.loads(act.params))


def _lost_since(seats: Sequence[SeatView], *, now: datetime) -> datetime | None:
    working = [seat for seat in seats if seat.state in _WORKING]
    lost = [seat.last.seen_at for seat in working if seat.last is not None and seat.last.seen_at is not None]
    return clock.mass_loss(lost, now, seats=len(working))
