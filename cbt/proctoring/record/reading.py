"""Reads everything the papers of a room say, in a fixed set of queries."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.accounts.store import actor_names
from cbt.audit.heads import head_of
from cbt.candidates.store import Registered, entries_of_room, with_photo
from cbt.delivery.models import AttemptAdjustment
from cbt.exams.reasons.store import violation_of
from cbt.proctoring.acts.room.ending import ending
from cbt.proctoring.board.live import Board, load_board
from cbt.proctoring.board.log_lines import log_lines
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.board.store import gaps_of_room
from cbt.proctoring.incidents.reports import ToldReport, told_of_room
from cbt.proctoring.models import Incident
from cbt.proctoring.record import store
from cbt.proctoring.record.facts import (
    Comment,
    DoorFacts,
    GivenTime,
    Out,
    Reported,
    RoomRecord,
    Silence,
    Stood,
)
from cbt.rules.violation import Violation
from cbt.sittings.models import Batch, RoomAdjustment
from cbt.sittings.store import RoomView

ACCOMMODATION = "accommodation"


def read_record(session: Session, view: RoomView, *, now: datetime) -> RoomRecord:
    """Return what the papers of a room say at `now`.

    The figures are counted by what ends a room, from the board everybody sees, so neither can differ from it.

    Source: R-61.
    """
    room = view.sitting_room
    board = load_board(session, view, now=now)
    seats = {seat.registration_id: seat for seat in board.seats}
    written = store.incidents(session, room.id)
    gaps = gaps_of_room(session, room.id)
    entries = {one.registration.ref: one for one in entries_of_room(session, view.sitting.id, room.ref)}
    photos = with_photo(session, {seat.candidate_id for seat in board.seats})
    attempts = {seat.attempt_id: seat for seat in board.seats}
    return RoomRecord(
        board=board,
        ending=ending(board, now=now),
        batch=session.get_one(Batch, view.sitting.batch_id).name,
        ended_at=room.ended_at,
        staff=tuple(store.staff_of(session, room.id)),
        lines=tuple(reversed(log_lines(written[::-1], board.seats, gaps, limit=sys.maxsize))),
        stood=tuple(_stood(session, room.id)),
        given=(*_before(board), *_given(session, room.id, seats)),
        silences=tuple(
            Silence(
                attempts[gap.attempt_id],
                gap.from_at,
                gap.to_at,
                gap.usable,
                gap.resent,
                gap.decided_at is not None,
                gap.granted or timedelta(0),
            )
            for gap in reversed(gaps)
        ),
        out=tuple(
            Out(seats[one.registration_id], one.out_at, one.in_at, one.escort)
            for one in store.leaves(session, list(seats))
        ),
        reports=tuple(_reports(session, room.id, written, seats, entries)),
        comments=tuple(
            Comment(
                seats.get(one.registration_id or 0),
                one.at,
                one.text,
                one.who,
                one.answer or "",
                one.answered_who or "",
            )
            for one in store.comments(session, room.id)
        ),
        doors={ref: _shown(entry) for ref, entry in entries.items()},
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


def _stood(session: Session, room_id: int) -> Iterator[Stood]:
    found = store.holds(session, room_id)
    names = actor_names(session, {one.held_by for one in found})
    for one in found:
        yield Stood(one.from_at, one.to_at, one.reason_code, one.reason, _named(names, one.held_by))


def _before(board: Board) -> Iterator[GivenTime]:
    """What was granted before the start, which nobody of the room gave. Source: R-30."""
    for seat in board.seats:
        if seat.allowance:
            yield GivenTime(seat, None, ACCOMMODATION, seat.allowance, "", "", "")


def _given(session: Session, room_id: int, seats: Mapping[int, SeatView]) -> Iterator[GivenTime]:
    alone, together = store.given_to_people(session, room_id), store.given_to_room(session, room_id)
    seconds = store.seconds_of(session, room_id)
    rows: list[tuple[RoomAdjustment | AttemptAdjustment, int | None]] = [(one, None) for one in together]
    rows += alone
    names = actor_names(session, {*(one.by for one, _who in rows), *seconds.values()})
    for one, who in sorted(rows, key=lambda row: (row[0].at, row[1] or 0)):
        by = [one.by, *filter(None, [seconds.get((who, one.at))])]
        said = " + ".join(_named(names, actor) for actor in by)
        back = one.withdrawn_at is not None
        whose = seats[who] if who else None
        yield GivenTime(whose, one.at, one.kind, one.amount, one.reason_code, one.reason, said, back)


def _reports(
    session: Session,
    room_id: int,
    written: Sequence[Incident],
    seats: Mapping[int, SeatView],
    entries: Mapping[str, Registered],
) -> Iterator[Reported]:
    """Each form of the room; before them the violations that only its log has, as former versions kept them."""
    filed = told_of_room(session, room_id)
    known = {(one.report.registration_id, one.report.code) for one in filed}
    for incident in written:
        seat = seats.get(incident.registration_id or 0)
        said = json.loads(incident.params) if incident.kind == "violation" else {}
        if seat is None or not said or (incident.registration_id, said["code"]) in known:
            continue
        found = violation_of(session, said["code"], entries[seat.ref].registration.violation_version_id)
        told = (said.get("reason", ""), said.get("who", ""))
        yield Reported("violation", seat, incident.at, said["code"], found, *told)
    for one in filed:
        yield _reported(one, seats.get(one.report.registration_id or 0))


def _reported(told: ToldReport, seat: SeatView | None) -> Reported:
    report = told.report
    return Reported(
        kind=report.kind,
        seat=seat,
        at=report.happened_at,
        code=report.code,
        violation=told.entry if isinstance(told.entry, Violation) else None,
        facts=told.part("facts"),
        by=report.who,
        evidence=told.evidence,
        evidence_note=told.part("evidence_note"),
        witness=told.part("witness"),
        statement=told.part("statement"),
        signature=told.part("signature"),
        withdrawn=None if told.withdrawn_at is None else report.withdrawn_reason or "",
    )


def _named(names: Mapping[str, str], actor: str) -> str:
    """Return the name of whoever acted; what happened by itself is the system's."""
    return names.get(actor) or str(_("record.system"))
