"""Storing a run, and taking one back, little by little: nobody's save waits for long."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.bank import steps
from cbt.bank.imports.outcome import ImportedItem
from cbt.bank.imports.parcels import Words, chunks, parcel_of, words_for
from cbt.bank.imports.storing import (
    Bringing,
    begin_run,
    check_revision,
    finish_run,
    forget_some,
    keep_media,
    release_some,
    still_to_release,
)
from cbt.bank.imports.undo import TakenBack, Undone, undo_some
from cbt.bank.models import ImportRun, RunState
from cbt.db.pieces import pieces_of
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.db.writing.parcels import put_down, put_down_in
from cbt.errors import Conflict, Unavailable
from cbt.rules.states.item import ItemState

TOGETHER = 30
"""Up to so many items are stored in one unit of work."""
TRIES = 5
"""A parcel that was not put down, or of which nobody knows, is worked out so often."""
NONE_UNDONE = Undone(0, 0, 0)


def store_run(
    what: Bringing,
    entries: Sequence[ImportedItem],
    *,
    now: datetime,
    tell: Callable[[int, int], None],
) -> str:
    """Store `entries` as one run and return its ref, "" when there is nothing to store.

    A large one is stored a few items at a time, so that others write between; one that fails is taken back
    whole, and nothing of it was drawn. Raises as `check_revision`, `begin_run`, `parcel_of` and `finish_run` do.
    """
    check_revision(what)
    keep_media(what.media, now=now, actor=what.actor)
    laid = [] if what.taxonomy is None else steps.lay_points(what.bank_ref, what.taxonomy.points)
    try:
        return _store_all(what, entries, now=now, tell=tell)
    except BaseException:
        steps.take_up_points(what.bank_ref, laid)
        raise


def _store_all(
    what: Bringing, entries: Sequence[ImportedItem], *, now: datetime, tell: Callable[[int, int], None]
) -> str:
    if len(entries) <= TOGETHER:
        words = words_for(entries)
        with unit_of_work() as session:
            if not entries:
                return _save_table(session, what, now=now)
            return _store_together(session, what, entries, words=words, now=now)
    with unit_of_work() as session:
        run = begin_run(session, what, now=now, goes_on=True)
        run_id, ref = run.id, run.ref
    if what.taxonomy is not None:
        steps.lay_points(what.bank_ref, what.taxonomy.points)  # of a bank that was new
    go_on(run_id, what, entries, now=now, tell=tell)
    return ref


def _store_together(
    session: Session, what: Bringing, entries: Sequence[ImportedItem], *, words: Words, now: datetime
) -> str:
    run = begin_run(session, what, now=now)
    for some in chunks(entries):
        if not put_down_in(session, *parcel_of(session, run.id, some, what, words=words, now=now)):
            raise Conflict("bank.changed_meanwhile", ref=what.bank_ref)
    if what.state is ItemState.REVIEWED:
        release_some(session, run.id, still_to_release(session, run.id))
    finish_run(session, run, what, now=now)
    return run.ref


def _save_table(session: Session, what: Bringing, *, now: datetime) -> str:
    if what.taxonomy is not None:
        steps.save_taxonomy(session, what.bank_ref, what.taxonomy, now=now, actor=what.actor)
    return ""


def at_once(work: Callable[[], None]) -> None:
    """Do some work."""
    work()


def go_on(
    run_id: int,
    what: Bringing,
    entries: Sequence[ImportedItem],
    *,
    now: datetime,
    tell: Callable[[int, int], None],
    words: Callable[[Sequence[ImportedItem]], Words] = words_for,
    in_front: Callable[[Callable[[], None]], None] = at_once,
) -> None:
    """Store what a run lacks yet, and finish it; take it back whole when that fails.

    `words` says what items are found by, "" for what is worked out later; `in_front` does a unit of work.
    """
    try:
        done = 0
        for some in chunks(entries):
            tell(done, len(entries))
            store_some(run_id, some, what, words=words(some), now=now)
            done += len(some)
        tell(done, len(entries))
        if what.state is ItemState.REVIEWED:
            _release_all(run_id, in_front)
        in_front(lambda: _finish(run_id, what, now=now))
    except BaseException as error:
        because = type(error).__name__
        in_front(lambda: break_off(run_id, what.bank_ref, because=because, now=now, actor=what.actor))
        raise


def _release_all(run_id: int, in_front: Callable[[Callable[[], None]], None]) -> None:
    def release(some: Sequence[int]) -> None:
        with unit_of_work() as session:
            release_some(session, run_id, some)

    with reading() as session:
        waiting = still_to_release(session, run_id)
    for piece in pieces_of(waiting):
        in_front(partial(release, piece))


def _finish(run_id: int, what: Bringing, *, now: datetime) -> None:
    with unit_of_work() as session:
        finish_run(session, session.get_one(ImportRun, run_id), what, now=now)


def store_some(
    run_id: int, entries: Sequence[ImportedItem], what: Bringing, *, words: Words, now: datetime
) -> None:
    """Store some items of a run, or find that they are.

    Raises Conflict("bank.changed_meanwhile") when somebody else writes them, Unavailable("db.write") when nothing
    can be written.
    """
    for attempt in range(1, TRIES + 1):
        with reading() as session:
            rows = parcel_of(session, run_id, entries, what, words=words, now=now)
        try:
            if not rows or put_down(*rows):
                return
        except Unavailable:  # it is there, or it is not: what is read next says so
            if attempt == TRIES:
                raise
    raise Conflict("bank.changed_meanwhile", ref=what.bank_ref)


def break_off(run_id: int, bank_ref: str, *, because: str, now: datetime, actor: str) -> None:
    """Take back all that an unfinished run has stored; nothing of it was ever drawn."""
    while _forget_some(run_id):
        pass
    done = undo_all(run_id, now=now, actor=actor)
    with unit_of_work() as session:
        run = session.get_one(ImportRun, run_id)
        run.state, run.undone_at = RunState.BROKEN, now
        chain.record(
            session,
            at=now,
            actor=actor,
            act="bank.import_broken",
            subject=f"item_bank:{bank_ref}",
            after={"run": run.ref, "error": because, "withdrawn": done.withdrawn, "returned": done.returned},
        )


def _forget_some(run_id: int) -> bool:
    with reading() as session:
        rows = forget_some(session, run_id)
    if rows:
        put_down(*rows, tries=TRIES)
    return bool(rows)


def undo_all(run_id: int, *, now: datetime, actor: str) -> Undone:
    """Take back what a run brought, some items after the other; what was changed meanwhile is looked at again."""
    done, after = NONE_UNDONE, 0
    while some := _undo_some(run_id, after, now=now, actor=actor):
        done += some.does
        after = some.last
    return done


def _undo_some(run_id: int, after: int, *, now: datetime, actor: str) -> TakenBack | None:
    for _ in range(TRIES):
        with reading() as session:
            run = session.get_one(ImportRun, run_id)
            some = undo_some(session, run, after=after, now=now, actor=actor)
        if not some.rows or put_down(*some.rows):
            return some if some.last else None
    raise Conflict("bank.changed_meanwhile", ref=run.ref)
