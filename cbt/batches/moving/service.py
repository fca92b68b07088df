"""Use cases of a sitting that changes; what a change does is worked out before the unit of work that does it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.since import last_number, told_since
from cbt.batches.moving.carrying import MovedPlan, MoveWish, carry_out, may_change, plan_move
from cbt.batches.moving.told import Told, told_of
from cbt.candidates.models import AdmissionTicket, Registration
from cbt.candidates.reprinting import to_print_again
from cbt.db.pieces import pieces_of
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import Conflict
from cbt.rules.states.sitting import SittingState
from cbt.sittings import store
from cbt.sittings.models import Sitting, SittingRoom
from cbt.sittings.planning import changing

TRIES = 3
"""A move that is worked out while somebody changes plans is worked out so often."""


def preview(*, sitting_ref: str, wish: MoveWish, now: datetime) -> MovedPlan:
    """Return what moving a sitting would do. Raise as `move` does."""
    with reading() as session:
        plan = plan_move(session, sitting_ref, wish, now=now)
    changing.reason_of(wish.reason)
    return plan


def move(*, sitting_ref: str, wish: MoveWish, now: datetime, actor: str) -> MovedPlan:
    """Move a sitting to another time, other rooms or another name, with all that belongs to it.

    Raise Conflict("planning.stopped") for what the plan may not hold, InvalidInput("sitting.reason") without a
    reason, Conflict("sitting.moving") while plans go on being changed, and as `plan_move` does.

    Source: R-7, R-60.
    """
    reason = changing.reason_of(wish.reason)
    for _ in range(TRIES):
        with reading() as session:
            number = last_number(session)
            plan = plan_move(session, sitting_ref, wish, now=now)
        for stop in plan.stops:
            raise Conflict("planning.stopped", found=stop.text, clause=stop.clause, fix=stop.fix)
        _tickets_again(plan, now=now)
        with unit_of_work() as session:
            sitting = store.sitting_by_ref(session, sitting_ref, lock=True)
            if told_since(session, number):
                continue
            carry_out(session, sitting, plan, now=now)
            _note(session, sitting, plan, reason=reason, now=now, actor=actor)
        return plan
    raise Conflict("sitting.moving")


def _note(
    session: Session, sitting: Sitting, plan: MovedPlan, *, reason: str, now: datetime, actor: str
) -> None:
    former = {"name": plan.former_name, "planned_start_at": plan.former_start_at.isoformat()}
    after: dict[str, object] = {
        "name": sitting.name,
        "planned_start_at": sitting.planned_start_at.isoformat(),
        "people": plan.told.people,
        "new_seats": {one.registration_ref: f"{one.former} → {one.number}" for one in plan.new_seats},
    }
    if plan.rooms:
        former["rooms"] = ", ".join(former_room for former_room, _ in plan.rooms)
        after["rooms"] = ", ".join(room for _, room in plan.rooms)
    changing.note_change(
        session,
        sitting,
        "move",
        reason=reason,
        now=now,
        actor=actor,
        former=former,
        after=after,
        former_start_at=plan.former_start_at if plan.moved_in_time else None,
        former_name=plan.former_name if plan.former_name != sitting.name else "",
        rooms="\n".join(f"{former_room} → {room}" for former_room, room in plan.rooms),
    )


def _tickets_again(plan: MovedPlan, *, now: datetime) -> None:
    """Mark the tickets that will say what is no longer so: the time of everybody, the place of those in new rooms.

    Before the move: one that is marked and right after all is printed once more, which harms nobody.
    """
    if plan.moved_in_time:
        _print_again(plan.told.tickets, "time", now=now)
    if plan.moved:
        people = [who for one in plan.moved for who in one.seats]
        tickets: set[int] = set()
        with reading() as session:
            for some in pieces_of(people):
                query = select(Registration.ticket_id).where(Registration.id.in_(some))
                tickets |= set(session.scalars(query))
        _print_again(tickets, "place", now=now)


def _print_again(tickets: Collection[int], why: str, *, now: datetime) -> None:
    for some in pieces_of(sorted(tickets)):
        with unit_of_work() as session:
            to_print_again(session, some, why, now=now)


def withdraw(*, sitting_ref: str, reason: str, now: datetime, actor: str) -> None:
    """Withdraw the publishing of a sitting until its check-in opens (撤回发布).

    Raise Conflict("moving.admitting") from then on, ("sitting.transition") for one that is not published.

    Source: R-60.
    """
    with unit_of_work() as session:
        sitting = store.sitting_by_ref(session, sitting_ref, lock=True)
        may_change(sitting, now=now)
        changing.withdraw_sitting(session, sitting, reason=reason, now=now, actor=actor)


def cancel(*, sitting_ref: str, reason: str, now: datetime, actor: str) -> Told:
    """Cancel a sitting that has not started; return who has to hear of it.

    A printed ticket that has other papers has to be printed again without this one. Raise as `cancel_sitting`.

    Source: R-60.
    """
    reason = changing.reason_of(reason)
    with reading() as session:
        sitting = store.sitting_by_ref(session, sitting_ref)
        changing.may_cancel(session, sitting)
        told = told_of(session, sitting)
        on = (
            select(AdmissionTicket.id)
            .join(Registration, Registration.ticket_id == AdmissionTicket.id)
            .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
            .where(
                AdmissionTicket.id.in_(
                    select(Registration.ticket_id).where(Registration.sitting_id == sitting.id)
                ),
                Registration.sitting_id != sitting.id,
                SittingRoom.state != SittingState.CANCELLED.value,
            )
        )
        tickets = set(session.scalars(on))
        session.expunge_all()
    _print_again(tickets, "papers", now=now)
    with unit_of_work() as session:
        sitting = store.sitting_by_ref(session, sitting_ref, lock=True)
        changing.cancel_sitting(session, sitting, reason=reason, now=now, actor=actor)
    return told
