"""The server's own heartbeat, and what is given back when it stopped.

Source: R-27.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from cbt.db.unit_of_work import reading, unit_of_work
from cbt.db.writing.parcels import Rows, put_down
from cbt.delivery.steps import refresh_clocks
from cbt.errors import Unavailable
from cbt.rules.clock.interruptions import OutageKind, outage_gap
from cbt.rules.reasons import SYSTEM
from cbt.rules.states.sitting import SittingState
from cbt.sittings.clock.running import adjust_room, hold_room
from cbt.sittings.models import ServerHeartbeat, SittingRoom

log = logging.getLogger(__name__)
HEARTBEAT_ID = 1
_BEAT = "UPDATE server_heartbeat SET at = ? WHERE id = ? AND at = ?"
REASON = "outage"


def beat(*, now: datetime) -> OutageKind:
    """Write the deployment's heartbeat row; a gap found in it is given back first.

    Without a gap it goes along with what others save, so that nobody waits for it once a second. Whoever finds the
    gap wins by a conditional update of the row, so with several processes it is given back once. 3–60 s are one
    adjustment for every running room; more, or a heartbeat in the future, holds the running rooms until a proctor
    resumes. The attempts' own ends follow by `settle_rooms`: a heartbeat that waited for thousands of them would be
    late itself, and would give that time back too. Raises Unavailable("outage.clock_behind") when this machine's
    clock stands before the start of a running room, and Unavailable("db.write").

    Source: R-27.
    """
    with reading() as session:
        seen = session.scalar(select(ServerHeartbeat.at).where(ServerHeartbeat.id == HEARTBEAT_ID))
    if seen is not None and outage_gap(seen, now).kind is OutageKind.NONE:
        put_down(Rows(_BEAT, [(now, HEARTBEAT_ID, seen)]))  # not where another process beat meanwhile
        return OutageKind.NONE
    with unit_of_work() as session:
        row = session.get(ServerHeartbeat, HEARTBEAT_ID)
        if row is None:
            session.add(ServerHeartbeat(id=HEARTBEAT_ID, at=now))
            return OutageKind.NONE
        former = row.at
        verdict = outage_gap(former, now)
        won = session.execute(
            update(ServerHeartbeat)
            .where(ServerHeartbeat.id == HEARTBEAT_ID, ServerHeartbeat.at == former)
            .values(at=now)
        )
        if cast(CursorResult[Any], won).rowcount != 1 or verdict.kind is OutageKind.NONE:
            return OutageKind.NONE
        running = _running(session)
        for room in running:
            if verdict.kind is OutageKind.GIVE_BACK:
                _give_back(session, room, verdict.gap, now=now)
            else:
                _hold(session, room, from_at=min(former, now), now=now)
            room.clocks_due_at = now
        if running:  # else nobody was kept from anything: an installation that has just begun, a night
            log.warning("the server was away for %s: %s", verdict.gap, verdict.kind)
        return verdict.kind


def settle_rooms(*, now: datetime) -> int:
    """Work out the ends of everybody in the rooms an outage touched, a room at a time; return how many rooms.

    The row is the queue: what one process leaves undone the next run finds. Nothing is closed before.

    Source: R-27, R-28.
    """
    with reading() as session:
        due = session.scalars(
            select(SittingRoom.id).where(SittingRoom.clocks_due_at.is_not(None)).order_by(SittingRoom.id)
        ).all()
    return sum(_settle(room_id, now=now) for room_id in due)


def _settle(room_id: int, *, now: datetime) -> bool:
    with unit_of_work() as session:
        room = session.scalars(
            select(SittingRoom)
            .where(SittingRoom.id == room_id, SittingRoom.clocks_due_at.is_not(None))
            .with_for_update()
        ).one_or_none()
        if room is None:
            return False
        refresh_clocks(session, now=now, sitting_room_id=room_id, reopen=True)
        room.clocks_due_at = None
        return True


def _running(session: Session) -> list[SittingRoom]:
    return list(
        session.scalars(
            select(SittingRoom).where(SittingRoom.state == SittingState.RUNNING).order_by(SittingRoom.id)
        )
    )


def _give_back(session: Session, room: SittingRoom, gap: timedelta, *, now: datetime) -> None:
    adjust_room(
        session,
        room,
        now=now,
        amount=gap,
        kind="site_fault",
        reason_code=SYSTEM,
        reason=REASON,
        actor="scheduler",
        moves_earliest=True,
        since=max(now - gap, room.started_at or now),
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
        reason=REASON,
        actor="scheduler",
    )
