"""The check of a room before its start: the test page of its printer, and the sheet that is signed.

Source: R-20, R-62.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.audit import flood_limit
from cbt.audit.chain import record
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.http.auth.login import Principal
from cbt.http.form_values import one_line
from cbt.http.i18n import local_text
from cbt.printing.pdf import pdf
from cbt.proctoring.act import runs_room
from cbt.proctoring.models import GoSheet, RoomPrinting
from cbt.proctoring.readiness.room import RoomReadiness, ServerLine, ToldFault, gravity_of, read_readiness
from cbt.rules.canonical import canonical_json
from cbt.rules.planning.clashes import Gravity
from cbt.sittings.planning.purposes import printed_purpose
from cbt.sittings.store import RoomView, room_view_for
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import reading, unit_of_work

SAMPLE = "䶮 𬭎 㛃 · 1234567890 · ABCDEFG abcdefg"


def test_page(view: RoomView, *, at: str) -> bytes:
    """Return a page on which everything stands that a day prints: rare characters, lines, shades."""
    return _made(
        _("readiness.test_page"),
        view,
        at=at,
        good=True,
        verdict=_("readiness.test_page.verdict"),
        reasons=[_("readiness.test_page.look")],
        facts=[(_("readiness.test_page.characters"), SAMPLE), (_("readiness.printed_at"), at)],
        parts=[
            {
                "title": _("readiness.test_page.lines"),
                "widths": [1, 2, 3],
                "heads": [_("readiness.col.seat"), _("candidates.name"), _("readiness.col.wrong")],
                "rows": [[f"{number:02d}", SAMPLE[:5], SAMPLE] for number in range(1, 13)],
            }
        ],
        signatures=[],
    )


def sheet_page(view: RoomView, sheet: GoSheet, *, who: str) -> bytes:
    """Return a signed sheet as an A4 page."""
    found = json.loads(sheet.found)
    at = local_text(sheet.at, "%Y-%m-%d %H:%M")
    reasons = ([sheet.note] if sheet.note else []) + [
        f"{what} {fix}" for stops, what, fix in found["faults"] if stops or not sheet.go
    ]
    lesser = [[what, fix] for stops, what, fix in found["faults"] if not stops] if sheet.go else []
    parts = []
    if found["lines"]:
        parts.append(
            {
                "title": _("readiness.seats_with"),
                "widths": [1, 7],
                "heads": [_("readiness.col.seat"), _("readiness.col.wrong")],
                "rows": [[f"{number:02d}", wrong] for number, _look, wrong in found["lines"]],
            }
        )
    if lesser:
        heads = [_("readiness.minor"), _("readiness.col.fix")]
        parts.append({"title": _("readiness.minor"), "widths": [1, 1], "heads": heads, "rows": lesser})
    return _made(
        _("readiness.sheet"),
        view,
        at=at,
        good=sheet.go,
        verdict=_("readiness.go" if sheet.go else "readiness.no_go"),
        reasons=reasons,
        facts=[
            (_("readiness.fact.bound"), f"{found['bound']} / {found['seats']}"),
            (_("readiness.fact.reported"), f"{found['reported']} / {found['bound']}"),
            (_("readiness.fact.spares"), str(found["spares"])),
            (_("readiness.fact.printed"), _("sittings.yes" if found["printed"] else "sittings.no")),
            (_("readiness.fact.by"), who),
            (_("readiness.fact.at"), at),
        ],
        parts=parts,
        signatures=[_("role.proctor"), _("role.chief_proctor"), _("readiness.sheet.day")],
    )


def _made(title: str, view: RoomView, *, at: str, signatures: list[str], **said: Any) -> bytes:
    sitting = view.sitting
    start = local_text(sitting.planned_start_at)
    data = {
        "title": title,
        "foot": f"{view.room.name} · {at}",
        "sub": f"{view.centre.name} · {view.room.name} · {sitting.name} · {start}",
        "note": "",
        "purpose": printed_purpose(sitting.purpose),
        "words": {
            "title": title,
            "page": _("candidates.print.page", number="{n}", count="{of}"),
            "signatures": signatures,
        },
        **said,
    }
    return pdf("verdict", data, language=str(get_locale()))


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
        flood_limit.count(session, at=now, actor=principal.logged_as, act="print.test_page", subject=subject)


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
