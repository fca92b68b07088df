"""The readiness of a room: what its machines and the server report, faults in words, and the signed sheet.

What a seat's machine says of itself is untrusted, so every field has its limits and no other field is read. A
throwaway row goes through the line that answers take.

Source: R-16, R-40.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, cast

import flask
import msgspec
from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit import flood_limit
from cbt.audit.chain import record
from cbt.candidates.models import Registration
from cbt.door.seats import seat_of
from cbt.errors import Conflict, InvalidInput, NotFound, Unavailable
from cbt.http.auth.login import Principal
from cbt.http.auth.machine import Machine
from cbt.http.form_values import one_line
from cbt.http.i18n import local_day, local_text
from cbt.printing.pdf import pdf
from cbt.proctoring.act import runs_room
from cbt.proctoring.models import GoSheet, RoomPrinting, SeatReport
from cbt.rules.canonical import canonical_json
from cbt.rules.planning.clashes import Gravity
from cbt.rules.planning.readiness import (
    REPORTS_FOR,
    Keeping,
    MachineReport,
    RoomFault,
    SeatReadiness,
    room_faults,
    seat_faults,
    spares_there,
)
from cbt.rules.states import BEFORE_THE_START, SittingState
from cbt.sittings.models import Seat
from cbt.sittings.store import RoomView, printed_purpose, room_view_for
from cbt.storage.types import bind_instant, db, new_ref
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.change_set import Rows, put_down

MOST_BYTES = 2_000
MOST_TRIPS = 10
_HOUR_MS = 3_600_000
_YEARS_MS = 10**13
_BROWSERS = (
    ("Edge", re.compile(r"Edg(?:e|A|iOS)?/(\d{1,4})")),
    ("Firefox", re.compile(r"(?:Firefox|FxiOS)/(\d{1,4})")),
    ("Chrome", re.compile(r"(?:Chrome|CriOS)/(\d{1,4})")),
    ("Safari", re.compile(r"Version/(\d{1,4}).*Safari/")),
)


class SentReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A report as a page sends it."""

    clock_ms: Annotated[int, msgspec.Meta(ge=-_YEARS_MS, le=_YEARS_MS)]
    width: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    height: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    keeping: Literal["disk", "local", "none"]
    trips: Annotated[
        list[Annotated[int, msgspec.Meta(ge=0, le=_HOUR_MS)]], msgspec.Meta(max_length=MOST_TRIPS)
    ]


@dataclass(frozen=True, slots=True)
class BrowserVersion:
    """What a browser calls itself; "" and 0 for one that says nothing known."""

    name: str = ""
    version: int = 0


def read_report(body: bytes) -> SentReport:
    """Return what a machine reports; raise InvalidInput("readiness.report") for anything else."""
    if len(body) > MOST_BYTES:
        raise InvalidInput("readiness.report")
    try:
        return msgspec.json.decode(body, type=SentReport)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput("readiness.report") from error


def browser_of(agent: str) -> BrowserVersion:
    for name, pattern in _BROWSERS:
        if match := pattern.search(agent[:400]):
            return BrowserVersion(name, int(match[1]))
    return BrowserVersion()


_PROBE = (
    "INSERT INTO seat_probe (seat_id, at) VALUES (?, ?) ON CONFLICT (seat_id) DO UPDATE SET at = excluded.at"
)
_COLUMNS = ("at", "browser", "version", "clock_ms", "width", "height", "keeping", "trips")
_REPORT = (
    f"INSERT INTO seat_report (seat_id, {', '.join(_COLUMNS)}) VALUES ({', '.join('?' * (len(_COLUMNS) + 1))})"
    f" ON CONFLICT (seat_id) DO UPDATE SET {', '.join(f'{one} = excluded.{one}' for one in _COLUMNS)}"
)
"""Columns of the model, by name."""


def probe(machine: Machine, *, now: datetime) -> None:
    """Write the throwaway row of a machine's seat as a save is written; return once it is on disk.

    Raise NotFound("readiness.unbound") for a machine without a seat, Unavailable("db.write") when it was not
    written.
    """
    at = bind_instant(now, db.engine.dialect.name)
    _write(Rows(_PROBE, [(_seat_id(machine), at)]))


def report(machine: Machine, browser: BrowserVersion, sent: SentReport, *, now: datetime) -> None:
    """Keep what a machine says of itself in the place of what it said before; raise like `probe`."""
    at = bind_instant(now, db.engine.dialect.name)
    trips = ",".join(map(str, sent.trips))
    facts = (
        browser.name,
        browser.version,
        _within(sent.clock_ms),
        sent.width,
        sent.height,
        sent.keeping,
        trips,
    )
    _write(Rows(_REPORT, [(_seat_id(machine), at, *facts)]))


def _within(clock_ms: int) -> int:
    """Return a difference as a column of the database takes it: a clock years off is off."""
    return max(-(2**31) + 1, min(2**31 - 1, clock_ms))


def _seat_id(machine: Machine) -> int:
    with reading() as session:
        seat = seat_of(session, machine)
        if seat is None:
            raise NotFound("readiness.unbound")
        return seat.id


def _write(rows: Rows) -> None:
    if not put_down(rows):
        raise Unavailable("db.write")


_KEY = "cbt_room_doctor"


@dataclass(frozen=True, slots=True)
class ServerLine:
    """One finding that is not well: whether it stops, what is so, what to do."""

    stops: bool
    what: str
    fix: str


AskServer = Callable[[], list[ServerLine]]


def register_server_part(app: flask.Flask, ask: AskServer) -> None:
    """Tell who examines the server; it lies above this room."""
    app.extensions[_KEY] = ask


def server_lines() -> list[ServerLine]:
    """Return what is not well with the server, what stops first; raise what keeps it from being examined."""
    ask = cast(AskServer, flask.current_app.extensions[_KEY])
    return sorted(ask(), key=lambda one: not one.stops)


def gravity_of(lines: list[ServerLine]) -> Gravity | None:
    if not lines:
        return None
    return Gravity.STOP if lines[0].stops else Gravity.WARN


MILLI = timedelta(milliseconds=1)
SHOWN_SEATS = 12
"""So many numbers of seats stand in a sentence."""


@dataclass(frozen=True, slots=True)
class FaultText:
    """A fault in words: what is so and what to do."""

    stops: bool
    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class CheckedSeat:
    """A line of the table."""

    seat: SeatReadiness
    faults: tuple[FaultText, ...]

    @property
    def fresh(self) -> bool:
        return self.seat.report is not None and self.seat.report.age <= REPORTS_FOR

    @property
    def look(self) -> str:
        """How it stands: `stop`, `warn`, `ok`, or "" where there is nothing to say."""
        if any(one.stops for one in self.faults):
            return "stop"
        return "warn" if self.faults else ("ok" if self.fresh else "")


@dataclass(frozen=True, slots=True)
class RoomReadiness:
    """Everything the page and the sheet of a room say; `server` is what the server's part weighs."""

    view: RoomView
    seats: tuple[CheckedSeat, ...]
    faults: tuple[FaultText, ...]
    spares: int
    printed_at: datetime | None
    last: GoSheet | None

    @property
    def reported(self) -> int:
        return sum(one.fresh for one in self.seats)

    @property
    def bound(self) -> int:
        return sum(one.seat.bound for one in self.seats)

    @property
    def ready(self) -> bool:
        return not any(one.stops for one in self.faults)

    @property
    def before_the_start(self) -> bool:
        return SittingState(self.view.sitting_room.state) in BEFORE_THE_START


def read_readiness(
    session: Session, view: RoomView, *, server: Gravity | None = None, now: datetime
) -> RoomReadiness:
    """Return how a room stands; in as many queries for a hundred seats as for one."""
    room = view.sitting_room
    taken = set(session.scalars(select(Registration.seat_id).where(Registration.sitting_room_id == room.id)))
    rows = session.execute(
        select(Seat, SeatReport)
        .outerjoin(SeatReport, SeatReport.seat_id == Seat.id)
        .where(Seat.room_id == view.room.id)
        .order_by(Seat.number)
    )
    seats = [_seat(seat, report, taken=seat.id in taken, now=now) for seat, report in rows]
    printing = session.get(RoomPrinting, room.id)
    last = session.scalar(
        select(GoSheet).where(GoSheet.sitting_room_id == room.id).order_by(GoSheet.id.desc()).limit(1)
    )
    printed = printing is not None and local_day(printing.at) == local_day(now)
    return RoomReadiness(
        view=view,
        seats=tuple(CheckedSeat(one, tuple(map(told, seat_faults(one)))) for one in seats),
        faults=tuple(map(told, room_faults(seats, printed=printed, server=server))),
        spares=spares_there(seats),
        printed_at=printing.at if printing is not None and printed else None,
        last=last,
    )


def _seat(seat: Seat, report: SeatReport | None, *, taken: bool, now: datetime) -> SeatReadiness:
    bound = seat.bound_at is not None
    latest = report
    if latest is not None and (seat.bound_at is None or latest.at < seat.bound_at):
        latest = None  # another machine's
    return SeatReadiness(
        number=seat.number,
        spare=seat.spare,
        taken=taken,
        bound=bound,
        report=None if latest is None else _report(latest, now),
    )


def _report(row: SeatReport, now: datetime) -> MachineReport:
    return MachineReport(
        browser=row.browser,
        version=row.version,
        clock_off=row.clock_ms * MILLI,
        width=row.width,
        height=row.height,
        keeping=Keeping(row.keeping),
        trips=tuple(int(one) * MILLI for one in row.trips.split(",") if one),
        age=now - row.at,
    )


def told(fault: RoomFault) -> FaultText:
    seats = " ".join(f"{number:02d}" for number in fault.seats[:SHOWN_SEATS])
    more = _("readiness.more", count=len(fault.seats)) if len(fault.seats) > SHOWN_SEATS else ""
    params = {**fault.params, "seats": f"{seats}{more}"}
    what = f"readiness.fault.{fault.code}"
    return FaultText(fault.stops, str(_(what, **params)), str(_(f"{what}.fix", **params)))


def seat_facts(readiness: SeatReadiness) -> Sequence[str]:
    """Return the cells of a seat: browser, screen, clock, keeping, round trip."""
    report = readiness.report
    if report is None:
        return ("—",) * 5
    trip = report.trip
    slowest = max(report.trips, default=None)
    took = "—" if trip is None or slowest is None else f"{trip // MILLI} / {slowest // MILLI} ms"
    return (
        f"{report.browser} {report.version}" if report.browser else str(_("readiness.unknown")),
        f"{report.width} × {report.height}",
        f"{report.clock_off.total_seconds():+.1f} s",
        str(_(f"readiness.keeping.{report.keeping}")),
        took,
    )


# The check of a room before its start: the test page of its printer, and the sheet that is signed.
#
# Source.

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


def sheet_page(view: RoomView, sheet: GoSheet, *, signer: str) -> bytes:
    """Return a signed sheet as an A4 page."""
    facts = json.loads(sheet.found)
    at = local_text(sheet.at, "%Y-%m-%d %H:%M")
    reasons = ([sheet.note] if sheet.note else []) + [
        f"{what} {fix}" for stops, what, fix in facts["faults"] if stops or not sheet.go
    ]
    lesser = [[what, fix] for stops, what, fix in facts["faults"] if not stops] if sheet.go else []
    parts = []
    if facts["lines"]:
        parts.append(
            {
                "title": _("readiness.seats_with"),
                "widths": [1, 7],
                "heads": [_("readiness.col.seat"), _("readiness.col.wrong")],
                "rows": [[f"{number:02d}", wrong] for number, _look, wrong in facts["lines"]],
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
            (_("readiness.fact.bound"), f"{facts['bound']} / {facts['seats']}"),
            (_("readiness.fact.reported"), f"{facts['reported']} / {facts['bound']}"),
            (_("readiness.fact.spares"), str(facts["spares"])),
            (_("readiness.fact.printed"), _("sittings.yes" if facts["printed"] else "sittings.no")),
            (_("readiness.fact.by"), signer),
            (_("readiness.fact.at"), at),
        ],
        parts=parts,
        signatures=[_("role.proctor"), _("role.chief_proctor"), _("readiness.sheet.day")],
    )


def _made(title: str, view: RoomView, *, at: str, signatures: list[str], **sheet_data: Any) -> bytes:
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
        **sheet_data,
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


def note_test_page(session: Session, view: RoomView, *, now: datetime, actor: str) -> None:
    """Put on record that somebody had a test page of a room's printer made; a repeat is counted."""
    subject = view.sitting_room.logged_as
    flood_limit.count(session, at=now, actor=actor, act="print.test_page", subject=subject)


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
        readiness = read_readiness(session, view, server=gravity_of(server), now=now)
        if not readiness.before_the_start:
            raise Conflict("readiness.started")
        stops = [one.what for one in readiness.faults if one.stops]
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
            found=canonical_json(_kept(readiness, server)),
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
            after={"sheet": sheet.ref, "stops": len(stops), "reported": readiness.reported},
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


def _kept(readiness: RoomReadiness, server: list[ServerLine]) -> dict[str, object]:
    """Return what a sheet keeps of what was shown."""
    faults: list[FaultText | ServerLine] = [*readiness.faults, *server]
    return {
        "seats": len(readiness.seats),
        "bound": readiness.bound,
        "reported": readiness.reported,
        "spares": readiness.spares,
        "printed": readiness.printed_at is not None,
        "faults": [[one.stops, one.what, one.fix] for one in faults],
        "lines": [
            [one.seat.number, one.look, " ".join(fault.what for fault in one.faults)]
            for one in readiness.seats
            if one.faults
        ],
    }
