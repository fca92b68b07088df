"""What a proctor does to a whole room: start, extend, hold, evacuate, abort, end."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from cbt.db.unit_of_work import reading, unit_of_work
from cbt.delivery import steps as delivery
from cbt.delivery.moving import OVER
from cbt.delivery.publishing import count_without_form
from cbt.errors import Conflict
from cbt.proctoring import store
from cbt.proctoring.acts.closing import ending
from cbt.proctoring.acts.desk import By, Desk, Said, acting, log_incident
from cbt.proctoring.acts.granted import count_time
from cbt.proctoring.acts.papers import Grant, close, log_grant
from cbt.proctoring.board.live import EVACUATION
from cbt.rules.states.attempt import ClosedBy
from cbt.rules.states.closing import can_end
from cbt.rules.states.sitting import State
from cbt.sittings.clock import running
from cbt.sittings.clock.ending import abort_room, end_room
from cbt.sittings.models import Sitting, SittingRoom

SCHEDULER = "scheduler"


def start(room_ref: str, *, by: By, now: datetime) -> Said:
    """统一开考: the room's clock starts now; who is not ready keeps the room's end.

    Raise Conflict while nobody is registered or somebody's form is not drawn, or when the room was started
    meanwhile.

    Source: R-20, R-22.
    """
    with acting("start", room_ref, by=by, now=now) as desk:
        if not desk.board.seats:
            raise Conflict("proctoring.nobody")
        missing = [seat for seat in desk.board.seats if seat.attempt_id is None]
        if missing:
            raise Conflict("proctoring.forms_missing", count=len(missing))
        running.start_room(desk.session, desk.room, now=now, actor=by.actor)
        desk.log("start")
        return desk.said()


def adjust_room(room_ref: str, *, grant: Grant, by: By, now: datetime) -> Said:
    """补时 or 延时 for the whole room; beyond 10 minutes in all it needs a second person.

    Source: R-20, R-23, R-28, R-62.
    """
    with acting("adjust_room", room_ref, by=by, now=now) as desk:
        if not desk.board.head.open:
            raise Conflict("proctoring.not_running")
        count_time(desk, grant.amount, None)
        running.adjust_room(
            desk.session,
            desk.room,
            now=now,
            amount=grant.amount,
            kind=grant.kind,
            reason_code=grant.reason_code,
            reason=grant.reason,
            actor=by.actor,
        )
        _refresh(desk, reopen=grant.kind == "site_fault")
        log_grant(desk, "adjust_room", grant)
        return desk.said()


def hold(
    room_ref: str, *, from_at: datetime | None, reason_code: str, reason: str, by: By, now: datetime
) -> Said:
    """全场暂停, from now or from an instant before it; what lies back is time given to the room.

    More than 10 minutes in sum need a second person; a hold from now never does. Attempts the deadline closed
    after that instant come back with their time.

    Source: R-25, R-62.
    """
    with acting("hold", room_ref, by=by, now=now) as desk:
        since = from_at or now
        count_time(desk, now - since, None)
        _hold(desk, from_at=since, reason_code=reason_code, reason=reason)
        desk.log("hold", code=reason_code, reason=reason, since=since.isoformat())
        return desk.said()


def _hold(desk: Desk, *, from_at: datetime, reason_code: str, reason: str) -> None:
    running.hold_room(
        desk.session,
        desk.room,
        from_at=from_at,
        now=desk.now,
        reason_code=reason_code,
        reason=reason,
        actor=desk.by.actor,
    )
    _refresh(desk, reopen=from_at < desk.now)


def resume_room(room_ref: str, *, reason: str, by: By, now: datetime) -> Said:
    """恢复全场: the clocks go on with all the time given back; after an evacuation it takes two.

    A room that was evacuated before its start is only entered again: its clock has not begun.

    Source: R-25, R-62.
    """
    with acting("resume_room", room_ref, by=by, now=now) as desk:
        if desk.board.head.evacuated:
            desk.need_second()
        if desk.board.head.admits:
            running.reenter_room(desk.session, desk.room, now=now, actor=by.actor)
        else:
            running.resume_room(desk.session, desk.room, now=now, actor=by.actor)
            _refresh(desk)
        desk.log("resume_room", reason=reason)
        return desk.said()


def evacuate(room_ref: str, *, by: By, now: datetime) -> Said:
    """紧急疏散: one proctor, one confirmation. A running clock stops at once, and every page tells to leave.

    Source: R-23, R-62.
    """
    with acting("evacuate", room_ref, by=by, now=now) as desk:
        if desk.board.head.evacuated:
            raise Conflict("proctoring.evacuated")
        if desk.room.state == State.HELD:
            # The former hold ends where the evacuation begins, so that both stand on record.
            running.resume_room(desk.session, desk.room, now=now, actor=by.actor)
        if desk.room.state == State.RUNNING:
            _hold(desk, from_at=now, reason_code=EVACUATION, reason=EVACUATION)
        running.evacuate_room(desk.session, desk.room, now=now)
        desk.audit("room.evacuate", f"sitting_room:{desk.room.ref}")
        desk.log("evacuate")
        return desk.said()


def countersign(room_ref: str, *, reason: str, by: By, now: datetime) -> Said:
    """The chief countersigns an evacuation. Source: R-62."""
    with acting("countersign", room_ref, by=by, now=now) as desk:
        desk.need_chief()
        if not desk.board.needs_countersign:
            raise Conflict("proctoring.not_evacuated")
        desk.audit("room.countersign", f"sitting_room:{desk.room.ref}", reason=reason)
        desk.log("countersign", reason=reason)
        return desk.said()


def evacuate_close(room_ref: str, *, reason: str, by: By, now: datetime) -> Said:
    """疏散收卷: close every paper of an evacuated room as it stood when the room was left.

    Source: R-61, R-62.
    """
    with acting("evacuate_close", room_ref, by=by, now=now) as desk:
        left_at = desk.board.head.held_from
        if not desk.board.head.evacuated or left_at is None:
            raise Conflict("proctoring.not_evacuated")
        desk.need_second()
        still_open = tuple(
            seat for seat in desk.board.seats if seat.under_way or (seat.never_began and seat.attempt_id)
        )
        desk.touch(still_open)
        close(desk, still_open, closed_by=ClosedBy.EVACUATION, closed_at=left_at, reason=reason)
        desk.log("evacuate_close", count=str(len(still_open)), reason=reason)
        return desk.said()


def abort(room_ref: str, *, reason: str, by: By, now: datetime) -> Said:
    """中止: two people, one of them the chief; the papers stop where they are and stay unscored.

    Source: R-60, R-62.
    """
    with acting("abort", room_ref, by=by, now=now) as desk:
        desk.need_second()
        desk.need_chief()
        if desk.room.state == State.RUNNING:
            _hold(desk, from_at=now, reason_code="other", reason=reason)
        # The clocks are not worked out again: they stand where the hold stopped them, for good.
        abort_room(desk.session, desk.room, now=now, reason=reason, actor=by.actor)
        desk.log("abort", reason=reason)
        return desk.said()


def end(room_ref: str, *, reason: str, by: By, now: datetime) -> Said:
    """结束场次, once everybody is accounted for; who came and wrote nothing is closed as 到场未作答.

    Raise Conflict("proctoring.cannot_end") with what is in the way.

    Source: R-12, R-61.
    """
    with acting("end", room_ref, by=by, now=now) as desk:
        counted = ending(desk.board, now=now)
        blockers = can_end(counted.counts)
        if blockers:
            raise Conflict("proctoring.cannot_end", count=sum(blocker.count for blocker in blockers))
        silent = tuple(
            seat
            for seat in desk.board.seats
            if seat.never_began and seat.attempt_id is not None and seat.attempt_state not in OVER
        )
        if silent:
            close(desk, silent, closed_by=ClosedBy.DEADLINE, closed_at=now, reason="present_unanswered")
        end_room(desk.session, desk.room, now=now, actor=by.actor, reason=reason)
        balance = counted.balance
        desk.log(
            "end",
            expected=str(balance.expected),
            present=str(balance.present),
            absent=str(balance.absent),
            reason=reason,
        )
        return desk.said()


def _refresh(desk: Desk, *, reopen: bool = False) -> None:
    delivery.refresh_clocks(desk.session, now=desk.now, sitting_room_id=desk.room.id, reopen=reopen)


def start_armed_rooms(*, now: datetime) -> int:
    """Start the armed rooms whose planned start has come; return how many this call started.

    A room waits, with one alert in its log, while somebody's form is not drawn or somebody who arrived in time is
    not in the waiting room. One that nobody is registered in does not start.

    Source: R-20.
    """
    with reading() as session:
        due = [room.id for room in store.armed_rooms(session, now=now)]
    return sum(_start_armed(room_id, now=now) for room_id in due)


def _start_armed(room_id: int, *, now: datetime) -> int:
    with unit_of_work() as session:
        room = session.scalars(select(SittingRoom).where(SittingRoom.id == room_id).with_for_update()).one()
        if room.state not in {State.PUBLISHED, State.ADMITTING} or not room.armed or room.evacuated_at:
            return 0
        sitting = session.get_one(Sitting, room.sitting_id)
        if not store.counts_of_rooms(session, [room.id]):
            return 0
        kind, waiting = "start_forms", count_without_form(session, sitting_room_id=room.id)
        if not waiting:
            kind, waiting = (
                "start_waits",
                store.not_ready_in(session, room.id, cutoff_at=sitting.late_cutoff_at),
            )
        if waiting:
            if not store.has_incident(session, room.id, kind, since=sitting.planned_start_at):
                params = {"count": str(waiting), "who": ""}
                log_incident(session, sitting_room_id=room.id, kind=kind, at=now, by=SCHEDULER, params=params)
            return 0
        running.start_room(session, room, now=now, actor=SCHEDULER)
        log_incident(
            session, sitting_room_id=room.id, kind="start_armed", at=now, by=SCHEDULER, params={"who": ""}
        )
        return 1
