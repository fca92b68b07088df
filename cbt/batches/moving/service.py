"""Use cases of a sitting that changes; each one is one unit of work, and a preview is one that is taken back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.batches.moving.carrying import MovedPlan, MoveWish, carry_out, may_change
from cbt.batches.moving.told import Told, told_of
from cbt.candidates.models import Registration
from cbt.candidates.reprinting import to_print_again
from cbt.db.unit_of_work import unit_of_work
from cbt.errors import Conflict
from cbt.rules.states.sitting import SittingState
from cbt.sittings import store
from cbt.sittings.models import SittingRoom
from cbt.sittings.planning import changing


class _Seen(Exception):  # no error: what was only to be looked at is rolled back
    pass


def preview(*, sitting_ref: str, wish: MoveWish, now: datetime) -> MovedPlan:
    """Return what moving a sitting would do: it is gone through and rolled back. Raise as `move` does."""
    try:
        with unit_of_work() as session:
            sitting = store.sitting_by_ref(session, sitting_ref, lock=True)
            changing.reason_of(wish.reason)
            plan = carry_out(session, sitting, wish, now=now)
            session.expunge_all()
            raise _Seen
    except _Seen:
        return plan


def move(*, sitting_ref: str, wish: MoveWish, now: datetime, actor: str) -> MovedPlan:
    """Move a sitting to another time, other rooms or another name, with all that belongs to it.

    Raise Conflict("planning.stopped") for what the plan may not hold, InvalidInput("sitting.reason") without a
    reason, and as `carry_out` does.

    Source: R-7, R-60.
    """
    with unit_of_work() as session:
        sitting = store.sitting_by_ref(session, sitting_ref, lock=True)
        reason = changing.reason_of(wish.reason)
        plan = carry_out(session, sitting, wish, now=now)
        for stop in plan.stops:
            raise Conflict("planning.stopped", found=stop.text, clause=stop.clause, fix=stop.fix)
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
        _tickets_again(session, plan, now=now)
        session.flush()
        session.expunge_all()
        return plan


def _tickets_again(session: Session, plan: MovedPlan, *, now: datetime) -> None:
    """Mark the tickets that say what is no longer so: the time of everybody, the place of those in new rooms."""
    if plan.moved_in_time:
        to_print_again(session, plan.told.tickets, "time", now=now)
    if plan.rooms:
        names = {room for _, room in plan.rooms}
        rooms = [view for view in store.rooms_of_sitting(session, plan.sitting.id) if view.room.name in names]
        query = select(Registration.ticket_id).where(
            Registration.sitting_room_id.in_([view.sitting_room.id for view in rooms])
        )
        to_print_again(session, set(session.scalars(query)), "place", now=now)


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
    with unit_of_work() as session:
        sitting = store.sitting_by_ref(session, sitting_ref, lock=True)
        changing.cancel_sitting(session, sitting, reason=reason, now=now, actor=actor)
        told = told_of(session, sitting)
        on = (
            select(Registration.ticket_id)
            .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
            .where(
                Registration.ticket_id.in_(told.tickets), SittingRoom.state != SittingState.CANCELLED.value
            )
        )
        to_print_again(session, set(session.scalars(on)), "papers", now=now)
        session.flush()
        session.expunge_all()
        return told
