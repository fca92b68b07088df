"""Inspection of rooms: comments that the chief answers, and several rooms at a glance.

Comments are all that an inspector does in a room. A glance takes counts, clock and what waits for somebody
from each room's own board.

Source: R-62.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.candidates.models import Candidate, Registration
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.http.auth.login import Principal
from cbt.proctoring.board import display
from cbt.proctoring.board.display import ClockDisplay, Todo, clocks, todos
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.open_rooms import open_rooms
from cbt.proctoring.desk import log_incident
from cbt.proctoring.models import InspectorComment
from cbt.proctoring.pages import RECENT
from cbt.proctoring.store import count_rooms_for, near_rooms, rooms_for
from cbt.sittings.models import Seat, SittingRoom
from cbt.sittings.store import RoomView, room_for
from cbt.storage.page_span import PageSpan
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import reading, unit_of_work

MOST_TEXT = 500


@dataclass(frozen=True, slots=True)
class SittingPerson:
    """A seat somebody may be spoken of by."""

    ref: str
    number: int
    name: str


def comments_of(session: Session, sitting_room_id: int) -> Sequence[tuple[InspectorComment, int | None, str]]:
    """Return the comments on a room with seat and name of whom each is about, the latest first."""
    query = (
        select(InspectorComment, Seat.number, Candidate.name)
        .outerjoin(Registration, Registration.id == InspectorComment.registration_id)
        .outerjoin(Seat, Seat.id == Registration.seat_id)
        .outerjoin(Candidate, Candidate.id == Registration.candidate_id)
        .where(InspectorComment.sitting_room_id == sitting_room_id)
        .order_by(InspectorComment.id.desc())
    )
    return [(comment, number, name or "") for comment, number, name in session.execute(query)]


def unanswered(session: Session, sitting_room_ids: Sequence[int]) -> dict[int, int]:
    """Return how many comments wait for an answer: sitting-room id -> comments."""
    query = (
        select(InspectorComment.sitting_room_id, func.count())
        .where(InspectorComment.sitting_room_id.in_(sitting_room_ids), InspectorComment.answered_at.is_(None))
        .group_by(InspectorComment.sitting_room_id)
    )
    return dict(session.execute(query).all())


def people_of(session: Session, sitting_room_id: int) -> Sequence[SittingPerson]:
    """Return who sits in a room, by seat."""
    query = (
        select(Registration.ref, Seat.number, Candidate.name)
        .join(Seat, Seat.id == Registration.seat_id)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .where(Registration.sitting_room_id == sitting_room_id)
        .order_by(Seat.number)
    )
    return [SittingPerson(*row) for row in session.execute(query)]


def comment(room_ref: str, text: str, about: str, principal: Principal, *, now: datetime) -> None:
    """Note something about a room, or about somebody in it; raise NotFound for a seat of another room."""
    cleaned = _said(text, "text")
    with unit_of_work() as session:
        room = room_for(session, room_ref, principal)
        registration_id = _registration(session, room, about)
        row = InspectorComment(
            ref=new_ref("ic"),
            sitting_room_id=room.id,
            registration_id=registration_id,
            text=cleaned,
            at=now,
            by=principal.logged_as,
            who=principal.name,
        )
        session.add(row)
        _record(session, room, "inspector.comment", cleaned, principal, now=now)


def answer(room_ref: str, ref: str, text: str, principal: Principal, *, now: datetime) -> None:
    """Answer a comment, once; raise Conflict("proctoring.comment_answered") when somebody else has."""
    cleaned = _said(text, "answer")
    with unit_of_work() as session:
        room = room_for(session, room_ref, principal)
        query = select(InspectorComment).where(
            InspectorComment.ref == ref, InspectorComment.sitting_room_id == room.id
        )
        row = session.scalar(query.with_for_update())
        if row is None:
            raise NotFound("proctoring.no_comment")
        if row.answered_at is not None:
            raise Conflict("proctoring.comment_answered")
        row.answer, row.answered_at = cleaned, now
        row.answered_by, row.answered_who = principal.logged_as, principal.name
        _record(session, room, "inspector.answer", cleaned, principal, now=now)


def _said(text: str, field: str) -> str:
    text = text.strip().replace("\r\n", "\n")
    if not text:
        raise InvalidInput("proctoring.text_needed", field=field)
    if len(text) > MOST_TEXT:
        raise InvalidInput("proctoring.too_long", field=field, most=MOST_TEXT)
    return text


def _registration(session: Session, room: SittingRoom, ref: str) -> int | None:
    if not ref:
        return None
    query = select(Registration.id).where(Registration.ref == ref, Registration.sitting_room_id == room.id)
    registration_id = session.scalar(query)
    if registration_id is None:
        raise NotFound("proctoring.no_seat")
    return registration_id


def _record(
    session: Session, room: SittingRoom, act: str, text: str, principal: Principal, *, now: datetime
) -> None:
    log_incident(
        session,
        sitting_room_id=room.id,
        kind=act.replace(".", "_"),
        at=now,
        by=principal.logged_as,
        params={"who": principal.name, "reason": text},
    )
    subject = f"sitting_room:{room.ref}"
    chain.record(session, at=now, actor=principal.logged_as, act=act, subject=subject, reason=text)


A_PAGE = 12
"""So many rooms are read for one page: each costs three queries, and those of its board when it changed."""
TONES = ("stop", "warn", "")


@dataclass(frozen=True, slots=True)
class RoomGlance:
    """One room as the page of several shows it."""

    view: RoomView
    board: Board
    counts: Sequence[display.Count]
    clocks: Sequence[ClockDisplay]
    needs: Sequence[Todo]
    comments: int

    @property
    def tone(self) -> str:
        if self.board.lost_since is not None or self.board.head.evacuated:
            return "stop"
        return next((tone for tone in TONES if any(one.tone == tone for one in self.needs)), "")


def glances(principal: Principal, *, page: int, now: datetime) -> tuple[list[RoomGlance], int]:
    """Return one page of the rooms of now that this person sees, and how many pages there are."""
    rooms = open_rooms()
    near = near_rooms(until=now + RECENT)
    with reading() as session:
        span = PageSpan(count_rooms_for(session, principal, *near), A_PAGE, page)
        shown = rooms_for(session, principal, *near, limit=A_PAGE, offset=span.offset)
        comments = unanswered(session, [view.sitting_room.id for view in shown])
        room_glances = [
            _glance(view, rooms.board(session, view, now=now), comments.get(view.sitting_room.id, 0), now=now)
            for view in shown
        ]
    return room_glances, span.pages


def _glance(view: RoomView, board: Board, comments: int, *, now: datetime) -> RoomGlance:
    return RoomGlance(
        view=view,
        board=board,
        counts=display.counts(board, shown="expected"),
        clocks=clocks(board),
        needs=todos(board),
        comments=comments,
    )
