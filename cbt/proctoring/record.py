"""The record of a room as values, and its queries: who stands where, what happened, what was given.

Source: R-61.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff
from cbt.accounts.store import actor_names
from cbt.audit.chain import Head, head_of
from cbt.blueprints.reasons import violation_of
from cbt.candidates.store import Registered, entries_of_room, with_photo
from cbt.proctoring.acts.room_end import Ending, ending
from cbt.proctoring.board.live import (
    Board,
    LogLine,
    SeatHistory,
    incident_line,
    load_board,
    log_lines,
    trail_of_room,
)
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.hands import HandCounts, hand_counts
from cbt.proctoring.incidents import ReportStatement, told_of_room
from cbt.proctoring.models import GrantedTime, Incident, InspectorComment, LeaveRecord
from cbt.proctoring.store import COUNTERSIGNED, EVACUATED, gaps_of_room
from cbt.rules.violations import Violation
from cbt.runner.models import Attempt, AttemptAdjustment
from cbt.sittings.models import Batch, RoomAdjustment, RoomHold, RoomStaff
from cbt.sittings.store import RoomView

MOVES = ("move", "move_to", "rebind")
"""The lines of the log that say that somebody went on at another machine."""
LEFT = (EVACUATED, COUNTERSIGNED, "evacuate_close")
"""紧急疏散 of the room, and who stands for it."""
RELOCATED = ("relocate", "undo_relocate")
"""That the whole room went on in another one, and that it went back."""
UNDONE_MOVES = ("undo_move", "undo_rebind")
"""That one of them was taken back."""


@dataclass(frozen=True, slots=True)
class TimeGrant:
    """Time that was given to one candidate, or to the whole room (no seat); `at` is None for before the start."""

    seat: SeatView | None
    at: datetime | None
    kind: str
    amount: timedelta
    code: str
    reason: str
    by: str
    withdrawn: bool = False
    """Whether it was taken back: it is told, and counts no more."""


@dataclass(frozen=True, slots=True)
class HoldPeriod:
    """A 全场暂停: from when, until when, why, by whom."""

    from_at: datetime
    to_at: datetime | None
    code: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Silence:
    """A disconnection of one candidate, and what was decided: `waits` while somebody still has to."""

    seat: SeatView
    from_at: datetime
    to_at: datetime
    usable: bool
    resent: int
    decided: bool
    waits: bool
    granted: timedelta


@dataclass(frozen=True, slots=True)
class Out:
    """A 临时离场 of one candidate."""

    seat: SeatView
    out_at: datetime
    in_at: datetime | None
    escort: str


@dataclass(frozen=True, slots=True)
class Reported:
    """A form of a violation or an incident with what was added to it; `seat` is None for one about the room.

    A violation of a log from before there were such forms is one of which only the facts are known.
    """

    kind: str
    """`violation` or `incident`."""
    seat: SeatView | None
    at: datetime
    code: str
    violation: Violation | None
    """Its row of the table it was recorded by; None for an incident."""
    facts: str
    by: str
    evidence: tuple[str, ...] = ()
    evidence_note: str = ""
    witness: str = ""
    statement: str = ""
    signature: str = "open"
    withdrawn: str | None = None
    """Why it was withdrawn; None while it holds."""


@dataclass(frozen=True, slots=True)
class Comment:
    """What an inspector noted about the room or one seat of it, and what the chief answered, "" for nothing yet."""

    seat: SeatView | None
    at: datetime
    text: str
    by: str
    answer: str
    answered_by: str


@dataclass(frozen=True, slots=True)
class DoorFacts:
    """What the door saw of one person: their registered document, masked, and the kind they showed."""

    masked: str
    shown: str
    cause: str


@dataclass(frozen=True, slots=True)
class RoomRecord:
    """Everything the papers of one room are made of; the figures are those of the end of the room (R-61)."""

    board: Board
    ending: Ending
    batch: str
    ended_at: datetime | None
    staff: tuple[tuple[str, str], ...]
    """(name, duty)"""
    lines: tuple[LogLine, ...]
    """The whole log, the first line first."""
    stood: tuple[HoldPeriod, ...]
    given: tuple[TimeGrant, ...]
    moves: tuple[LogLine, ...]
    """Who went on at another machine, a line each, and which of these were taken back."""
    silences: tuple[Silence, ...]
    out: tuple[Out, ...]
    reports: tuple[Reported, ...]
    """In the order in which they were filed, withdrawn ones among them."""
    comments: tuple[Comment, ...]
    doors: Mapping[str, DoorFacts]
    """By the ref of a registration."""
    no_photo: tuple[SeatView, ...]
    hands: HandCounts
    head: Head | None
    """Where the log ended when this was read (日志锚点)."""
    printed_at: datetime

    @property
    def draft(self) -> bool:
        return not self.board.head.over

    @property
    def absent(self) -> tuple[SeatView, ...]:
        return self.ending.who.get("absent", ())

    @property
    def unanswered(self) -> tuple[SeatView, ...]:
        return self.ending.who.get("unanswered", ())

    @property
    def undecided(self) -> int:
        return self.ending.counts.undecided

    @property
    def moved(self) -> int:
        """How often somebody went on at another machine."""
        undone = sum(line.kind in UNDONE_MOVES for line in self.moves)
        return len(self.moves) - 2 * undone

    @property
    def breaches(self) -> tuple[Reported, ...]:
        return tuple(one for one in self.reports if one.kind == "violation" and one.withdrawn is None)

    @property
    def incidents(self) -> tuple[Reported, ...]:
        return tuple(one for one in self.reports if one.kind == "incident" and one.withdrawn is None)

    @property
    def withdrawn(self) -> tuple[Reported, ...]:
        return tuple(one for one in self.reports if one.withdrawn is not None)


def incidents(session: Session, sitting_room_id: int) -> Sequence[Incident]:
    """Return every line of a room's log, the first one first."""
    query = select(Incident).where(Incident.sitting_room_id == sitting_room_id)
    return session.scalars(query.order_by(Incident.at, Incident.id)).all()


def comments(session: Session, sitting_room_id: int) -> Sequence[InspectorComment]:
    """Return what inspectors noted about a room, with the chief's answers, in their order."""
    query = select(InspectorComment).where(InspectorComment.sitting_room_id == sitting_room_id)
    return session.scalars(query.order_by(InspectorComment.id)).all()


def holds(session: Session, sitting_room_id: int) -> Sequence[RoomHold]:
    query = select(RoomHold).where(RoomHold.sitting_room_id == sitting_room_id)
    return session.scalars(query.order_by(RoomHold.from_at, RoomHold.id)).all()


def given_to_room(session: Session, sitting_room_id: int) -> Sequence[RoomAdjustment]:
    query = select(RoomAdjustment).where(RoomAdjustment.sitting_room_id == sitting_room_id)
    return session.scalars(query.order_by(RoomAdjustment.at, RoomAdjustment.id)).all()


def given_to_people(session: Session, sitting_room_id: int) -> Sequence[tuple[AttemptAdjustment, int]]:
    """Return what single candidates were given: the adjustment and whose registration."""
    query = (
        select(AttemptAdjustment, Attempt.registration_id)
        .join(Attempt, Attempt.id == AttemptAdjustment.attempt_id)
        .where(Attempt.sitting_room_id == sitting_room_id)
        .order_by(AttemptAdjustment.at, AttemptAdjustment.id)
    )
    return [(one, registration_id) for one, registration_id in session.execute(query)]


def seconds_of(session: Session, sitting_room_id: int) -> Mapping[tuple[int | None, datetime], str]:
    """Return who signed together with whoever gave time: (registration or None for the room, when) -> actor."""
    query = select(GrantedTime.registration_id, GrantedTime.at, GrantedTime.second).where(
        GrantedTime.sitting_room_id == sitting_room_id, GrantedTime.second.is_not(None)
    )
    return {(row.registration_id, row.at): row.second for row in session.execute(query)}


def leaves(session: Session, registration_ids: Sequence[int]) -> Sequence[LeaveRecord]:
    query = select(LeaveRecord).where(LeaveRecord.registration_id.in_(registration_ids))
    return session.scalars(query.order_by(LeaveRecord.out_at, LeaveRecord.id)).all()


def staff_of(session: Session, sitting_room_id: int) -> Sequence[tuple[str, str]]:
    """Return (name, duty) of those assigned to a room, by duty and name."""
    query = (
        select(Staff.name, RoomStaff.duty)
        .join(RoomStaff, RoomStaff.staff_id == Staff.id)
        .where(RoomStaff.sitting_room_id == sitting_room_id)
        .order_by(RoomStaff.duty, Staff.name)
    )
    return [(name, duty) for name, duty in session.execute(query)]


ACCOMMODATION = "accommodation"


def read_record(session: Session, view: RoomView, *, now: datetime) -> RoomRecord:
    """Return what the papers of a room say at `now`.

    The figures are counted by what ends a room, from the board everybody sees, so neither can differ from it.

    Source: R-61.
    """
    room = view.sitting_room
    board = load_board(session, view, now=now)
    seats = {seat.registration_id: seat for seat in board.seats}
    written = incidents(session, room.id)
    gaps = gaps_of_room(session, room.id)
    entries = {one.registration.ref: one for one in entries_of_room(session, view.sitting.id, room.ref)}
    photos = with_photo(session, {seat.candidate_id for seat in board.seats})
    attempts = {seat.attempt_id: seat for seat in board.seats}
    waits = {one.gap_id for seat in board.seats for one in seat.proposals}
    trail = trail_of_room(session, room)
    history = SeatHistory(trail.moves)
    log = log_lines(written[::-1], board.seats, gaps, trail=trail, limit=sys.maxsize)
    return RoomRecord(
        board=board,
        ending=ending(board, now=now),
        batch=session.get_one(Batch, view.sitting.batch_id).name,
        ended_at=room.ended_at,
        staff=tuple(staff_of(session, room.id)),
        lines=log[::-1],
        stood=tuple(_stood(session, room.id)),
        given=(*_before(board), *_given(session, room.id, seats, history)),
        moves=tuple(incident_line(line) for line in written if line.kind in (*MOVES, *UNDONE_MOVES)),
        silences=tuple(
            Silence(
                history.at(attempts[gap.attempt_id], gap.from_at),
                gap.from_at,
                gap.to_at,
                gap.usable,
                gap.resent,
                gap.decided_at is not None,
                gap.id in waits and view.sitting_room.ended_at is None,
                gap.granted or timedelta(0),
            )
            for gap in reversed(gaps)
        ),
        out=tuple(
            Out(history.at(seats[one.registration_id], one.out_at), one.out_at, one.in_at, one.escort)
            for one in leaves(session, list(seats))
        ),
        reports=tuple(_reports(session, room.id, written, seats, entries, history)),
        comments=tuple(
            Comment(
                (told := seats.get(one.registration_id or 0)) and history.at(told, one.at),
                one.at,
                one.text,
                one.who,
                one.answer or "",
                one.answered_who or "",
            )
            for one in comments(session, room.id)
        ),
        doors={ref: _shown(entry) for ref, entry in entries.items()},
        hands=hand_counts(session, room.id),
        no_photo=tuple(seat for seat in board.seats if seat.candidate_id not in photos),
        head=head_of(session),
        printed_at=now,
    )


def _shown(entry: Registered) -> DoorFacts:
    registration = entry.registration
    return DoorFacts(
        masked=entry.candidate.document_masked,
        shown=registration.document_shown or "",
        cause=registration.absent_cause or "",
    )


def _stood(session: Session, room_id: int) -> Iterator[HoldPeriod]:
    room_holds = holds(session, room_id)
    names = actor_names(session, {one.held_by for one in room_holds})
    for hold in room_holds:
        yield HoldPeriod(hold.from_at, hold.to_at, hold.reason_code, hold.reason, _named(names, hold.held_by))


def _before(board: Board) -> Iterator[TimeGrant]:
    """What was granted before the start, which nobody of the room gave. Source: R-30."""
    for seat in board.seats:
        if seat.allowance:
            yield TimeGrant(seat, None, ACCOMMODATION, seat.allowance, "", "", "")


def _given(
    session: Session, room_id: int, seats: Mapping[int, SeatView], history: SeatHistory
) -> Iterator[TimeGrant]:
    alone, together = given_to_people(session, room_id), given_to_room(session, room_id)
    seconds = seconds_of(session, room_id)
    rows: list[tuple[RoomAdjustment | AttemptAdjustment, int | None]] = [(one, None) for one in together]
    rows += alone
    names = actor_names(session, {*(one.by for one, _who in rows), *seconds.values()})
    for adjustment, registration_id in sorted(rows, key=lambda row: (row[0].at, row[1] or 0)):
        by = [adjustment.by, *filter(None, [seconds.get((registration_id, adjustment.at))])]
        actors = " + ".join(_named(names, actor) for actor in by)
        back = adjustment.withdrawn_at is not None
        whose = history.at(seats[registration_id], adjustment.at) if registration_id else None
        yield TimeGrant(
            whose,
            adjustment.at,
            adjustment.kind,
            adjustment.amount,
            adjustment.reason_code,
            adjustment.reason,
            actors,
            back,
        )


def _reports(
    session: Session,
    room_id: int,
    written: Sequence[Incident],
    seats: Mapping[int, SeatView],
    entries: Mapping[str, Registered],
    history: SeatHistory,
) -> Iterator[Reported]:
    """Each form of the room; before them the violations that only its log has, as former versions kept them."""
    filed = told_of_room(session, room_id)
    pairs = {(one.report.registration_id, one.report.code) for one in filed}
    for incident in written:
        seat = seats.get(incident.registration_id or 0)
        params = json.loads(incident.params) if incident.kind == "violation" else {}
        if seat is None or not params or (incident.registration_id, params["code"]) in pairs:
            continue
        violation = violation_of(session, params["code"], entries[seat.ref].registration.violation_version_id)
        key = (params.get("reason", ""), params.get("who", ""))
        whose = history.at(seat, incident.at)
        yield Reported("violation", whose, incident.at, params["code"], violation, *key)
    for report in filed:
        told = seats.get(report.report.registration_id or 0)
        yield _reported(report, told and history.at(told, report.report.happened_at))


def _reported(statement: ReportStatement, seat: SeatView | None) -> Reported:
    report = statement.report
    return Reported(
        kind=report.kind,
        seat=seat,
        at=report.happened_at,
        code=report.code,
        violation=statement.entry if isinstance(statement.entry, Violation) else None,
        facts=statement.part("facts"),
        by=report.who,
        evidence=statement.evidence,
        evidence_note=statement.part("evidence_note"),
        witness=statement.part("witness"),
        statement=statement.part("statement"),
        signature=statement.part("signature"),
        withdrawn=None if statement.withdrawn_at is None else report.withdrawn_reason or "",
    )


def _named(names: Mapping[str, str], actor: str) -> str:
    return names.get(actor) or str(_("record.system"))
