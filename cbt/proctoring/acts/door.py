"""What a proctor does at the door: arrival, check-in, sign-in, absence, leaving and coming back."""

from __future__ import annotations

import json
import random
from datetime import datetime

from sqlalchemy import select, update

from cbt.candidates.models import Registration
from cbt.db.types import from_micros, to_micros
from cbt.door.arrival import absence, checking, permits
from cbt.door.elsewhere import clear_elsewhere
from cbt.door.seats.binding import clear_claim, give_claimed
from cbt.errors import Conflict, InvalidInput, NotAllowed, NotFound
from cbt.proctoring.acts.desk import By, Desk, Said, acting
from cbt.proctoring.acts.table import Picked
from cbt.proctoring.board.live import UNDO_FOR
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.models import AlertSeen, LeaveRecord, UndoableAct
from cbt.rules.roles import Role
from cbt.sittings.models import Seat

Refs = tuple[str, ...]


def arrive(
    room_ref: str, refs: Refs, *, arrived_at: datetime | None, reason: str, by: By, now: datetime
) -> Said:
    """登记到场, for one, many or (no refs) everybody not there yet; `arrived_at` enters an earlier moment.

    Source: R-11.
    """
    with acting("arrive", room_ref, by=by, now=now) as desk:
        picked = desk.pick(refs)
        for seat in picked.chosen:
            checking.record_arrival(
                desk.session,
                desk.registration(seat),
                now=now,
                arrived_at=arrived_at or now,
                actor=by.actor,
                reason=reason,
                chief=by.chief,
            )
        if len(picked.chosen) == 1:
            desk.log("arrive", picked.chosen[0])
        else:
            desk.log("arrive_many", count=str(len(picked.chosen)))
        desk.remember([(seat.registration_id, None) for seat in picked.chosen])
        return desk.said(picked)


def check_in(room_ref: str, refs: Refs, *, document_type: str, last_four: str, by: By, now: datetime) -> Said:
    """签到: record the document shown and that person, photo and ticket are one. Source: R-10."""
    with acting("check_in", room_ref, by=by, now=now) as desk:
        picked = desk.pick(refs)
        for seat in picked.chosen:
            checking.check_in(
                desk.session,
                desk.registration(seat),
                now=now,
                document_type=document_type,
                last_four=last_four,
                actor=by.actor,
            )
            desk.log("check_in", seat)
        return desk.said(picked)


def issue_codes(room_ref: str, refs: Refs, *, rng: random.Random, by: By, now: datetime) -> Said:
    """Issue a fresh 登录码 to each; they are shown this once and kept only as hashes. Source: R-14."""
    with acting("code", room_ref, by=by, now=now) as desk:
        picked = desk.pick(refs)
        codes = []
        for seat in picked.chosen:
            code = permits.issue_login_code(
                desk.session, desk.registration(seat), now=now, rng=rng, actor=by.actor
            )
            codes.append((f"{seat.label} {seat.name}", seat.ticket, code))
            desk.log("code", seat)
        return desk.said(picked, codes=tuple(codes))


def allow_sign_in(room_ref: str, refs: Refs, *, reason: str, by: By, now: datetime) -> Said:
    """允许登录 without the check at the door. Source: R-14."""
    with acting("allow_sign_in", room_ref, by=by, now=now) as desk:
        picked = desk.pick(refs)
        for seat in picked.chosen:
            permits.allow_sign_in(
                desk.session, desk.registration(seat), now=now, actor=by.actor, reason=reason
            )
            desk.log("allow_sign_in", seat, reason=reason)
        return desk.said(picked)


def clear_query(room_ref: str, refs: Refs, *, reason: str, by: By, now: datetime) -> Said:
    """Answer 信息有误: the proctor compared the person, the confirmation page goes on. Source: R-14."""
    with acting("clear_query", room_ref, by=by, now=now) as desk:
        picked = desk.pick(refs)
        before = [(seat.registration_id, _micros(seat.query_at)) for seat in picked.chosen]
        for seat in picked.chosen:
            checking.clear_query(
                desk.session, desk.registration(seat), now=now, actor=by.actor, reason=reason
            )
            desk.log("clear_query", seat, reason=reason)
        desk.remember(before)
        return desk.said(picked)


def mark_absent(room_ref: str, refs: Refs, *, cause: str, by: By, now: datetime) -> Said:
    """Confirm 缺考 with its cause. Source: R-12."""
    with acting("absent", room_ref, by=by, now=now) as desk:
        picked = desk.pick(refs)
        for seat in picked.chosen:
            absence.mark_absent(desk.session, desk.registration(seat), now=now, cause=cause, actor=by.actor)
            desk.log("absent", seat, cause=cause)
        desk.remember([(seat.registration_id, None) for seat in picked.chosen])
        return desk.said(picked)


def undo_absent(room_ref: str, refs: Refs, *, reason: str, by: By, now: datetime) -> Said:
    """Take 缺考 back: the chief may until the sitting is ended. Source: R-12."""
    with acting("undo_absent", room_ref, by=by, now=now) as desk:
        desk.need_chief()
        picked = desk.pick(refs)
        for seat in picked.chosen:
            absence.undo_absent(desk.session, desk.registration(seat), now=now, actor=by.actor, reason=reason)
            desk.log("undo_absent", seat, reason=reason)
        return desk.said(picked)


def leave(room_ref: str, refs: Refs, *, escort: str, by: By, now: datetime) -> Said:
    """临时离场 under escort: the content is blanked, the clock runs; allowed by the sitting or the chief.

    Source: R-13.
    """
    with acting("leave", room_ref, by=by, now=now) as desk:
        if not desk.board.head.leave_allowed:
            desk.need_chief()
        picked = desk.pick(refs)
        for seat in picked.chosen:
            _change_left(desk, seat, before=None, after=now)
            desk.session.add(
                LeaveRecord(
                    registration_id=seat.registration_id, out_at=now, in_at=None, escort=escort, by=by.actor
                )
            )
            desk.audit("door.leave", f"registration:{seat.ref}", after={"escort": escort})
            desk.log("leave", seat, escort=escort)
        desk.remember([(seat.registration_id, None) for seat in picked.chosen])
        return desk.said(picked)


def come_back(room_ref: str, refs: Refs, *, by: By, now: datetime) -> Said:
    """Back in the room: the page shows its content again. Source: R-13."""
    with acting("return", room_ref, by=by, now=now) as desk:
        picked = desk.pick(refs)
        before = [(seat.registration_id, _micros(seat.left_at)) for seat in picked.chosen]
        for seat in picked.chosen:
            _change_left(desk, seat, before=seat.left_at, after=None)
            _close_leave(desk, seat.registration_id)
            desk.audit("door.return", f"registration:{seat.ref}")
            desk.log("return", seat)
        desk.remember(before)
        return desk.said(picked)


def see_alert(room_ref: str, refs: Refs, *, alert: str, by: By, now: datetime) -> Said:
    """Note that somebody has looked into an alert of a seat; it comes back when there is more of it."""
    with acting("seen", room_ref, by=by, now=now) as desk:
        picked = desk.pick(refs)
        seat = picked.chosen[0]
        marks = {"blurs": seat.blurs, "undelivered": seat.undelivered}
        if seat.guesses is not None:
            marks["guessing"] = seat.guesses.mark
        if alert == "claim":
            clear_claim(desk.session, desk.session.get_one(Seat, seat.seat_id), now=now, actor=by.actor)
        elif alert == "elsewhere":
            clear_elsewhere(desk.session, desk.registration(seat), now=now, actor=by.actor)
        elif alert in marks:
            _mark_seen(desk, seat, alert, marks[alert])
        else:
            raise InvalidInput("proctoring.no_alert", field="alert")
        desk.log(f"seen_{alert}", seat)
        return desk.said(picked)


def rebind(room_ref: str, refs: Refs, *, by: By, now: datetime) -> Said:
    """换绑: give a seat to the machine that claimed it, in place of the one that had it. Source: R-16."""
    with acting("rebind", room_ref, by=by, now=now) as desk:
        picked = desk.pick(refs)
        for seat in picked.chosen:
            give_claimed(desk.session, desk.session.get_one(Seat, seat.seat_id), now=now, actor=by.actor)
            desk.log("rebind", seat)
        return desk.said(picked)


def _mark_seen(desk: Desk, seat: SeatView, alert: str, mark: int) -> None:
    query = select(AlertSeen).where(
        AlertSeen.sitting_room_id == desk.room.id, AlertSeen.seat_id == seat.seat_id, AlertSeen.kind == alert
    )
    row = desk.session.scalar(query)
    if row is None:
        row = AlertSeen(sitting_room_id=desk.room.id, seat_id=seat.seat_id, kind=alert)
        desk.session.add(row)
    row.mark, row.at, row.by = mark, desk.now, desk.by.actor
    desk.audit("alert.seen", f"registration:{seat.ref}", after={"alert": alert, "mark": mark})


def undo(room_ref: str, undo_ref: str, *, by: By, now: datetime) -> Said:
    """Take an act of the door back while it can be; whoever moved on since then is left as they are.

    Raise Conflict("proctoring.undo_over") when it is too late or was taken back already.
    """
    with acting("undo", room_ref, by=by, now=now) as desk:
        row = desk.session.scalar(select(UndoableAct).where(UndoableAct.ref == undo_ref))
        if row is None or row.sitting_room_id != desk.room.id:
            raise NotFound("proctoring.no_undo")
        if row.undone_at is not None or now >= row.at + UNDO_FOR or desk.board.head.over:
            raise Conflict("proctoring.undo_over")
        if row.by != by.actor and not by.principal.has(Role.CHIEF_PROCTOR):
            raise NotAllowed("proctoring.undo_other")
        row.undone_at = now
        by_id = {seat.registration_id: seat for seat in desk.board.seats}
        undone = [
            by_id[registration_id]
            for registration_id, before in json.loads(row.params)
            if registration_id in by_id and _undo_one(desk, row.act, by_id[registration_id], before)
        ]
        if not undone:
            raise Conflict("proctoring.undo_moved_on")
        for seat in undone:
            desk.audit(f"undo.{row.act}", f"registration:{seat.ref}")
            desk.log(f"undo_{row.act}" if row.act != "absent" else "undo_absent", seat, reason="")
        return desk.said(Picked(tuple(undone), ()))


def _undo_one(desk: Desk, act: str, seat: SeatView, before: int | None) -> bool:
    table = Registration
    still = table.id == seat.registration_id
    match act:
        case "arrive":
            moved_on = (table.checked_in_at, table.signed_in_at, table.absent_at)
            change = update(table).where(still, *(at.is_(None) for at in moved_on)).values(arrived_at=None)
        case "absent":
            if seat.absent_at is None:
                return False
            absence.undo_absent(desk.session, desk.registration(seat), now=desk.now, actor=desk.by.actor)
            return True
        case "leave":
            change = update(table).where(still, table.left_at.is_not(None)).values(left_at=None)
            _close_leave(desk, seat.registration_id)
        case "return":
            change = update(table).where(still, table.left_at.is_(None)).values(left_at=_instant(before))
            _reopen_leave(desk, seat.registration_id)
        case _:
            change = update(table).where(still, table.query_at.is_(None)).values(query_at=_instant(before))
    return desk.session.scalar(change.returning(table.id)) is not None


def _change_left(desk: Desk, seat: SeatView, *, before: datetime | None, after: datetime | None) -> None:
    still = Registration.left_at.is_(None) if before is None else Registration.left_at.is_not(None)
    changed = desk.session.scalar(
        update(Registration)
        .where(Registration.id == seat.registration_id, still)
        .values(left_at=after)
        .returning(Registration.id)
    )
    if changed is None:
        raise Conflict("proctoring.none_apply")


def _close_leave(desk: Desk, registration_id: int) -> None:
    desk.session.execute(
        update(LeaveRecord)
        .where(LeaveRecord.registration_id == registration_id, LeaveRecord.in_at.is_(None))
        .values(in_at=desk.now)
    )


def _reopen_leave(desk: Desk, registration_id: int) -> None:
    latest = (
        select(LeaveRecord.id)
        .where(LeaveRecord.registration_id == registration_id)
        .order_by(LeaveRecord.id.desc())
        .limit(1)
    )
    desk.session.execute(
        update(LeaveRecord).where(LeaveRecord.id == latest.scalar_subquery()).values(in_at=None)
    )


def _micros(instant: datetime | None) -> int | None:
    return None if instant is None else to_micros(instant)


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
