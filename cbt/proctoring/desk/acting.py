"""The proctor's desk: one unit of work in which somebody acts on a room they run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.accounts.approvals.requests import claim, put_result
from cbt.accounts.approvals.second import OFFICE, SecondNeeded
from cbt.audit import chain
from cbt.candidates.models import Registration
from cbt.db.unit_of_work import unit_of_work
from cbt.delivery import steps as delivery
from cbt.delivery.models import Attempt
from cbt.errors import Conflict, InvalidInput, NotAllowed
from cbt.proctoring.board.live import Board, load_board
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk.act import Act, ActScope, Asked, Picked
from cbt.proctoring.desk.incidents import log_incident
from cbt.proctoring.desk.inputs import read_number
from cbt.proctoring.desk.picking import pick
from cbt.proctoring.desk.said import Said
from cbt.proctoring.desk.staff import By, runs_room, runs_rooms
from cbt.proctoring.models import UndoableAct
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.roles import Role
from cbt.sittings.models import SittingRoom
from cbt.sittings.store import RoomView, room_for, room_view_for
from cbt.web.refs import new_ref


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

    def pick(self) -> Picked:
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
        """Return the registration of a seat, locked."""
        query = select(Registration).where(Registration.id == seat.registration_id).with_for_update()
        return self.session.scalars(query.execution_options(populate_existing=True)).one()

    def attempts(self, seats: Sequence[SeatView]) -> dict[str, Attempt]:
        """Return the attempts of seats, locked in the order of their ids: registration ref -> attempt."""
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

    def said(self, picked: Picked | None = None, **more: Any) -> Said:
        """Return what to tell the person who asked; kept with the request where a second person approved it."""
        chosen, skipped = (picked.chosen, picked.skipped) if picked else ((), ())
        told = Said(
            kind=self.act.code,
            count=len(chosen),
            names=tuple(f"{seat.label} {seat.name}" for seat in chosen),
            skipped=tuple((f"{seat.label} {seat.name}", why) for seat, why in skipped),
            undo=self.undo_ref,
            **more,
        )
        put_result(self.session, self.by.second, told.kept)
        return told


@contextmanager
def acting(asked: Asked) -> Iterator[Desk]:
    """Open the desk of a room this person runs; raise NotFound for a room that is not theirs.

    Source: R-62.
    """
    by, now = asked.by, asked.now
    if not runs_rooms(by.principal):
        raise NotAllowed("web.not_allowed")
    with unit_of_work() as session:
        room = room_for(session, asked.room_ref, by.principal, lock=True)
        if not runs_room(session, room, by.principal):
            raise NotAllowed("proctoring.not_assigned")
        claim(session, by.second, now=now)
        desk = Desk(session, room, asked.act, asked.refs, by, now, read_number(asked.form, "as_of"))
        yield desk
        desk.settle()
