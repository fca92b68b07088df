"""What a machine still holds of former candidates, and what of it the server has by now.

Source: R-16.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from cbt.db.unit_of_work import reading
from cbt.delivery.models import Attempt, JournalEntry, LateEntry
from cbt.delivery.moving import OVER
from cbt.errors import InvalidInput

MOST = 1000
Key = tuple[int, int]
"""Lease epoch and sequence number of an entry."""


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Which of the asked entries the server holds, as answers or evidence, and whether the attempt is closed."""

    held: list[bool]
    over: bool


def leftovers(attempt_ref: str, keys: Sequence[Key], *, machine: str) -> Leftovers:
    """Return what is known of entries of one attempt and of the attempt; of an unknown one nothing is.

    Only a machine that had its lease is told: to others it is unknown, whoever got hold of its reference. An
    attempt from before machines were known is told to whoever has the reference.
    """
    with reading() as session:
        found = session.execute(
            select(Attempt.id, Attempt.state, Attempt.lease_machines).where(Attempt.ref == attempt_ref)
        ).one_or_none()
        if found is None or (found.lease_machines and machine not in found.lease_machines.split()):
            return Leftovers([False] * len(keys), over=False)
        known: set[Key] = set()
        for table in (JournalEntry, LateEntry):
            rows = session.execute(
                select(table.lease_epoch, table.seq).where(
                    table.attempt_id == found.id, table.seq.in_({seq for _, seq in keys})
                )
            )
            known |= {(epoch, seq) for epoch, seq in rows}
    return Leftovers([key in known for key in keys], over=found.state in OVER)


def read_leftovers(raw: object) -> tuple[str, list[Key]]:
    """Return the attempt and the entries a seat page asks about; raise InvalidInput("web.bad_request")."""
    try:
        if not isinstance(raw, dict) or len(raw["keys"]) > MOST:
            raise InvalidInput("web.bad_request")
        keys = [(_number(one["epoch"]), _number(one["seq"])) for one in raw["keys"]]
        return _ref(raw["attempt"]), keys
    except (KeyError, TypeError) as error:
        raise InvalidInput("web.bad_request") from error


def _ref(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 40 or not value.isascii() or "\0" in value:
        raise InvalidInput("web.bad_request")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise InvalidInput("web.bad_request")
    return value
