"""A sitting that is planned already changes: another time, name or room; its publishing withdrawn; cancelled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.errors import InvalidInput
from cbt.rules.planning.moving import moved_marks
from cbt.rules.states.sitting import SittingEvent, SittingState, next_state
from cbt.sittings import store
from cbt.sittings.clock.moving import move_rooms, refresh_sitting_state
from cbt.sittings.models import Room, Sitting, SittingChange, SittingRoom
from cbt.sittings.planning.sittings import MARKS
from cbt.web.texts import required

REASON_LENGTH = 500


def reason_of(text: str) -> str:
    """Return the reason of a change; raise InvalidInput("sitting.reason") without one."""
    return required(text, "sitting.reason", "reason", limit=REASON_LENGTH)


def set_time(sitting: Sitting, start_at: datetime, *, now: datetime) -> None:
    """Plan a sitting for another instant, its marks as far from it as they were.

    Raise InvalidInput("sitting.in_the_past") for one that has passed. Armed rooms, opening doors and whatever else
    waits for a time reads it from here, so it follows.

    Source: R-11, R-20.
    """
    if start_at == sitting.planned_start_at:
        return
    if start_at <= now:
        raise InvalidInput("sitting.in_the_past", field="start")
    former = {name: getattr(sitting, name) for name in MARKS}
    for name, at in moved_marks(former, start=sitting.planned_start_at, to=start_at).items():
        setattr(sitting, name, at)
    sitting.planned_start_at = start_at


def set_room(session: Session, sitting_room: SittingRoom, room: Room) -> None:
    """Hold a room's part of a sitting in another room; its staff and whether it is armed stay with it."""
    sitting_room.room_id = room.id
    session.flush()


def note_change(
    session: Session,
    sitting: Sitting,
    kind: str,
    *,
    reason: str,
    now: datetime,
    actor: str,
    former: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    former_start_at: datetime | None = None,
    former_name: str = "",
    rooms: str = "",
) -> None:
    """Keep a change of a sitting where its pages and tickets read it, and put it on record."""
    session.add(
        SittingChange(
            sitting_id=sitting.id,
            at=now,
            by=actor,
            kind=kind,
            reason=reason,
            former_start_at=former_start_at,
            former_name=former_name,
            rooms=rooms,
        )
    )
    session.flush()
    record(
        session,
        at=now,
        actor=actor,
        act=f"sitting.{kind}",
        subject=sitting.logged_as,
        reason=reason,
        before=former,
        after=after,
    )


def withdraw_sitting(session: Session, sitting: Sitting, *, reason: str, now: datetime, actor: str) -> None:
    """Make a published sitting a draft again (撤回发布); whether it still may be is the caller's question.

    Raise InvalidInput("sitting.reason") without a reason, Conflict("sitting.transition") for one not published.

    Source: R-60.
    """
    reason = reason_of(reason)
    rooms = store.rooms_of_sitting(session, sitting.id)
    move_rooms(session, [view.sitting_room for view in rooms], SittingEvent.WITHDRAW)
    refresh_sitting_state(session, sitting)
    note_change(session, sitting, "withdraw", reason=reason, now=now, actor=actor)


def may_cancel(session: Session, sitting: Sitting) -> None:
    """Raise Conflict("sitting.transition") where a room of a sitting runs already, or it is off. Source: R-60."""
    for view in store.rooms_of_sitting(session, sitting.id):
        next_state(SittingState(view.sitting_room.state), SittingEvent.CANCEL)


def cancel_sitting(session: Session, sitting: Sitting, *, reason: str, now: datetime, actor: str) -> None:
    """Cancel a sitting that has not started; its candidates get another one.

    Raise InvalidInput("sitting.reason") without a reason, Conflict("sitting.transition") once a room runs.

    Source: R-60.
    """
    reason = reason_of(reason)
    rooms = store.rooms_of_sitting(session, sitting.id)
    move_rooms(session, [view.sitting_room for view in rooms], SittingEvent.CANCEL)
    refresh_sitting_state(session, sitting, without_rooms=SittingEvent.CANCEL)
    note_change(session, sitting, "cancel", reason=reason, now=now, actor=actor)
