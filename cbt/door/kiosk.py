"""Whether a centre lets in browsers with its kiosk file alone, and whether a request comes from one.

Source: R-42.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.door.seats import seat_of
from cbt.errors import InvalidInput, NotAllowed
from cbt.http.auth.machine import Machine
from cbt.rules.door.kiosk import config_key, matches, settings_for
from cbt.sittings.models import Centre, Room
from cbt.sittings.store import centre_by_ref
from cbt.storage.prepared import KnownSelect
from cbt.storage.unit_of_work import reading, unit_of_work

LONGEST = 200


def ask_for_kiosk(centre_ref: str, *, origin: str, now: datetime, actor: str) -> None:
    """Let in browsers with the file that leads to `origin` alone, from now on; "" lets any in."""
    if len(origin) > LONGEST or (origin and not origin.startswith(("http://", "https://"))):
        raise InvalidInput("door.kiosk_origin", field="origin")
    with unit_of_work() as session:
        centre = centre_by_ref(session, centre_ref)
        before, centre.kiosk_origin = centre.kiosk_origin, origin.rstrip("/")
        if before != centre.kiosk_origin:
            record(
                session,
                at=now,
                actor=actor,
                act="centre.kiosk",
                subject=f"centre:{centre.ref}",
                before={"kiosk_origin": before},
                after={"kiosk_origin": centre.kiosk_origin},
            )


_ASKING = KnownSelect(select(Centre.id, Centre.kiosk_origin).where(Centre.kiosk_origin != ""))
"""Everybody who signs in asks this."""


def insist(machine: Machine, *, said: str, path: str) -> None:
    """Raise NotAllowed("door.kiosk") for another browser where the machine's centre asks for its kiosk.

    A machine that is bound to no seat has to have the file of any centre that asks. Where none does this is one
    query.
    """
    asking = {centre.id: str(centre.kiosk_origin) for centre in _ASKING.read()}
    if not asking:
        return
    with reading() as session:
        origins = _origins(session, asking, machine)
    if origins and not any(matches(said, one + path, config_key(settings_for(one))) for one in origins):
        raise NotAllowed("door.kiosk")


def _origins(session: Session, asking: Mapping[int, str], machine: Machine) -> Sequence[str]:
    """Return the origins one of whose files the machine has to have; none where any browser will do.

    `asking` is the origin of each centre that insists, by the centre's id.
    """
    seat = seat_of(session, machine)
    if seat is None:
        return tuple(asking.values())
    centre_id = session.scalar(select(Room.centre_id).where(Room.id == seat.room_id))
    return (asking[centre_id],) if centre_id is not None and centre_id in asking else ()
