"""Use cases of the check of a room: the page, the test page that was seen, the sheet that is signed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from cbt.audit import tally
from cbt.audit.chain import record
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.proctoring.desk.staff import runs_room
from cbt.proctoring.readiness.models import GoSheet, RoomPrinting
from cbt.proctoring.readiness.room import RoomReadiness, ToldFault, read_readiness
from cbt.proctoring.readiness.server_part import ServerLine, gravity_of
from cbt.rules.canonical import canonical_json
from cbt.rules.planning.clashes import Gravity
from cbt.sittings.store import RoomView, room_view_for
from cbt.web.refs import new_ref
from cbt.web.texts import one_line
from cbt.web.who.login import Principal

MOST_NOTE = 300


def readiness_of(
    room_ref: str, principal: Principal, *, server: Gravity | None = None, now: datetime
) -> RoomReadiness:
    """Return how a room stands that this person may see; raise NotFound otherwise. Source: R-62."""
    with reading() as session:
        return read_readiness(session, room_view_for(session, room_ref, principal), server=server, now=now)


def sheet_of_room(room_ref: str, sheet_ref: str, principal: Principal) -> tuple[RoomView, GoSheet]:
    """Return a signed sheet of a room this person may see; raise NotFound("readiness.no_sheet")."""
    with reading() as session:
        view = room_view_for(session, room_ref, principal)
        sheet = GoSheet.by_ref(session, sheet_ref, unknown="readiness.no_sheet")
        if sheet.sitting_room_id != view.sitting_room.id:
            raise NotFound("readiness.no_sheet")
        return view, sheet


def room_to_print(room_ref: str, principal: Principal) -> RoomView:
    """Return a room this person may see; raise NotFound otherwise. Source: R-62."""
    with reading() as session:
        return room_view_for(session, room_ref, principal)


def note_test_page(view: RoomView, principal: Principal, *, now: datetime) -> None:
    """Put on record that somebody had a test page of a room's printer made; a repeat is counted."""
    with unit_of_work() as session:
        subject = view.sitting_room.logged_as
        tally.count(session, at=now, actor=principal.logged_as, act="print.test_page", subject=subject)


def note_printed(room_ref: str, principal: Principal, *, now: datetime) -> None:
    """Keep that somebody saw a test page of the room's printer and found it well."""
    with unit_of_work() as session:
        view = _mine(session, room_ref, principal)
        row = session.get(RoomPrinting, view.sitting_room.id)
        if row is None:
            session.add(RoomPrinting(sitting_room_id=view.sitting_room.id, at=now, by=principal.logged_as))
        else:
            row.at, row.by = now, principal.logged_as
        record(
            session,
            at=now,
            actor=principal.logged_as,
            act="room.printed",
            subject=view.sitting_room.logged_as,
        )


def sign(
    room_ref: str,
    principal: Principal,
    *,
    go: bool,
    note: str,
    server: list[ServerLine],
    now: datetime,
) -> str:
    """Keep 可以开考 or 暂不能开考 with what was found; return the sheet's ref.

    Raise Conflict("readiness.stops") for a go while something stops, ("readiness.started") once the room started,
    InvalidInput("readiness.note") for a no-go without a reason where nothing stops.

    Source: R-20, R-62.
    """
    plain = one_line(note, "note")[:MOST_NOTE]
    with unit_of_work() as session:
        view = _mine(session, room_ref, principal)
        found = read_readiness(session, view, server=gravity_of(server), now=now)
        if not found.before_the_start:
            raise Conflict("readiness.started")
        stops = [one.what for one in found.faults if one.stops]
        if go and stops:
            raise Conflict("readiness.stops", count=len(stops))
        if not go and not stops and not plain:
            raise InvalidInput("readiness.note", field="note")
        sheet = GoSheet(
            ref=new_ref("go"),
            sitting_room_id=view.sitting_room.id,
            at=now,
            by=principal.logged_as,
            go=go,
            note=plain,
            found=canonical_json(_kept(found, server)),
        )
        session.add(sheet)
        session.flush()
        act = "room.go" if go else "room.no_go"
        record(
            session,
            at=now,
            actor=principal.logged_as,
            act=act,
            subject=view.sitting_room.logged_as,
            reason=plain,
            after={"sheet": sheet.ref, "stops": len(stops), "reported": found.reported},
        )
        return sheet.ref


def check_mine(room_ref: str, principal: Principal) -> None:
    """Raise NotFound for a room this person does not run, before anything that takes long is begun."""
    with reading() as session:
        _mine(session, room_ref, principal)


def _mine(session: Session, room_ref: str, principal: Principal) -> RoomView:
    """Return a room this person runs; raise NotFound for one they may not see, or only read."""
    view = room_view_for(session, room_ref, principal)
    if not runs_room(session, view.sitting_room, principal):
        raise NotFound("sitting.room_unknown")
    return view


def _kept(found: RoomReadiness, server: list[ServerLine]) -> dict[str, object]:
    """Return what a sheet keeps of what was shown."""
    faults: list[ToldFault | ServerLine] = [*found.faults, *server]
    return {
        "seats": len(found.seats),
        "bound": found.bound,
        "reported": found.reported,
        "spares": found.spares,
        "printed": found.printed_at is not None,
        "faults": [[one.stops, one.what, one.fix] for one in faults],
        "lines": [
            [one.seat.number, one.look, " ".join(fault.what for fault in one.faults)]
            for one in found.seats
            if one.faults
        ],
    }
