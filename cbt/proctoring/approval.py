"""The starred acts of a room as requests to a second person: what they read, and how the act is then done.

Source: R-62.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime

import flask
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from cbt.accounts.approvals.requests import (
    ApprovalKind,
    ApprovalWish,
    Line,
    Result,
    Second,
    SecondPersonTerms,
)
from cbt.accounts.approvals.views import FIELDS
from cbt.accounts.models import Approval
from cbt.blueprints.reasons import table_now
from cbt.http.auth.login import Principal
from cbt.http.i18n import local_zone
from cbt.proctoring.act import Act, ActRequest, ActResult, By, said_text
from cbt.proctoring.acts.registry import act_of
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.seat_view import SeatView
from cbt.rules.canonical import canonical_json
from cbt.sittings.models import RoomStaff, SittingRoom
from cbt.sittings.store import RoomView, room_view_for
from cbt.storage.unit_of_work import reading

KIND = "room"
MOST_NAMED = 12


def wanted_in(session: Session, room_ref: str, roles: frozenset[str], *, assigned: bool) -> SecondPersonTerms:
    """Return who may be second in a room: holders of `roles`, and with `assigned` whoever runs it."""
    if not assigned:
        return SecondPersonTerms(roles)
    query = (
        select(RoomStaff.staff_id)
        .join(SittingRoom, SittingRoom.id == RoomStaff.sitting_room_id)
        .where(SittingRoom.ref == room_ref)
    )
    return SecondPersonTerms(roles, frozenset(session.scalars(query)))


def place_of(view: RoomView) -> str:
    """Return what names a sitting-room on the second person's page."""
    return f"{view.sitting.name} · {view.room.name}"


def credential_rules(room_ref: str, principal: Principal) -> tuple[SecondPersonTerms, bool]:
    """Return who may be second in this room by credential, and whether its centre allows that at all."""
    with reading() as session:
        view = room_view_for(session, room_ref, principal)
        wanted = wanted_in(session, room_ref, SecondPersonTerms().roles, assigned=True)
        return wanted, view.centre.second_by_password


def wish_for(act: Act, board: Board, view: RoomView, form: MultiDict[str, str]) -> ApprovalWish:
    """Return the request for one posted act: its fields exactly as they were posted."""
    fields = [(name, value) for name, value in form.items(multi=True) if name not in FIELDS]
    return ApprovalWish(
        kind=KIND,
        act=act.code,
        subject=f"sitting_room:{board.head.ref}",
        place=place_of(view),
        params=canonical_json(fields),
        preview=tuple(_lines(act, board, form)),
    )


def _lines(act: Act, board: Board, form: MultiDict[str, str]) -> Iterator[Line]:
    named = None if act.whom is None else act.whom(board, form)
    seats = [named] if named is not None else _selected(board, form)
    if seats:
        yield ("approval.line.whom", "text", _names(f"{seat.label} {seat.name}" for seat in seats))
    else:
        yield ("approval.line.whom", "word", "approval.whole_room")
    for line in act.lines:
        yield from line(form)


def _selected(board: Board, form: MultiDict[str, str]) -> list[SeatView]:
    return [seat for seat in (board.seat(ref) for ref in form.getlist("seat")) if seat is not None]


def _names(names: Iterable[str]) -> str:
    every = list(names)
    return "、".join(every[:MOST_NAMED]) + (f" … ({len(every)})" if len(every) > MOST_NAMED else "")


def _wanted(session: Session, approval: Approval) -> SecondPersonTerms:
    roles = frozenset(approval.roles.split(","))
    return wanted_in(session, _room_ref(approval), roles, assigned=approval.assigned)


def _room_ref(approval: Approval) -> str:
    return approval.subject.removeprefix("sitting_room:")


def _carry_out(approval: Approval, first: Principal, second: Second, now: datetime) -> None:
    form: MultiDict[str, str] = MultiDict([(name, value) for name, value in json.loads(approval.params)])
    act = act_of(approval.act)
    act.do(
        ActRequest(
            act=act,
            room_ref=_room_ref(approval),
            refs=tuple(form.getlist("seat")),
            form=form,
            by=By(first, second),
            now=now,
            zone=local_zone(),
            reasons=table_now(),
        )
    )


def _said(_approval: Approval, result: Result) -> str:
    skipped = tuple((name, why) for name, why in result["skipped"])
    return said_text(ActResult(result["kind"], result["count"], tuple(result["names"]), skipped))


def _home(approval: Approval) -> str:
    return flask.url_for("proctoring.board", room_ref=_room_ref(approval))


ROOM_ACTS = ApprovalKind(KIND, _wanted, _carry_out, _said, _home)
