"""Acts at the door: arrival, 签到, 登录码, 允许登录 and the answer to 信息有误, and how they are taken back.

What a registration said before stands again only while nobody has gone on from it.

Source: R-10, R-14.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cbt.candidates.models import Registration
from cbt.door import arrival
from cbt.door.arrival import to_compare
from cbt.proctoring.act import (
    Act,
    ActRequest,
    ActScope,
    Preview,
    Said,
    further,
    gone,
    not_here,
    read_clock_time,
    read_reason,
    usual,
)
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk import Desk, acting, change_while, kept, restored
from cbt.rules.door.admission import DOCUMENT_TYPES
from cbt.storage.unit_of_work import reading


def checked(registration: Registration) -> dict[str, Any]:
    """Return what a check-in changes, as it is before one."""
    return {
        "arrived": kept(registration.arrived_at),
        "checked_in": kept(registration.checked_in_at),
        "document": registration.document_shown,
        "shown": _hex(registration.document_last_four_sealed),
        "signed_in": kept(registration.signed_in_at),
        "code": registration.login_code_hash,
    }


def undo_check_in(desk: Desk, seat: SeatView, before: dict[str, Any]) -> bool:
    """Take a check-in back, or its correction, while no 登录码 was printed and nobody has signed in by it."""
    shown = before["shown"]
    return change_while(
        desk,
        seat,
        Registration.signed_in_at.is_not_distinct_from(restored(before["signed_in"])),
        Registration.login_code_hash.is_not_distinct_from(before["code"]),
        Registration.checked_in_at.is_not(None),
        arrived_at=restored(before["arrived"]),
        checked_in_at=restored(before["checked_in"]),
        document_shown=before["document"],
        document_last_four_sealed=None if shown is None else bytes.fromhex(shown),
    )


def allowed(registration: Registration, *, at: datetime) -> dict[str, Any]:
    """Return what 允许登录 changes, as it is before that, and when it is done."""
    return {
        "was": kept(registration.sign_in_allowed_at),
        "at": kept(at),
        "signed_in": kept(registration.signed_in_at),
        "code": registration.login_code_hash,
    }


def undo_allow_sign_in(desk: Desk, seat: SeatView, before: dict[str, Any]) -> bool:
    """Take 允许登录 back while nobody has signed in by it."""
    return change_while(
        desk,
        seat,
        Registration.sign_in_allowed_at == restored(before["at"]),
        Registration.signed_in_at.is_not_distinct_from(restored(before["signed_in"])),
        Registration.login_code_hash.is_not_distinct_from(before["code"]),
        sign_in_allowed_at=restored(before["was"]),
    )


def _hex(sealed: bytes | None) -> str | None:
    return None if sealed is None else sealed.hex()


def _refuse_arrive(seat: SeatView, _board: Board) -> str:
    return not_here(seat) or ("arrived" if seat.arrived_at is not None else "")


def _arrive(asked: ActRequest) -> Said:
    """登记到场, for one, many or (no selection) everybody not there yet; `arrived_at` enters an earlier moment.

    Source: R-11.
    """
    by, now = asked.by, asked.now
    at = read_clock_time(asked.form, "arrived_at", now=now, zone=asked.zone)
    reason = read_reason(asked.form, required=at is not None)
    with acting(asked) as desk:
        picked = desk.pick()
        for seat in picked.chosen:
            arrival.record_arrival(
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


def _check_in(asked: ActRequest) -> Said:
    """签到: record the document shown and that person, photo and ticket are one. Source: R-10."""
    with acting(asked) as desk:
        picked = desk.pick()
        before: list[tuple[int | None, Any]] = []
        for seat in picked.chosen:
            registration = desk.registration(seat)
            before.append((seat.registration_id, checked(registration)))
            arrival.check_in(
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


def _issue_codes(asked: ActRequest) -> Said:
    """Issue a fresh 登录码 to each; they are shown this once and kept only as hashes. Source: R-14."""
    rng = random.SystemRandom()
    with acting(asked) as desk:
        picked = desk.pick()
        codes = []
        for seat in picked.chosen:
            code = arrival.issue_login_code(
                desk.session, desk.registration(seat), now=asked.now, rng=rng, actor=asked.by.actor
            )
            codes.append((f"{seat.label} {seat.name}", seat.ticket, code))
            desk.log("code", seat)
        desk.remember([(seat.registration_id, None) for seat in picked.chosen], undoable=False)
        return desk.said(picked, codes=tuple(codes))


def _allow_sign_in(asked: ActRequest) -> Said:
    """允许登录 without the check at the door. Source: R-14."""
    reason, actor = read_reason(asked.form), asked.by.actor
    with acting(asked) as desk:
        picked = desk.pick()
        before: list[tuple[int | None, Any]] = []
        for seat in picked.chosen:
            registration = desk.registration(seat)
            before.append((seat.registration_id, allowed(registration, at=asked.now)))
            arrival.allow_sign_in(desk.session, registration, now=asked.now, actor=actor, reason=reason)
            desk.log("allow_sign_in", seat, reason=reason)
        desk.remember(before)
        return desk.said(picked)


def _refuse_clear_query(seat: SeatView, _board: Board) -> str:
    return "" if seat.query_at is not None else "no_query"


def _queried(preview: Preview) -> Mapping[str, object]:
    with reading() as session:
        return {"queried": to_compare(session, [seat.ref for seat in preview.picked.chosen])}


def _clear_query(asked: ActRequest) -> Said:
    """Answer 信息有误: the proctor compared the person, the confirmation page goes on. Source: R-14."""
    reason, actor = read_reason(asked.form, required=False), asked.by.actor
    with acting(asked) as desk:
        picked = desk.pick()
        before = [(seat.registration_id, kept(seat.query_at)) for seat in picked.chosen]
        for seat in picked.chosen:
            arrival.clear_query(
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
        undo=undo_check_in,
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
        undo=undo_allow_sign_in,
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
