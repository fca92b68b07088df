"""Whether two accounts are two people: the one reader of whose hand was on which account, and what it refuses.

Source: R-62.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.accounts import store
from cbt.audit.models import AuditEntry
from cbt.errors import CbtError, InvalidInput, NotAllowed
from cbt.http.i18n import local_text
from cbt.rules.roles import APART_FOR, Hand, PersonStep, Tie, Touch, granted_until, roles_apart, tie_between

STAFF = "staff:"
TOUCHES: Mapping[str, Touch] = {
    "staff.create": Touch.MADE,
    "staff.reset": Touch.RESET,
    "staff.enable": Touch.ENABLED,
    "staff.factor_reset": Touch.FACTOR,
    "staff.roles": Touch.GRANTED,
}
"""The acts of the log that lay a hand on an account."""
SAME = "second.same"
_ALMOST_A_MINUTE = timedelta(seconds=59)


def hands_on(session: Session, accounts: Iterable[str], *, since: datetime) -> list[Hand]:
    """Return whose hand was on these accounts (`staff:<ref>`) from 24 hours before `since`, and on theirs in turn.

    The log is asked and not the accounts' rows: whoever gets into an account can have a later hand cover the
    earlier one. What was done at the machine's command line (`cli`) is nobody's hand: whoever has that has
    everything, and it is how an installation gets its first people.

    Source: R-62, R-64.
    """
    hands: list[Hand] = []
    seen: set[str] = set()
    waiting = {account for account in accounts if account.startswith(STAFF)}
    while waiting:
        seen |= waiting
        rows = session.execute(
            select(
                AuditEntry.subject,
                AuditEntry.actor,
                AuditEntry.act,
                AuditEntry.at,
                AuditEntry.before,
                AuditEntry.after,
            ).where(AuditEntry.subject.in_(waiting), AuditEntry.at > since - APART_FOR)
        )
        new = [hand for row in rows for hand in _hands_in(*row)]
        hands += new
        waiting = {hand.by for hand in new} - seen
    return hands


def _hands_in(subject: str, actor: str, act: str, at: datetime, before: str, after: str) -> Iterable[Hand]:
    touch = TOUCHES.get(act)
    if touch is None or not actor.startswith(STAFF):
        return
    if touch is not Touch.GRANTED:
        yield Hand(subject, actor, touch, at)
        return
    for role in sorted(set(json.loads(after)["roles"]) - set(json.loads(before)["roles"])):
        yield Hand(subject, actor, touch, at, role)


def refusal_of_tie(tie: Tie, **field: str) -> CbtError:
    """Return how a tie is told: who may do it instead, and from when on these two may."""
    if tie.until is None:
        return InvalidInput(SAME, **field)
    return NotAllowed(f"second.{tie.why}", until=_told(tie.until), **field)


def refusal_of_roles(
    first: PersonStep, second: PersonStep, roles: Collection[str], hands: Collection[Hand], **field: str
) -> CbtError:
    """Return how it is told that the second's `roles`, which would do, were granted by a hand on the first."""
    until = granted_until(first, second, roles, hands)
    return NotAllowed("second.granted", until=_told(until), **field)


def _told(instant: datetime) -> str:
    """Return the first whole minute that is not before an instant."""
    return local_text(instant + _ALMOST_A_MINUTE)


def refusals(
    session: Session, firsts: Iterable[PersonStep], actor: str, *, roles: Collection[str], now: datetime
) -> dict[PersonStep, CbtError]:
    """Return those of the steps that what `actor` does now is not another person's than, each with why not.

    `roles` are those that may do it now. InvalidInput("second.same") for the account itself, NotAllowed(
    "second.made"|"reset"|"enabled"|"factor"|"maker"|"shared"|"granted") for accounts that count as one person's.

    Source: R-62.
    """
    steps, second = frozenset(firsts), PersonStep(actor, now)
    since = min((first.at for first in steps), default=now)
    hands = hands_on(session, {actor, *(first.account for first in steps)}, since=since)
    held = store.roles_of(session, actor) & frozenset(roles) if hands else frozenset()
    errors: dict[PersonStep, CbtError] = {}
    for first in steps:
        tie = tie_between(first, second, hands)
        if tie is not None:
            errors[first] = refusal_of_tie(tie)
        elif held and not roles_apart(first, second, held, hands):
            errors[first] = refusal_of_roles(first, second, held, hands)
    return errors


def insist_on_two(
    session: Session,
    firsts: Iterable[PersonStep],
    actor: str,
    *,
    roles: Collection[str],
    same: CbtError,
    now: datetime,
) -> None:
    """Insist that what `actor` does now is another person's than each of the steps before it.

    Raise `same` for the account itself, else what `refusals` says.

    Source: R-62.
    """
    errors = list(refusals(session, firsts, actor, roles=roles, now=now).values())
    if any(error.code == SAME for error in errors):
        raise same
    for error in errors:
        raise error
