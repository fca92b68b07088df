"""What a machine still holds of former candidates, and what of it the server has by now.

Source: R-16.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from cbt.db.unit_of_work import reading
from cbt.delivery.models import Attempt, JournalEntry, LateEntry
from cbt.delivery.moving import OVER
from cbt.errors import InvalidInput

MOST = 1000
Key = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Which of the asked entries the server holds, as answers or evidence, and which attempts are closed."""

    held: list[bool]
    over: list[str]


def leftovers(keys: Sequence[Key], attempt_refs: Collection[str]) -> Leftovers:
    """Return what is known of entries (attempt ref, lease epoch, seq) and of attempts; an unknown one is neither.

    Only who has these references learns of them, and no more than that.
    """
    numbers: defaultdict[str, set[int]] = defaultdict(set)
    for ref, _, seq in keys:
        numbers[ref].add(seq)
    known: set[Key] = set()
    with reading() as session:
        for ref, wanted in numbers.items():
            for table in (JournalEntry, LateEntry):
                rows = session.execute(
                    select(table.lease_epoch, table.seq)
                    .join(Attempt, Attempt.id == table.attempt_id)
                    .where(Attempt.ref == ref, table.seq.in_(wanted))
                )
                known |= {(ref, epoch, seq) for epoch, seq in rows}
        over = session.scalars(
            select(Attempt.ref).where(Attempt.ref.in_(attempt_refs), Attempt.state.in_(OVER))
        ).all()
    return Leftovers([key in known for key in keys], list(over))


def read_leftovers(raw: object) -> tuple[list[Key], list[str]]:
    """Return the entries and attempts a seat page asks about; raise InvalidInput("web.bad_request")."""
    try:
        if not isinstance(raw, dict) or len(raw["keys"]) > MOST or len(raw["attempts"]) > MOST:
            raise InvalidInput("web.bad_request")
        keys = [(_ref(one["attempt"]), _number(one["epoch"]), _number(one["seq"])) for one in raw["keys"]]
        return keys, [_ref(one) for one in raw["attempts"]]
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
