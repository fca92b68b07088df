"""How somebody who waits stands, and what the page is told of it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import Registration
from cbt.delivery.clock_json import iso
from cbt.delivery.models import Attempt
from cbt.rules.door.waiting import asks_again_after, opens_after, share_of
from cbt.sittings.models import Sitting, SittingRoom

SOON = timedelta(milliseconds=50)
_MILLISECOND = timedelta(milliseconds=1)
_chance = random.Random()


@dataclass(frozen=True, slots=True)
class WaiterStanding:
    """Whose page it is, and what its room does."""

    registration_ref: str
    attempt_ref: str | None
    """None while there is no form."""
    pledged: bool
    planned_at: datetime
    started_at: datetime | None
    evacuated: bool

    @property
    def goes(self) -> bool:
        """Return whether the paper may be opened: the room's clock runs, and the pledge is given.

        Source: R-14, R-20.
        """
        return self.attempt_ref is not None and self.started_at is not None and self.pledged


def standing_of(session: Session, registration_id: int) -> WaiterStanding:
    """Return how somebody stands (one query)."""
    row = session.execute(
        select(
            Registration.ref,
            Registration.pledged_at,
            Attempt.ref,
            Sitting.planned_start_at,
            SittingRoom.started_at,
            SittingRoom.evacuated_at,
        )
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .join(Sitting, Sitting.id == SittingRoom.sitting_id)
        .outerjoin(Attempt, Attempt.registration_id == Registration.id)
        .where(Registration.id == registration_id)
    ).one()
    ref, pledged_at, attempt_ref, planned_at, started_at, evacuated_at = row
    return WaiterStanding(
        ref, attempt_ref, pledged_at is not None, planned_at, started_at, evacuated_at is not None
    )


def told(
    standing: WaiterStanding, *, now: datetime, number: int, url: str | None, span: timedelta, may_wait: bool
) -> dict[str, Any]:
    """Return what the page is told: whether to go on and when, and when to ask again.

    `url` is the paper's, `span` over how long those who begin now are spread. A page that may wait asks again at
    once, with the `number` up to which it knows all.
    """
    opens, pause = timedelta(), SOON
    if standing.goes and standing.started_at is not None:
        share = share_of(standing.registration_ref)
        opens = opens_after(standing.started_at, now=now, share=share, span=span)
    if not may_wait:
        pause = asks_again_after(standing.planned_at - now, _chance.random())
    return {
        "go": standing.goes,
        "url": url if standing.goes else None,
        "opens_ms": opens // _MILLISECOND,
        "next_ms": pause // _MILLISECOND,
        "now": iso(now),
        "evacuated": standing.evacuated,
        "number": number,
    }
