"""Storing a roster little by little: nobody's save waits for long, and it is there as a whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.batches.roster.entering.entries import PersonEntry, RenewedNumber, Storable
from cbt.batches.roster.entering.parcels import READ_AHEAD, RosterRun, chunks, no_parcel_of, parcels_of
from cbt.batches.roster.planning.known import some_of
from cbt.batches.roster.planning.renewing import renew
from cbt.batches.roster.planning.values import RowChange
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.candidates.reprinting import to_print_again
from cbt.db.pieces import pieces_of
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.db.writing.parcels import Rows, put_down, put_down_in
from cbt.errors import Conflict, Unavailable
from cbt.personal.fields import DETAILS

TRIES = 5
"""A parcel that was not put down, or of which nobody knows, is worked out so often."""
_PERSON = "UPDATE candidate SET {column} = ? WHERE id = ?"
_TERMS = "UPDATE registration SET {column} = ? WHERE id = ?"
Front = Callable[[Callable[[], None]], None]
Finish = Callable[[Session], None]


def store_within(session: Session, what: Storable, run: RosterRun) -> None:
    """Store everything in one unit of work; raise Conflict("roster.changed") when somebody was quicker."""
    for parcel in parcels_of(session, what.people, run):
        if not put_down_in(session, *parcel):
            raise Conflict("roster.changed")
    store_the_rest(session, what, run)


def store_in_parcels(
    what: Storable,
    run: RosterRun,
    *,
    tell: Callable[[int, int], None],
    in_front: Front,
    finish: Finish,
) -> None:
    """Store what is not stored yet, then change what is known and `finish`; take it back whole when that fails."""
    try:
        done, total = 0, len(what.people)
        for some in chunks(what.people, READ_AHEAD):
            _store_some(some, run, partial(tell, done, total))
            done += len(some)
        tell(total, total)
        _change(what, run, in_front)
        in_front(lambda: _end(finish))
    except BaseException:
        in_front(lambda: take_back(what, run))
        raise


def _change(what: Storable, run: RosterRun, in_front: Front) -> None:
    """Change what is known already, some of it at a time: what a file says is the same when it is said again."""

    def within(change: Callable[[Session], object]) -> None:
        with unit_of_work() as session:
            change(session)

    for renewed in pieces_of(what.renewed):
        in_front(partial(within, partial(_renew_all, renewed=renewed)))
    for changes in pieces_of(what.changes):
        in_front(partial(within, partial(_change_all, changes=changes)))
    with reading() as session:
        tickets = _tickets(session, what, run)
    for some in pieces_of(tickets):
        in_front(
            partial(
                within,
                partial(to_print_again, ticket_ids=some, reason="papers", now=run.at),
            )
        )


def _end(finish: Finish) -> None:
    with unit_of_work() as session:
        finish(session)


def _store_some(some: list[PersonEntry], run: RosterRun, rest: Callable[[], None]) -> None:
    for attempt in range(1, TRIES + 1):
        with reading() as session:
            parcels = parcels_of(session, some, run)
        try:
            if all(_put_down(parcel, rest) for parcel in parcels):
                return
        except Unavailable:  # it is there, or it is not: what is read next says so
            if attempt == TRIES:
                raise
        run.numbers.forget()
    raise Conflict("roster.changed")


def _put_down(parcel: list[Rows], rest: Callable[[], None]) -> bool:
    rest()
    return put_down(*parcel)


def take_back(what: Storable, run: RosterRun) -> None:
    """Take back what of a roster is stored; a second call changes nothing."""
    for some in chunks(what.people):
        put_down(*no_parcel_of(some, run), tries=TRIES)


def store_the_rest(session: Session, what: Storable, run: RosterRun) -> None:
    """Change what is known already, seal lost numbers anew, and have printed tickets be printed again."""
    _renew_all(session, renewed=what.renewed)
    _change_all(session, changes=what.changes)
    to_print_again(session, _tickets(session, what, run), "papers", now=run.at)


def _renew_all(session: Session, *, renewed: Sequence[RenewedNumber]) -> None:
    for one in renewed:
        _renew(session, one)


def _change_all(session: Session, *, changes: Sequence[RowChange]) -> None:
    for table, values in ((_PERSON, _persons(changes)), (_TERMS, _papers(changes))):
        for column, rows in values.items():
            put_down_in(session, Rows(table.format(column=column), rows))


def _renew(session: Session, one: RenewedNumber) -> None:
    renew(session.get_one(Candidate, one.candidate_id), one)


def _persons(changes: Sequence[RowChange]) -> dict[str, list[tuple[object, ...]]]:
    found: dict[str, list[tuple[object, ...]]] = {}
    for one in changes:
        for name, value in one.person.items():
            detail = DETAILS[name]
            found.setdefault(detail.column, []).append((detail.stored(value), one.candidate_id))
    return found


def _papers(changes: Sequence[RowChange]) -> dict[str, list[tuple[object, ...]]]:
    found: dict[str, list[tuple[object, ...]]] = {}
    for one in changes:
        for column, value in one.terms.items():
            stored = int(value) if column == "extra" else value
            found.setdefault(column, []).append((stored, one.registration_id))
    return found


def _tickets(session: Session, what: Storable, run: RosterRun) -> list[int]:
    """Return the tickets that were printed before one of these papers came to them."""
    query = (
        select(AdmissionTicket.id)
        .join(Registration, Registration.ticket_id == AdmissionTicket.id)
        .where(AdmissionTicket.batch_id == run.batch_id, AdmissionTicket.printed_at.is_not(None))
    )
    refs = [paper.ref for one in what.people for paper in one.papers]
    return [
        ticket
        for some in some_of(refs)
        for ticket in session.scalars(query.where(Registration.ref.in_(some)))
    ]
