"""Use cases of a brought roster: keep it, say how it is spread, have it imported; `BROUGHT` has the others."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace
from sqlalchemy.orm import Session

from cbt.batches.roster.models import FILE, ROSTERS, RosterCheck, RosterPart
from cbt.batches.roster.plan import RosterTerms, seen_of, terms_of, written
from cbt.batches.roster.process import BROUGHT
from cbt.batches.roster.roster_import import target_of
from cbt.candidates.roster.columns import Hands, keep_hands
from cbt.errors import Conflict, InvalidInput
from cbt.spreadsheets.file_checks import CheckState, FilePiece, cut
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import pieces_of, unit_of_work

MOST_BYTES = 20 * 1024 * 1024


def keep(
    *,
    batch_ref: str,
    file_name: str,
    body: bytes,
    locale: str,
    now: datetime,
    actor: str,
    sitting_ref: str = "",
) -> str:
    """Keep a roster for its check and return its ref; the person's former one for the batch goes.

    Raise InvalidInput("roster.no_file"), Conflict("roster.under_way") while the former one is being imported,
    NotFound for an unknown batch or sitting.
    """
    if not body:
        raise InvalidInput("roster.no_file", field="file")
    *parts, head = cut((FILE, 0, ROSTERS.sealed(body)))
    with unit_of_work() as session:
        target = target_of(session, batch_ref=batch_ref, sitting_ref=sitting_ref)
        batch_ref = target.batch.ref
        BROUGHT.refuse_busy(session, target.batch.ref, actor)
        check = RosterCheck(
            ref=new_ref("rd"),
            batch_id=target.batch.id,
            actor=actor,
            file_name=file_name[:200],
            state=CheckState.ARRIVING,
            asked=written(RosterTerms(locale=locale, sitting=sitting_ref)),
            at=now,
        )
        session.add(check)
        session.flush()
        check_id, ref = check.id, check.ref
    for piece in pieces_of(parts, size=1):
        with unit_of_work() as session:
            _arriving(session, check_id)
            session.add_all(_part(check_id, part) for part in piece)
    with unit_of_work() as session:
        BROUGHT.forget_former(session, batch_ref, actor, now=now, but=check_id)
        BROUGHT.wait_to_be_checked(session, batch_ref, _arriving(session, check_id), now=now)
        session.add(_part(check_id, head))
    return ref


def _arriving(session: Session, check_id: int) -> RosterCheck:
    check = session.get(RosterCheck, check_id, with_for_update=True)
    if check is None or check.state != CheckState.ARRIVING:
        raise Conflict(ROSTERS.busy)  # the same person brought another one meanwhile
    return check


def _part(check_id: int, piece: FilePiece) -> RosterPart:
    name, number, sealed = piece
    return RosterPart(check_id=check_id, name=name, number=number, sealed=sealed)


def plan_again(*, batch_ref: str, ref: str, terms: RosterTerms, now: datetime, actor: str) -> None:
    """Have a kept roster be spread anew, under other terms.

    Raise NotFound("roster.draft_gone"), Conflict("roster.under_way") while a job is at it.
    """
    with unit_of_work() as session:
        check = BROUGHT.idle(session, batch_ref, ref, actor=actor)
        before = terms_of(check.asked)
        roster_terms = replace(terms, locale=before.locale, sitting=before.sitting, hands=before.hands)
        BROUGHT.wait_again(session, batch_ref, check, written(roster_terms), now=now)


def read_again(*, batch_ref: str, ref: str, hands: Hands, now: datetime, actor: str) -> None:
    """Have a kept roster be read with what is said of its columns; raise as `plan_again` does."""
    with unit_of_work() as session:
        check = BROUGHT.idle(session, batch_ref, ref, actor=actor)
        before = terms_of(check.asked)
        keep_hands(session, hands, subject=f"batch:{batch_ref}", now=now, actor=actor)
        terms = replace(before, hands={**before.hands, **hands})
        BROUGHT.wait_again(session, batch_ref, check, written(terms), now=now)


def confirm(*, batch_ref: str, ref: str, partial: bool, now: datetime, actor: str) -> None:
    """Have what was looked at be imported; the first of two who confirm does.

    Raise InvalidInput("roster.refused") for the whole of a file with errors, Conflict("roster.nothing") when
    nothing is new or changed, ("roster.changed") when rooms, times or seats are not as they were,
    ("roster.under_way"), NotFound("roster.draft_gone").
    """
    with unit_of_work() as session:
        check = BROUGHT.idle(session, batch_ref, ref, actor=actor)
        if check.state != CheckState.READY:
            raise Conflict(ROSTERS.busy)
        summary = BROUGHT.summary_of(session, check)
        if summary.stops and not partial:
            raise InvalidInput("roster.refused", count=summary.stops)
        if not summary.papers and not summary.changed and not summary.renewed:
            raise Conflict("roster.nothing")
        terms = terms_of(check.asked)
        target = target_of(session, batch_ref=batch_ref, sitting_ref=terms.sitting)
        if seen_of(session, check.batch_id, only=target.only) != summary.seen:
            raise Conflict("roster.changed")
        terms = replace(terms, partial=partial)
        BROUGHT.wait_to_be_stored(session, batch_ref, check, written(terms), total=summary.people, now=now)
        check.begun = True
