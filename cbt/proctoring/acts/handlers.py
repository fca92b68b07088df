"""From a posted form to the one service call that carries it out."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from cbt.errors import InvalidInput
from cbt.proctoring.acts import door as door
from cbt.proctoring.acts import gaps as gaps
from cbt.proctoring.acts import inputs as read
from cbt.proctoring.acts import papers as attempts
from cbt.proctoring.acts import room as rooms
from cbt.proctoring.acts.desk import By, Said


@dataclass(frozen=True, slots=True)
class Asked:
    """One posted action: in which room, about which seats, with which fields, by whom, when."""

    room_ref: str
    refs: tuple[str, ...]
    form: read.Form
    by: By
    now: datetime
    zone: tzinfo


def _arrive(asked: Asked) -> Said:
    at = read.read_clock_time(asked.form, "arrived_at", now=asked.now, zone=asked.zone)
    reason = read.read_reason(asked.form, required=at is not None)
    return door.arrive(asked.room_ref, asked.refs, arrived_at=at, reason=reason, by=asked.by, now=asked.now)


def _check_in(asked: Asked) -> Said:
    return door.check_in(
        asked.room_ref,
        asked.refs,
        document_type=asked.form.get("document_type", ""),
        last_four=asked.form.get("last_four", ""),
        by=asked.by,
        now=asked.now,
    )


def _code(asked: Asked) -> Said:
    rng = random.SystemRandom()
    return door.issue_codes(asked.room_ref, asked.refs, rng=rng, by=asked.by, now=asked.now)


def _absent(asked: Asked) -> Said:
    cause = asked.form.get("cause", "")
    return door.mark_absent(asked.room_ref, asked.refs, cause=cause, by=asked.by, now=asked.now)


def _leave(asked: Asked) -> Said:
    escort = read.read_text(asked.form, "escort", most=60)
    return door.leave(asked.room_ref, asked.refs, escort=escort, by=asked.by, now=asked.now)


def _seen(asked: Asked) -> Said:
    alert = asked.form.get("alert", "")
    return door.see_alert(asked.room_ref, asked.refs, alert=alert, by=asked.by, now=asked.now)


def _adjust(asked: Asked) -> Said:
    grant = read.read_grant(asked.form)
    return attempts.adjust(asked.room_ref, asked.refs, grant=grant, by=asked.by, now=asked.now)


def _move(asked: Asked) -> Said:
    return attempts.allow_move(
        asked.room_ref,
        asked.refs,
        seat_number=read.read_number(asked.form, "to_seat"),
        reason=read.read_reason(asked.form),
        by=asked.by,
        now=asked.now,
    )


def _rebind(asked: Asked) -> Said:
    return door.rebind(asked.room_ref, asked.refs, by=asked.by, now=asked.now)


def _reopen(asked: Asked) -> Said:
    return attempts.reopen(
        asked.room_ref,
        asked.refs,
        more=read.read_minutes(asked.form, field="minutes_more", least=0),
        reason=read.read_reason(asked.form),
        by=asked.by,
        now=asked.now,
    )


def _violation(asked: Asked) -> Said:
    return attempts.record_violation(
        asked.room_ref,
        asked.refs,
        code=asked.form.get("code", ""),
        reason=read.read_reason(asked.form),
        by=asked.by,
        now=asked.now,
    )


def _remind(asked: Asked) -> Said:
    text = read.read_text(asked.form, "text")
    return attempts.remind(asked.room_ref, asked.refs, text=text, by=asked.by, now=asked.now)


def _decide(asked: Asked) -> Said:
    gap_id = read.read_number(asked.form, "gap")
    if gap_id is None:
        raise InvalidInput("proctoring.number", field="gap")
    code = read.read_reason_code(asked.form)
    refused = asked.form.get("refuse") == "1"
    return gaps.decide_gap(
        asked.room_ref,
        gap_id,
        amount=timedelta(0) if refused else read.read_span(asked.form, "amount"),
        reason_code=code,
        reason=read.read_reason(asked.form, required=code == "other"),
        by=asked.by,
        now=asked.now,
    )


def _adjust_room(asked: Asked) -> Said:
    return rooms.adjust_room(asked.room_ref, grant=read.read_grant(asked.form), by=asked.by, now=asked.now)


def _hold(asked: Asked) -> Said:
    since: datetime | None = None
    if asked.form.get("since") == "at":
        since = read.read_clock_time(asked.form, "from_at", now=asked.now, zone=asked.zone)
        if since is None:
            raise InvalidInput("proctoring.clock_time", field="from_at")
    code = read.read_reason_code(asked.form)
    return rooms.hold(
        asked.room_ref,
        from_at=since,
        reason_code=code,
        reason=read.read_reason(asked.form, required=code == "other"),
        by=asked.by,
        now=asked.now,
    )


def _undo(asked: Asked) -> Said:
    return door.undo(asked.room_ref, asked.form.get("undo", ""), by=asked.by, now=asked.now)


def _come_back(asked: Asked) -> Said:
    return door.come_back(asked.room_ref, asked.refs, by=asked.by, now=asked.now)


def _start(asked: Asked) -> Said:
    return rooms.start(asked.room_ref, by=asked.by, now=asked.now)


def _evacuate(asked: Asked) -> Said:
    return rooms.evacuate(asked.room_ref, by=asked.by, now=asked.now)


def _end(asked: Asked) -> Said:
    reason = read.read_reason(asked.form, required=False)
    return rooms.end(asked.room_ref, reason=reason, by=asked.by, now=asked.now)


def _seats_with_reason(service: Callable[..., Said]) -> Callable[[Asked], Said]:
    """Handle an action about seats that takes nothing but its reason."""

    def handle(asked: Asked) -> Said:
        reason = read.read_reason(asked.form)
        return service(asked.room_ref, asked.refs, reason=reason, by=asked.by, now=asked.now)

    return handle


def _room_with_reason(service: Callable[..., Said]) -> Callable[[Asked], Said]:
    """Handle an action about the room that takes nothing but its reason."""

    def handle(asked: Asked) -> Said:
        return service(asked.room_ref, reason=read.read_reason(asked.form), by=asked.by, now=asked.now)

    return handle


HANDLERS: dict[str, Callable[[Asked], Said]] = {
    "arrive": _arrive,
    "check_in": _check_in,
    "code": _code,
    "allow_sign_in": _seats_with_reason(door.allow_sign_in),
    "clear_query": _seats_with_reason(door.clear_query),
    "absent": _absent,
    "undo_absent": _seats_with_reason(door.undo_absent),
    "leave": _leave,
    "return": _come_back,
    "adjust": _adjust,
    "suspend": _seats_with_reason(attempts.suspend),
    "resume": _seats_with_reason(attempts.resume),
    "move": _move,
    "rebind": _rebind,
    "force": _seats_with_reason(attempts.force_submit),
    "reopen": _reopen,
    "violation": _violation,
    "remind": _remind,
    "decide": _decide,
    "seen": _seen,
    "undo": _undo,
    "start": _start,
    "adjust_room": _adjust_room,
    "hold": _hold,
    "resume_room": _room_with_reason(rooms.resume_room),
    "evacuate": _evacuate,
    "countersign": _room_with_reason(rooms.countersign),
    "evacuate_close": _room_with_reason(rooms.evacuate_close),
    "abort": _room_with_reason(rooms.abort),
    "end": _end,
}
