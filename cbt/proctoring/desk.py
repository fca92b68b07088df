"""The desk of a room: one act on it at a time, its log, the second person, undo, and time given alone.

Time that one person alone gave is summed over acts, selections and people.

Source: R-62.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.orm import Session

from cbt.accounts.approvals.requests import OFFICE, SecondNeeded, claim, put_result
from cbt.audit import chain
from cbt.candidates.models import Registration
from cbt.errors import Conflict, InvalidInput, NotAllowed
from cbt.proctoring.act import (
    Act,
    ActRequest,
    ActResult,
    ActScope,
    By,
    Preview,
    Selection,
    pick,
    read_number,
    runs_room,
    runs_rooms,
)
from cbt.proctoring.board.live import Board, load_board
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.models import GrantedTime, Incident, UndoableAct
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.roles import Role, SoloGrant, given_so_far, takes_two
from cbt.rules.states import ClosedBy
from cbt.runner import attempt_changes as delivery
from cbt.runner.close.closure import close_attempts
from cbt.runner.models import Attempt
from cbt.sittings.models import SittingRoom
from cbt.sittings.room_clock import admit_if_due
from cbt.sittings.store import RoomView, room_for, room_view_for
from cbt.storage.types import from_micros, new_ref, to_micros
from cbt.storage.unit_of_work import unit_of_work

_LINE = insert(Incident).values()
"""Every act writes one while nobody else may write: it is a row, and no entity that a session keeps."""


def log_incident(
    session: Session,
    *,
    sitting_room_id: int,
    kind: str,
    at: datetime,
    by: str,
    params: Mapping[str, str],
    registration_id: int | None = None,
) -> None:
    """Add one line to a room's log; `params` fill the catalogue's sentence of `kind`."""
    session.connection().execute(
        _LINE,
        {
            "sitting_room_id": sitting_room_id,
            "registration_id": registration_id,
            "at": at,
            "kind": kind,
            "params": canonical_json(dict(params)),
            "by": by,
        },
    )


@dataclass
class Desk:
    """A room under somebody's hands: its row is locked, so what two people do happens one after the other.

    Meanwhile nobody else writes on an embedded database: what an act does not ask for is not read.
    """

    session: Session
    room: SittingRoom
    act: Act
    refs: tuple[str, ...]
    by: By
    now: datetime
    as_of: int | None = field(default=None)
    """The last act that whoever filled in the form knew of; None where nobody was shown a form."""
    undo_ref: str = field(default="")
    seen: str = field(default="")
    """Digest of what the act touches: an approval is for that and nothing else."""
    waits: bool = field(default=False)
    chief_waits: bool = field(default=False)

    @cached_property
    def view(self) -> RoomView:
        """What names the room, as it was when this was first asked for."""
        return room_view_for(self.session, self.room.ref, self.by.principal)

    @cached_property
    def board(self) -> Board:
        """The board as it was when it was first asked for: before the act has changed anything it shows."""
        return load_board(self.session, self.view, now=self.now)

    def pick(self) -> Selection:
        """Return whom the act touches; raise when it touches nobody any more."""
        picked = pick(self.act, self.board, self.refs)
        if not picked.chosen:
            if picked.skipped:
                raise Conflict("proctoring.none_apply")
            raise InvalidInput("proctoring.pick_some")
        if self.act.scope is ActScope.ONE and len(picked.chosen) > 1:
            raise InvalidInput("proctoring.pick_one")
        self.touch(picked.chosen)
        return picked

    def touch(self, seats: Sequence[SeatView]) -> None:
        """Say which seats the act touches, for the second person and against what changes meanwhile."""
        self.seen = digest(canonical_json([self.act.code, sorted(seat.ref for seat in seats)]))

    def registration(self, seat: SeatView) -> Registration:
        """Return the registration of a seat, locked behind its room and sitting: doors that are due are opened."""
        admit_if_due(self.session, self.room, now=self.now)
        query = select(Registration).where(Registration.id == seat.registration_id).with_for_update()
        return self.session.scalars(query.execution_options(populate_existing=True)).one()

    def hold_people(self, seats: Sequence[SeatView]) -> None:
        """Lock the registrations of seats: before papers, for what an act writes of a paper names its person.

        The order of locks is `cbt/application/lock_order.py`.
        """
        if not seats:
            return
        ids = [seat.registration_id for seat in seats]
        query = select(Registration.id).where(Registration.id.in_(ids)).order_by(Registration.id)
        self.session.execute(query.with_for_update()).all()

    def attempts(self, seats: Sequence[SeatView]) -> dict[str, Attempt]:
        """Return the attempts of seats, locked behind their people: registration ref -> attempt."""
        self.hold_people(seats)
        ids = [seat.attempt_id for seat in seats if seat.attempt_id is not None]
        query = select(Attempt).where(Attempt.id.in_(ids)).order_by(Attempt.id).with_for_update()
        rows = self.session.scalars(query.execution_options(populate_existing=True))
        refs = {seat.attempt_id: seat.ref for seat in seats}
        return {refs[attempt.id]: attempt for attempt in rows}

    def refresh_clocks(self, *, reopen: bool = False) -> None:
        """Work the clocks of the room's papers out again; `reopen` those the deadline closed too early."""
        delivery.refresh_clocks(self.session, now=self.now, sitting_room_id=self.room.id, reopen=reopen)

    def log(self, kind: str, seat: SeatView | None = None, **params: str) -> None:
        """Write one line of the room's log."""
        log_incident(
            self.session,
            sitting_room_id=self.room.id,
            kind=kind,
            at=self.now,
            by=self.by.actor,
            registration_id=None if seat is None else seat.registration_id,
            params={
                **({} if seat is None else {"name": seat.name, "seat": seat.label}),
                **params,
                "who": self.by.names,
            },
        )

    def audit(
        self, act: str, subject: str, *, reason: str = "", after: Mapping[str, Any] | None = None
    ) -> None:
        """Add a line to the audit log for what no step records by itself."""
        chain.record(
            self.session,
            at=self.now,
            actor=self.by.actor,
            act=act,
            subject=subject,
            reason=reason,
            after=after,
        )

    def need_second(self) -> None:
        """Insist on the second person of a starred act, and put both on record.

        Without one the act is gone through to its end, so that only what would hold is asked for, and then
        nothing of it is kept: `settle` raises SecondNeeded.

        Source: R-62.
        """
        if self.by.second is None:
            self.waits = True
            return
        self.audit(
            f"second.{self.act.code}",
            f"sitting_room:{self.room.ref}",
            after={"second": f"staff:{self.by.second.ref}"},
        )

    def need_chief(self) -> None:
        """Insist that the chief is one of those who act; a second person still to come can be."""
        if self.by.chief:
            return
        if not self.waits:
            raise NotAllowed("proctoring.chief_needed")
        self.chief_waits = True

    def settle(self) -> None:
        """Hold the act against what was approved; raise SecondNeeded when it waits for somebody.

        Source: R-62.
        """
        if self.waits:
            roles = frozenset({Role.CHIEF_PROCTOR}) if self.chief_waits else OFFICE
            raise SecondNeeded(roles=roles, assigned=not self.chief_waits, seen=self.seen)
        if self.by.second is not None:
            self.by.second.insist(self.seen)

    def remember(self, before: Sequence[tuple[int | None, Any]], *, undoable: bool = True) -> None:
        """Keep what stood there, so that this act can be taken back for a while; None is the room as a whole.

        An act that would add up if two did it at once is kept although it is not `undoable`. Raise
        Conflict("proctoring.done_meanwhile") when somebody did the same since the form was opened.
        """
        self._refuse_doubled({registration_id for registration_id, _ in before})
        row = UndoableAct(
            ref=new_ref("un"),
            sitting_room_id=self.room.id,
            act=self.act.code,
            params=canonical_json([list(pair) for pair in before]),
            undoable=undoable,
            at=self.now,
            by=self.by.actor,
        )
        self.session.add(row)
        if undoable:
            self.undo_ref = row.ref

    def _refuse_doubled(self, touched: set[int | None]) -> None:
        if self.as_of is None:
            return
        query = select(UndoableAct).where(
            UndoableAct.sitting_room_id == self.room.id,
            UndoableAct.act == self.act.code,
            UndoableAct.id > self.as_of,
            UndoableAct.undone_at.is_(None),
        )
        for other in self.session.scalars(query):
            if touched & {registration_id for registration_id, _ in json.loads(other.params)}:
                raise Conflict("proctoring.done_meanwhile", at=other.at)

    def said(self, picked: Selection | None = None, **more: Any) -> ActResult:
        """Return what to tell the person who asked; kept with the request where a second person approved it."""
        chosen, skipped = (picked.chosen, picked.skipped) if picked else ((), ())
        act_result = ActResult(
            kind=self.act.code,
            count=len(chosen),
            names=tuple(f"{seat.label} {seat.name}" for seat in chosen),
            skipped=tuple((f"{seat.label} {seat.name}", why) for seat, why in skipped),
            undo=self.undo_ref,
            **more,
        )
        put_result(self.session, self.by.second, act_result.kept)
        return act_result


@contextmanager
def acting(request: ActRequest) -> Iterator[Desk]:
    """Open the desk of a room this person runs; raise NotFound for a room that is not theirs.

    Source: R-62.
    """
    by, now = request.by, request.now
    if not runs_rooms(by.principal):
        raise NotAllowed("web.not_allowed")
    with unit_of_work() as session:
        room = room_for(session, request.room_ref, by.principal, lock=True)
        if not runs_room(session, room, by.principal):
            raise NotAllowed("proctoring.not_assigned")
        claim(session, by.second, now=now)
        desk = Desk(session, room, request.act, request.refs, by, now, read_number(request.form, "as_of"))
        yield desk
        desk.settle()


def each_paper(desk: Desk, picked: Selection) -> list[tuple[SeatView, Attempt]]:
    """Return whom the act touches with their attempts, locked."""
    attempts = desk.attempts(picked.chosen)
    return [(seat, attempts[seat.ref]) for seat in picked.chosen]


def close_papers(
    desk: Desk, seats: tuple[SeatView, ...], *, closed_by: ClosedBy, closed_at: datetime, reason: str
) -> None:
    """Close the attempts of seats; raise Conflict when one of them was closed meanwhile."""
    attempts = list(desk.attempts(seats).values())
    closed = close_attempts(
        desk.session,
        attempts,
        now=desk.now,
        closed_at=closed_at,
        closed_by=closed_by,
        actor=desk.by.actor,
        reason=reason,
    )
    if len(closed) < len(seats):
        raise Conflict("proctoring.none_apply")


def change_while(desk: Desk, seat: SeatView, *still: ColumnElement[bool], **values: Any) -> bool:
    """Set columns of a seat's registration while `still` holds; return whether it did."""
    changed = desk.session.scalar(
        update(Registration)
        .where(Registration.id == seat.registration_id, *still)
        .values(**values)
        .returning(Registration.id)
    )
    return changed is not None


def kept(instant: datetime | None) -> int | None:
    """Return an instant as it is kept with an act that can be taken back."""
    return None if instant is None else to_micros(instant)


def restored(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)


def given_alone(session: Session, sitting_room_id: int) -> tuple[SoloGrant, ...]:
    """Return what was given in a room without a second person. Source: R-62."""
    rows = session.scalars(
        select(GrantedTime)
        .where(
            GrantedTime.sitting_room_id == sitting_room_id,
            GrantedTime.second.is_(None),
            GrantedTime.withdrawn_at.is_(None),
        )
        .order_by(GrantedTime.id)
    )
    return tuple(
        SoloGrant(
            row.amount,
            None if row.registration_id is None else frozenset({row.registration_id}),
            row.compensation,
        )
        for row in rows
    )


def would_take_two(preview: Preview, amount: timedelta, *, compensation: bool = False) -> bool:
    """Return whether giving `amount` to those touched takes a second person. Source: R-62."""
    new = SoloGrant(amount, _whom(preview), compensation)
    return takes_two(preview.given, new, answering=_answering(preview.board))


def sum_with(preview: Preview, amount: timedelta) -> timedelta:
    """Return what the room's one-person total would come to with `amount` (R-62)."""
    return given_so_far(preview.given, SoloGrant(amount, _whom(preview)))


def _whom(preview: Preview) -> frozenset[int] | None:
    return _reach(None if preview.act.scope is ActScope.ROOM else preview.picked.chosen)


def _answering(board: Board) -> frozenset[int]:
    return frozenset(seat.registration_id for seat in board.seats if seat.under_way)


def _reach(seats: Sequence[SeatView] | None) -> frozenset[int] | None:
    """Return the registrations of seats; None stays None, the whole room."""
    return None if seats is None else frozenset(seat.registration_id for seat in seats)


def count_time(
    desk: Desk, amount: timedelta, seats: Sequence[SeatView] | None, *, compensation: bool = False
) -> dict[int | None, int]:
    """Put time on the account of those who give it; ask for a second person beyond 10 minutes in sum.

    Return the ids of what was put there, by registration (None: the whole room), for `uncount_time`.

    `seats` None is the whole room. A second person's time does not count towards what one alone may give.

    Source: R-62.
    """
    if not amount:
        return {}
    new = SoloGrant(amount, _reach(seats), compensation)
    signed = takes_two(given_alone(desk.session, desk.room.id), new, answering=_answering(desk.board))
    if signed:
        desk.need_second()
    second = desk.by.second
    rows = [
        GrantedTime(
            sitting_room_id=desk.room.id,
            registration_id=registration_id,
            at=desk.now,
            amount=amount,
            compensation=compensation,
            by=desk.by.actor,
            second=f"staff:{second.ref}" if second is not None else None,
        )
        for registration_id in ((None,) if new.whom is None else sorted(new.whom))
    ]
    desk.session.add_all(rows)
    desk.session.flush()
    return {row.registration_id: row.id for row in rows}


def uncount_time(desk: Desk, ids: Iterable[int]) -> None:
    """Take time off the account of those who gave it: the act was taken back."""
    for row in desk.session.scalars(select(GrantedTime).where(GrantedTime.id.in_(list(ids)))):
        row.withdrawn_at = desk.now
