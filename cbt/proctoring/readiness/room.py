"""The readiness of a room: what its machines report, what the server's part finds, and faults in words.

What a seat's machine says of itself is untrusted, so every field has its limits and no other field is read. A
throwaway row goes through the line that answers take.

Source: R-16, R-40.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal, cast

import flask
import msgspec
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import Registration
from cbt.door.seats import seat_of
from cbt.errors import InvalidInput, NotFound, Unavailable
from cbt.http.auth.machine import Machine
from cbt.http.i18n import local_day
from cbt.proctoring.models import GoSheet, RoomPrinting, SeatReport
from cbt.rules.planning.clashes import Gravity
from cbt.rules.planning.room_check import (
    REPORTS_FOR,
    Keeping,
    MachineReport,
    RoomFault,
    SeatReadiness,
    room_faults,
    seat_faults,
    spares_there,
)
from cbt.rules.states.sitting import BEFORE_THE_START, SittingState
from cbt.sittings.models import Seat
from cbt.sittings.store import RoomView
from cbt.storage.types import bind_instant, db
from cbt.storage.unit_of_work import reading
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
    """Return name and main version of a browser by its User-Agent header."""
    for name, known in _BROWSERS:
        if found := known.search(agent[:400]):
            return BrowserVersion(name, int(found[1]))
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
    told = (
        browser.name,
        browser.version,
        _within(sent.clock_ms),
        sent.width,
        sent.height,
        sent.keeping,
        trips,
    )
    _write(Rows(_REPORT, [(_seat_id(machine), at, *told)]))


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
    """Return what the server's part weighs; None where all is well."""
    if not lines:
        return None
    return Gravity.STOP if lines[0].stops else Gravity.WARN


MILLI = timedelta(milliseconds=1)
SHOWN_SEATS = 12
"""So many numbers of seats stand in a sentence."""


@dataclass(frozen=True, slots=True)
class ToldFault:
    """A fault in words: what is so and what to do."""

    stops: bool
    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class CheckedSeat:
    """A line of the table."""

    seat: SeatReadiness
    faults: tuple[ToldFault, ...]

    @property
    def fresh(self) -> bool:
        """Whether its machine reported lately."""
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
    faults: tuple[ToldFault, ...]
    spares: int
    printed_at: datetime | None
    last: GoSheet | None

    @property
    def reported(self) -> int:
        """How many machines reported lately."""
        return sum(one.fresh for one in self.seats)

    @property
    def bound(self) -> int:
        """How many seats have a machine."""
        return sum(one.seat.bound for one in self.seats)

    @property
    def ready(self) -> bool:
        """Whether nothing stops."""
        return not any(one.stops for one in self.faults)

    @property
    def before_the_start(self) -> bool:
        """Whether the room is still to start, so that a sheet may be signed."""
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
    said = report
    if said is not None and (seat.bound_at is None or said.at < seat.bound_at):
        said = None  # another machine's
    return SeatReadiness(
        number=seat.number,
        spare=seat.spare,
        taken=taken,
        bound=bound,
        report=None if said is None else _report(said, now),
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


def told(fault: RoomFault) -> ToldFault:
    """Return a fault in words."""
    seats = " ".join(f"{number:02d}" for number in fault.seats[:SHOWN_SEATS])
    more = _("readiness.more", count=len(fault.seats)) if len(fault.seats) > SHOWN_SEATS else ""
    params = {**fault.params, "seats": f"{seats}{more}"}
    what = f"readiness.fault.{fault.code}"
    return ToldFault(fault.stops, str(_(what, **params)), str(_(f"{what}.fix", **params)))


def seat_facts(one: SeatReadiness) -> Sequence[str]:
    """Return the cells of a seat: browser, screen, clock, keeping, round trip."""
    report = one.report
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
