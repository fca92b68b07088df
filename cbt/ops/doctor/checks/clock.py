"""Whether this machine's clock is kept right, and agrees with the database's."""

from __future__ import annotations

import ctypes
import struct
import sys
from datetime import datetime, timedelta
from pathlib import Path

from cbt.errors import Unavailable
from cbt.ops.doctor.findings import Grade, Seen, Symptom
from cbt.ops.doctor.patient import Patient
from cbt.storage.server_time import database_time

CODES = {"kept": Grade.OK, "alone": Grade.WARN, "untold": Grade.NONE, "agrees": Grade.OK, "apart": Grade.WARN}
APART = timedelta(seconds=2)
"""From here on a node shows a banner to staff."""
MARK = Path("/run/systemd/timesync/synchronized")
_UNSYNCHRONISED, _STATUS_AT, _ROOM = 0x40, 40, 512


def examine(patient: Patient) -> Seen:
    """Ask the kernel whether something keeps the clock, and PostgreSQL what time it is."""
    yield Symptom({True: "kept", False: "alone", None: "untold"}[kept()])
    if not patient.settings.embedded:
        try:
            yield agreement(patient.now, database_time(patient.settings) or patient.now)
        except Unavailable:
            return  # whether the database answers is told by another check


def agreement(here: datetime, there: datetime) -> Symptom:
    """Return what follows from this machine's time and the database's."""
    off = here - there
    seconds = f"{off.total_seconds():+z.1f}"
    return Symptom("apart" if abs(off) >= APART else "agrees", {"seconds": seconds})


def kept() -> bool | None:
    """Return whether the clock is synchronised, as the kernel says (adjtimex); None where it cannot be asked.

    A service in its sandbox may not ask; systemd's own time service leaves a mark that it may see.
    """
    if MARK.exists():
        return True
    if sys.platform != "linux" or struct.calcsize("P") != 8:
        return None
    told = ctypes.create_string_buffer(_ROOM)  # all zero: nothing is to be changed
    if ctypes.CDLL(None).adjtimex(told) < 0:
        return None
    (status,) = struct.unpack_from("i", told, _STATUS_AT)
    return not status & _UNSYNCHRONISED
