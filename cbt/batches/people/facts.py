"""What the log says of a registration, and the reason it is changed for: no name, no number.

Source: R-64.
"""

from __future__ import annotations

from cbt.batches.people.holding import HeldRoom
from cbt.candidates.models import Registration
from cbt.errors import InvalidInput
from cbt.rules.exam.tools import tools_in
from cbt.sittings.models import Seat

Facts = dict[str, object]


def facts_of(registration: Registration, place: HeldRoom, seat: Seat) -> Facts:
    """Return what is changeable about a registration, as an entry of the log has it."""
    return {
        "level": registration.blueprint_ref,
        "version": registration.blueprint_version_id,
        "paper": registration.paper,
        "kind": registration.kind,
        "factor": str(registration.factor),
        "extra_seconds": int(registration.extra.total_seconds()),
        "tools": tools_in(registration.tools),
        "sitting": place.sitting.ref,
        "room": place.room.name,
        "seat": seat.number,
    }


def differing(before: Facts, after: Facts) -> tuple[Facts, Facts]:
    """Return of two such facts what differs."""
    names = [name for name in before if before[name] != after[name]]
    return {name: before[name] for name in names}, {name: after[name] for name in names}


def reason_of(text: str) -> str:
    """Return the reason a person gave; raise InvalidInput("candidates.reason") without one."""
    plain = text.strip()
    if not 2 <= len(plain) <= 500:
        raise InvalidInput("candidates.reason", field="reason")
    return plain
