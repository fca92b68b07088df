"""What a proctor does at the door: arrival, check-in, 登录码, 允许登录, 信息有误."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from cbt.candidates.models import Registration
from cbt.db.unit_of_work import reading
from cbt.door.arrival import checking, permits
from cbt.door.arrival.queries import to_compare
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk import door_undone
from cbt.proctoring.desk.act import Act, ActScope, Asked, Preview, further, usual
from cbt.proctoring.desk.acting import Desk, acting
from cbt.proctoring.desk.inputs import read_clock_time, read_reason
from cbt.proctoring.desk.picking import gone, not_here
from cbt.proctoring.desk.said import Said
from cbt.proctoring.desk.taking_back import change_while, kept, restored
from cbt.rules.door.admission import DOCUMENT_TYPES


def _refuse_arrive(seat: SeatView, _board: Board) -> str:
    return not_here(seat) or ("arrived" if seat.arrived_at is not None else "")


def _arrive(asked: Asked) -> Said:
    """登记到场, for one, many or (no selection) everybody not there yet; `arrived_at` enters an earlier moment.

    Source: R-11.
    """
    by, now = asked.by, asked.now
    at = read_clock_time(asked.form, "arrived_at", now=now, zone=asked.zone)
    reason = read_reason(asked.form, required=at is not None)
    with acting(asked) as desk:
        picked = desk.pick()
        for seat in picked.chosen:
            checking.record_arrival(
                desk.session,
                desk.registration(seat),
                now=now,
                arrived_at=at or now,
                actor=by.actor,
                reason=reason,
                chief=by.chief,
            )
        for seat in picked.chosen:
            desk.log("arrive", seat)
        desk.remember([(seat.registration_id, None) for seat in picked.chosen])
        return desk.said(picked)


def _undo_arrive(desk: Desk, seat: SeatView, _before: None) -> bool:
    moved_on = (Registration.checked_in_at, Registration.signed_in_at, Registration.absent_at)
    return change_while(desk, seat, *(at.is_(None) for at in moved_on), arrived_at=None)


def _refuse_check_in(seat: SeatView, _board: Board) -> str:
    return not_here(seat) or ("began" if seat.started_at is not None else "")


def _check_in(asked: Asked) -> Said:
    """签到: record the document shown and that person, photo and ticket are one. Source: R-10."""
    with acting(asked) as desk:
        picked = desk.pick()
        before: list[tuple[int | None, Any]] = []
        for seat in picked.chosen:
            registration = desk.registration(seat)
            before.append((seat.registration_id, door_undone.checked(registration)))
            checking.check_in(
                desk.session,
                registration,
                now=asked.now,
                document_type=asked.form.get("document_type", ""),
                last_four=asked.form.get("last_four", ""),
                actor=asked.by.actor,
            )
            desk.log("check_in", seat)
        desk.remember(before)
        return desk.said(picked)


def _documents(_preview: Preview) -> Mapping[str, object]:
    return {"documents": DOCUMENT_TYPES}


def _issue_codes(asked: Asked) -> Said:
    """Issue a fresh 登录码 to each; they are shown this once and kept only as hashes. Source: R-14."""
    rng = random.SystemRandom()
    with acting(asked) as desk:
        picked = desk.pick()
        codes = []
        for seat in picked.chosen:
            code = permits.issue_login_code(
                desk.session, desk.registration(seat), now=asked.now, rng=rng, actor=asked.by.actor
            )
            codes.append((f"{seat.label} {seat.name}", seat.ticket, code))
            desk.log("code", seat)
        desk.remember([(seat.registration_id, None) for seat in picked.chosen], undoable=False)
        return desk.said(picked, codes=tuple(codes))


def _allow_sign_in(asked: Asked) -> Said:
    """允许登录 without the check at the door. Source: R-14."""
    reason, actor = read_reason(asked.form), asked.by.actor
    with acting(asked) as desk:
        picked = desk.pick()
        before: list[tuple[int | None, Any]] = []
        for seat in picked.chosen:
            registration = desk.registration(seat)
            before.append((seat.registration_id, door_undone.allowed(registration, at=asked.now)))
            permits.allow_sign_in(desk.session, registration, now=asked.now, actor=actor, reason=reason)
            desk.log("allow_sign_in", seat, reason=reason)
        desk.remember(before)
        return desk.said(picked)


def _refuse_clear_query(seat: SeatView, _board: Board) -> str:
    return "" if seat.query_at is not None else "no_query"


def _queried(preview: Preview) -> Mapping[str, object]:
    with reading() as session:
        return {"queried": to_compare(session, [seat.ref for seat in preview.picked.chosen])}


def _clear_query(asked: Asked) -> Said:
    """Answer 信息有误: the proctor compared the person, the confirmation page goes on. Source: R-14."""
    reason, actor = read_reason(asked.form, required=False), asked.by.actor
    with acting(asked) as desk:
        picked = desk.pick()
        before = [(seat.registration_id, kept(seat.query_at)) for seat in picked.chosen]
        for seat in picked.chosen:
            checking.clear_query(
                desk.session, desk.registration(seat), now=asked.now, actor=actor, reason=reason
            )
            desk.log("clear_query", seat, reason=reason)
        desk.remember(before)
        return desk.said(picked)


def _undo_clear_query(desk: Desk, seat: SeatView, before: int | None) -> bool:
    return change_while(desk, seat, Registration.query_at.is_(None), query_at=restored(before))


ACTS = (
    Act(
        "arrive",
        ActScope.SEATS,
        _arrive,
        _refuse_arrive,
        everybody=True,
        fields=("arrived_at",),
        undo=_undo_arrive,
        tone="main",
        before=usual(10),
    ),
    Act(
        "check_in",
        ActScope.ONE,
        _check_in,
        _refuse_check_in,
        fields=("document",),
        shows=_documents,
        undo=door_undone.undo_check_in,
        tone="main",
        before=usual(20),
        running=further(10),
    ),
    Act("code", ActScope.SEATS, _issue_codes, gone, final="code", before=usual(30), running=further(20)),
    Act(
        "allow_sign_in",
        ActScope.SEATS,
        _allow_sign_in,
        gone,
        fields=("reason",),
        undo=door_undone.undo_allow_sign_in,
        before=further(10),
        running=further(30),
    ),
    Act(
        "clear_query",
        ActScope.SEATS,
        _clear_query,
        _refuse_clear_query,
        fields=("queried", "reason_optional"),
        shows=_queried,
        undo=_undo_clear_query,
        tone="main",
        before=further(20),
        running=further(40),
    ),
)
