"""What the rules say against a registration as it would be: it stops, or is read and accepted.

Source: R-4, R-7, R-8.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.batches.checks.concern import Concern
from cbt.batches.checks.rows import checks_of_registered
from cbt.candidates.models import Registration
from cbt.delivery.paper.drawing import alike_beside
from cbt.errors import Conflict
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Seat, Sitting, SittingRoom
from cbt.sittings.planning.purposes import official_only

_GONE = (SittingState.CANCELLED.value, SittingState.ABORTED.value)


def spoken_against(session: Session, registrations: Collection[Registration]) -> list[Concern]:
    """Return what the rules say against registrations as this unit of work has them."""
    session.flush()
    beside = (_beside(session, one) for one in registrations)
    return [*checks_of_registered(session, registrations), *(one for one in beside if one is not None)]


def _beside(session: Session, registration: Registration) -> Concern | None:
    """Return that a neighbour has the same case, where a form was taken along: a draw sees to it itself.

    Source: R-8.
    """
    number = session.get_one(Seat, registration.seat_id).number
    seats = alike_beside(session, registration, number)
    if not seats:
        return None
    sitting = session.get_one(Sitting, registration.sitting_id)
    numbers = " ".join(f"{one:02d}" for one in seats)
    return Concern("case_beside", sitting.ref, {"seat": f"{number:02d}", "beside": numbers})


def object_to(
    session: Session,
    registrations: Collection[Registration],
    *,
    accepted: bool,
    before: Collection[Concern] = (),
) -> list[Concern]:
    """Hold what was written in this unit of work against the rules; return what warns and was accepted.

    What was so `before` keeps nobody from mending something else. Raise Conflict("person.stopped") with `concerns`,
    ("person.warned") unless what warns was `accepted`: the unit of work is rolled back then.
    """
    known = {(one.code, one.text) for one in before}
    concerns = [one for one in spoken_against(session, registrations) if (one.code, one.text) not in known]
    stops = [one for one in concerns if one.stops]
    if stops:
        raise Conflict("person.stopped", concerns=stops, count=len(stops))
    if concerns and not accepted:
        raise Conflict("person.warned", concerns=concerns, count=len(concerns))
    return concerns


def not_twice(
    session: Session, *, ticket_id: int, version_ref: str, paper: str, besides: int | None = None
) -> None:
    """Raise Conflict("person.already") for a paper the holder of a ticket is registered for in another sitting.

    What was cancelled or aborted is not in the way: its people get a fresh sitting. Nor is a trial or practice.

    Source: R-7, R-60.
    """
    query = (
        select(Sitting.name)
        .join(Registration, Registration.sitting_id == Sitting.id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .where(
            Registration.ticket_id == ticket_id,
            Registration.blueprint_ref == version_ref,
            Registration.paper == paper,
            SittingRoom.state.not_in(_GONE),
            official_only(),
        )
    )
    if besides is not None:
        query = query.where(Registration.id != besides)
    name = session.scalar(query.limit(1))
    if name is not None:
        raise Conflict("person.already", field="paper", sitting=name)
