"""Queries of brought rosters."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.batches.roster import summary as kept
from cbt.batches.roster.models import ROSTERS, RosterCheck
from cbt.batches.roster.summary import RosterSummary
from cbt.errors import NotFound, Unavailable
from cbt.sheets.checks.models import CheckState

_UNSHOWN = (CheckState.ARRIVING, CheckState.DONE, CheckState.GONE)


def find_check(session: Session, batch_id: int, ref: str, *, actor: str) -> RosterCheck | None:
    """Return a person's own roster of a batch, None for none, or for somebody else's."""
    own = select(RosterCheck).where(RosterCheck.ref == ref, RosterCheck.actor == actor)
    return session.scalar(own.where(RosterCheck.batch_id == batch_id))


def check_of(session: Session, batch_id: int, ref: str, *, actor: str) -> RosterCheck:
    """Return a person's own roster of a batch; raise NotFound("roster.draft_gone")."""
    found = find_check(session, batch_id, ref, actor=actor)
    if found is None:
        raise NotFound(ROSTERS.gone)
    return found


def waiting_rosters(session: Session, batch_id: int) -> Sequence[RosterCheck]:
    """Return the rosters of a batch that were brought and are not imported, the latest first."""
    query = select(RosterCheck).where(RosterCheck.batch_id == batch_id, RosterCheck.state.not_in(_UNSHOWN))
    return session.scalars(query.order_by(RosterCheck.at.desc())).all()


def summary_of(session: Session, check: RosterCheck) -> RosterSummary:
    """Return what a check found as a whole; raise NotFound when it was sealed under a key that was lost."""
    try:
        return ROSTERS.opened(ROSTERS.part(session, check, kept.SUMMARY), RosterSummary)
    except Unavailable as error:
        raise NotFound(ROSTERS.gone) from error
