"""The readiness of a room as it stands: seats with what their machines reported, what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import Registration
from cbt.proctoring.readiness.models import GoSheet, RoomPrinting, SeatReport
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
from cbt.web.i18n import local_zone

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
    printed = printing is not None and _day(printing.at) == _day(now)
    return RoomReadiness(
        view=view,
        seats=tuple(CheckedSeat(one, tuple(map(told, seat_faults(one)))) for one in seats),
        faults=tuple(map(told, room_faults(seats, printed=printed, server=server))),
        spares=spares_there(seats),
        printed_at=printing.at if printing is not None and printed else None,
        last=last,
    )


def _day(instant: datetime) -> date:
    return instant.astimezone(local_zone()).date()


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
