"""What one person alone gave of time in a room, summed over acts, selections and people.

Source: R-62.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.proctoring.board.live import Board
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk.act import ActScope, Preview
from cbt.proctoring.desk.acting import Desk
from cbt.proctoring.models import GrantedTime
from cbt.rules.clock.granting import Given, given_so_far, takes_two


def given_alone(session: Session, sitting_room_id: int) -> tuple[Given, ...]:
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
        Given(
            row.amount,
            None if row.registration_id is None else frozenset({row.registration_id}),
            row.compensation,
        )
        for row in rows
    )


def would_take_two(preview: Preview, amount: timedelta, *, compensation: bool = False) -> bool:
    """Return whether giving `amount` to those touched takes a second person. Source: R-62."""
    new = Given(amount, _whom(preview), compensation)
    return takes_two(preview.given, new, answering=_answering(preview.board))


def sum_with(preview: Preview, amount: timedelta) -> timedelta:
    """Return what the room's one-person total would come to with `amount` (R-62)."""
    return given_so_far(preview.given, Given(amount, _whom(preview)))


def _whom(preview: Preview) -> frozenset[int] | None:
    return _reach(None if preview.act.scope is ActScope.ROOM else preview.picked.chosen)


def _answering(board: Board) -> frozenset[int]:
    """Return the registrations of those who are answering."""
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
    new = Given(amount, _reach(seats), compensation)
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
