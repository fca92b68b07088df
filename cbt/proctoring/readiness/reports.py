"""What machines write: a throwaway row through the line that answers take, and their report.

Source: R-16, R-40.
"""

from __future__ import annotations

from datetime import datetime

from cbt.db.types import bind_instant, db
from cbt.db.unit_of_work import reading
from cbt.db.writing.parcels import Rows, put_down
from cbt.door.seats.finding import seat_of
from cbt.errors import NotFound, Unavailable
from cbt.proctoring.readiness.inputs import BrowserVersion, SentReport
from cbt.web.who.machine import Machine

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
