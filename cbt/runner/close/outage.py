"""The server's own heartbeat, and what is given back when it stopped.

Source: R-27.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import flask
from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from cbt.errors import Unavailable
from cbt.rules.clock import Interval, OutageKind, outage_gap, outage_left
from cbt.rules.states import SittingState
from cbt.rules.violations import OUTAGE, SYSTEM
from cbt.runner.attempt_changes import refresh_clocks
from cbt.runner.attempt_states import ACTIVE, OVER
from cbt.runner.models import Attempt
from cbt.sittings.models import ServerHeartbeat, SittingRoom
from cbt.sittings.room_clock import give_back, hold_room
from cbt.storage.engine import occupancy_of
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.change_set import Rows, one_writes, put_down

log = logging.getLogger(__name__)
HEARTBEAT_ID = 1
_BEAT = "UPDATE server_heartbeat SET at = ? WHERE id = ? AND at = ?"
AT_ONCE = 20
"""So many attempts are worked out in one transaction: nobody's save waits for a whole room."""
_settling = threading.Lock()
"""The jobs that settle first take turns: each would work out the same."""


def beat(*, now: datetime) -> OutageKind:
    """Write the deployment's heartbeat row; a gap found in it is given back first.

    Without a gap it goes along with what others save, so that nobody waits for it once a second; on PostgreSQL it
    is written by itself, for there no act of ours keeps others from writing, and a row that saves wait for is not
    to keep it. Whoever finds the gap wins by a conditional update of the row, so with several processes it is given
    back once. What was the product's own doing is not given back (I15). 3–60 s are one adjustment for every running
    room; more, or a heartbeat in the future, holds the running rooms until a proctor resumes. The attempts' own
    ends follow by `settle_rooms`: a heartbeat that waited for thousands of them would be late itself, and that
    time would be given back too. Raises Unavailable("outage.clock_behind") when this machine's clock stands before
    the start of a running room, and Unavailable("db.write").

    Source: R-27; I15.
    """
    with reading() as session:
        seen = session.scalar(select(ServerHeartbeat.at).where(ServerHeartbeat.id == HEARTBEAT_ID))
    in_time = seen is not None and outage_gap(seen, now).kind is OutageKind.NONE
    if in_time and one_writes():
        put_down(Rows(_BEAT, [(now, HEARTBEAT_ID, seen)]))  # not where another process beat meanwhile
        return OutageKind.NONE
    own_work = () if in_time else _own_work()
    with unit_of_work() as session:
        row = session.get(ServerHeartbeat, HEARTBEAT_ID)
        if row is None:
            session.add(ServerHeartbeat(id=HEARTBEAT_ID, at=now))
            return OutageKind.NONE
        former = row.at
        verdict = outage_left(former, now, own_work)
        won = session.execute(
            update(ServerHeartbeat)
            .where(ServerHeartbeat.id == HEARTBEAT_ID, ServerHeartbeat.at == former)
            .values(at=now)
        )
        if cast(CursorResult[Any], won).rowcount != 1 or verdict.kind is OutageKind.NONE:
            if outage_gap(former, now).kind is not OutageKind.NONE:
                log.warning("nobody could write for %s: the product's own work, no outage", now - former)
            return OutageKind.NONE
        rooms = _running(session)
        if verdict.kind is OutageKind.GIVE_BACK:
            give_back(
                session,
                rooms,
                now=now,
                since=now - verdict.gap,
                reason_code=SYSTEM,
                reason=OUTAGE,
                actor="scheduler",
            )
        for room in rooms:
            if verdict.kind is OutageKind.HOLD:
                _hold(session, room, from_at=now - verdict.gap, now=now)
            room.clocks_due_at = now
        if rooms:  # else nobody was kept from anything: an installation that has just begun, a night
            log.warning("the server was away for %s: %s", verdict.gap, verdict.kind)
        return verdict.kind


def settle_rooms(*, now: datetime) -> int:
    """Work out the ends of everybody in the rooms an outage touched, a few at a time; return how many rooms.

    The row is the queue: what one process leaves undone the next run finds. Nothing is closed before. No piece is
    so long that saves or the next heartbeat would wait for it.

    Source: R-27, R-28.
    """
    with _settling:
        with reading() as session:
            due = session.execute(
                select(SittingRoom.id, SittingRoom.clocks_due_at)
                .where(SittingRoom.clocks_due_at.is_not(None))
                .order_by(SittingRoom.id)
            ).all()
        return sum(_settle(row.id, row.clocks_due_at, now=now) for row in due)


def _settle(room_id: int, due_at: datetime, *, now: datetime) -> bool:
    """Work out everybody's end; a gap that is found meanwhile makes the room due again, for the next run.

    What is worked out twice is the same twice: it follows from the facts.
    """
    with reading() as session:
        ids = session.scalars(
            select(Attempt.id)
            .where(Attempt.sitting_room_id == room_id, Attempt.state.in_((*ACTIVE, *OVER)))
            .order_by(Attempt.id)
        ).all()
    for start in range(0, len(ids), AT_ONCE):
        with unit_of_work() as session:
            piece = ids[start : start + AT_ONCE]
            refresh_clocks(session, now=now, sitting_room_id=room_id, attempt_ids=piece, reopen=True)
    with unit_of_work() as session:
        settled = session.execute(
            update(SittingRoom)
            .where(SittingRoom.id == room_id, SittingRoom.clocks_due_at == due_at)
            .values(clocks_due_at=None)
        )
        return cast(CursorResult[Any], settled).rowcount == 1


def _own_work() -> Sequence[Interval]:
    """Return when the product's own work kept everybody from writing."""
    occupancy = occupancy_of(flask.current_app)
    return () if occupancy is None else occupancy.own_work()


def _running(session: Session) -> list[SittingRoom]:
    return list(
        session.scalars(
            select(SittingRoom).where(SittingRoom.state == SittingState.RUNNING).order_by(SittingRoom.id)
        )
    )


def _hold(session: Session, room: SittingRoom, *, from_at: datetime, now: datetime) -> None:
    started_at = room.started_at or from_at
    if started_at > now:
        # By this clock the room has not begun: no instant it could be held from, and no way to count its time.
        raise Unavailable("outage.clock_behind", started_at=started_at, now=now)
    hold_room(
        session,
        room,
        from_at=max(from_at, started_at),
        now=now,
        reason_code=SYSTEM,
        reason=OUTAGE,
        actor="scheduler",
    )
