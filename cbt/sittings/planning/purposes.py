"""What a sitting is held for (正式, 试考, 练习), and the one place that says what of it counts.

Whoever reads registrations, attempts or results for something of consequence puts `official_only` into the query,
or has `require_official` refuse the sitting.

Source: R-4, R-60.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.errors import Conflict
from cbt.rules.states.sitting import Purpose, SittingState
from cbt.sittings.models import Sitting

_OFFICIAL: Sequence[str] = tuple(one.value for one in Purpose if one.counts)


def official_only() -> ColumnElement[bool]:
    """Return what holds of the sittings whose results are of consequence, for a query that reads `Sitting`."""
    # Not IN: prepared statements take no lists.
    return or_(*(Sitting.purpose == purpose for purpose in _OFFICIAL))


def is_official(sitting: Sitting) -> bool:
    """Return whether the results of a sitting are of consequence."""
    return Purpose(sitting.purpose).counts


def printed_purpose(purpose: str) -> str:
    """Return what stands on paper about a sitting that is no examination; "" for one that is."""
    return "" if Purpose(purpose).counts else str(_(f"sittings.purpose.{purpose}.printed"))


def require_official(sitting: Sitting) -> None:
    """Raise Conflict("sitting.not_official") for a sitting that has no results: a trial or practice."""
    if not is_official(sitting):
        raise Conflict("sitting.not_official", name=sitting.name)


def set_purpose(session: Session, sitting: Sitting, purpose: Purpose, *, now: datetime, actor: str) -> None:
    """Say what a draft is held for; raise Conflict("sitting.purpose_fixed") once it is published."""
    if sitting.state != SittingState.DRAFT:
        raise Conflict("sitting.purpose_fixed", field="purpose", name=sitting.name)
    before, sitting.purpose = sitting.purpose, purpose.value
    if before != purpose:
        record(
            session,
            at=now,
            actor=actor,
            act="sitting.purpose",
            subject=sitting.logged_as,
            before={"purpose": before},
            after={"purpose": purpose.value},
        )
