"""Use cases of a brought roster: keep it for its check, say how it is spread, have it imported, forget it."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.batches.roster import findings
from cbt.batches.roster.models import FILE, ROSTERS, RosterCheck, RosterPart
from cbt.batches.roster.plan import RosterTerms, seen_of, terms_of, written
from cbt.batches.roster.process import be_taken_back, storable_of
from cbt.batches.roster.roster_import import target_of
from cbt.candidates.roster.column_mapping import Hands, keep_hands
from cbt.errors import Conflict, InvalidInput
from cbt.sittings.store import batch_by_ref
from cbt.spreadsheets.check_process import CheckStarter
from cbt.spreadsheets.file_checks import CheckState, FilePiece, cut
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import pieces_of, reading, unit_of_work

LIFE = timedelta(days=14)
"""A brought roster is kept so long: until its sittings are planned. It is sealed as the numbers in it will be."""
ARRIVES_WITHIN = timedelta(hours=1)
"""One of which not every part is there after so long was stopped on its way."""
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
        batch_id = target.batch.id
        _refuse_busy(session, batch_id, actor)
        check = RosterCheck(
            ref=new_ref("rd"),
            batch_id=batch_id,
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
        _refuse_busy(session, batch_id, actor)
        _forget_former(session, batch_id, actor, now=now, but=check_id)
        _arriving(session, check_id).state = CheckState.WAITING
        session.add(_part(check_id, head))
    return ref


def _refuse_busy(session: Session, batch_id: int, actor: str) -> None:
    own = (RosterCheck.batch_id == batch_id) & (RosterCheck.actor == actor)
    if any(map(_busy, session.scalars(select(RosterCheck).where(own)))):
        raise Conflict(ROSTERS.busy)


def _arriving(session: Session, check_id: int) -> RosterCheck:
    check = session.get(RosterCheck, check_id, with_for_update=True)
    if check is None or check.state != CheckState.ARRIVING:
        raise Conflict(ROSTERS.busy)  # the same person brought another one meanwhile
    return check


def _part(check_id: int, piece: FilePiece) -> RosterPart:
    name, number, sealed = piece
    return RosterPart(check_id=check_id, name=name, number=number, sealed=sealed)


def _forget_former(session: Session, batch_id: int, actor: str, *, now: datetime, but: int) -> None:
    own = (RosterCheck.batch_id == batch_id) & (RosterCheck.actor == actor)
    left = (RosterCheck.state == CheckState.ARRIVING) & (RosterCheck.at < now - ARRIVES_WITHIN)
    old = (RosterCheck.at < now - LIFE) | left
    found = session.scalars(select(RosterCheck).where(own | old, RosterCheck.id != but)).all()
    ROSTERS.forget(session, [check.id for check in found if not _busy(check)])


def _busy(check: RosterCheck) -> bool:
    return check.state == CheckState.IMPORTING or check.begun


def plan_again(*, batch_ref: str, ref: str, terms: RosterTerms, actor: str) -> None:
    """Have a kept roster be spread anew, under other terms.

    Raise NotFound("roster.draft_gone"), Conflict("roster.under_way") while a process is at it.
    """
    with unit_of_work() as session:
        check = _idle(session, batch_ref, ref, actor)
        before = terms_of(check.asked)
        asked = replace(terms, locale=before.locale, sitting=before.sitting, hands=before.hands)
        ROSTERS.wait_again(session, check, written(asked))


def read_again(*, batch_ref: str, ref: str, hands: Hands, now: datetime, actor: str) -> None:
    """Have a kept roster be read with what is said of its columns; raise as `plan_again` does."""
    with unit_of_work() as session:
        check = _idle(session, batch_ref, ref, actor)
        before = terms_of(check.asked)
        keep_hands(session, hands, subject=f"batch:{batch_ref}", now=now, actor=actor)
        ROSTERS.wait_again(session, check, written(replace(before, hands={**before.hands, **hands})))


def _idle(session: Session, batch_ref: str, ref: str, actor: str) -> RosterCheck:
    check = findings.check_of(session, batch_by_ref(session, batch_ref).id, ref, actor=actor)
    if check.begun:
        raise Conflict(ROSTERS.busy)
    return check


def confirm(*, batch_ref: str, ref: str, partial: bool, actor: str) -> None:
    """Have what was looked at be imported; the first of two who confirm does.

    Raise InvalidInput("roster.refused") for the whole of a file with errors, Conflict("roster.nothing") when
    nothing is new or changed, ("roster.changed") when rooms, times or seats are not as they were,
    ("roster.under_way"), NotFound("roster.draft_gone").
    """
    with unit_of_work() as session:
        check = _idle(session, batch_ref, ref, actor)
        if check.state != CheckState.READY:
            raise Conflict(ROSTERS.busy)
        found = findings.summary_of(session, check)
        if found.stops and not partial:
            raise InvalidInput("roster.refused", count=found.stops)
        if not found.papers and not found.changed and not found.renewed:
            raise Conflict("roster.nothing")
        asked = terms_of(check.asked)
        target = target_of(session, batch_ref=batch_ref, sitting_ref=asked.sitting)
        if seen_of(session, check.batch_id, only=target.only) != found.seen:
            raise Conflict("roster.changed")
        asked = replace(asked, partial=partial)
        ROSTERS.wait_to_be_stored(session, check, written(asked), total=found.people)
        check.begun = True


def try_again(*, batch_ref: str, ref: str, actor: str) -> None:
    """Have a check that came to nothing be made again, or an import that stopped go on.

    Raise NotFound("roster.draft_gone"), Conflict("roster.under_way").
    """
    with unit_of_work() as session:
        check = findings.check_of(session, batch_by_ref(session, batch_ref).id, ref, actor=actor)
        if check.begun:
            ROSTERS.go_on_again(session, check)
        else:
            ROSTERS.wait_again(session, check, check.asked)


def cancel(*, batch_ref: str, ref: str, actor: str) -> None:
    """Forget a kept roster, and take back what an import of it that stopped has stored.

    A second call changes nothing. Raise Conflict("roster.under_way") while a process stores it.
    """
    with reading() as session:
        check = findings.find_check(session, batch_by_ref(session, batch_ref).id, ref, actor=actor)
        if check is None:
            return
        if check.state == CheckState.IMPORTING:
            raise Conflict(ROSTERS.busy)
        what = storable_of(session, check) if check.begun else None
    if what is not None:
        be_taken_back(check, what)
    with unit_of_work() as session:
        ROSTERS.forget(session, [check.id])


_starter = CheckStarter(ROSTERS)


def start_rosters(*, now: datetime) -> None:
    """Begin the rosters that wait."""
    _starter.tick(now=now)
