"""Storing a run, and taking one back, a unit of work after the other: nobody's save waits for long."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import islice

from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.bank import steps
from cbt.bank.imports.outcome import ImportedItem
from cbt.bank.imports.storing import (
    CHUNK,
    Bringing,
    Words,
    begin_run,
    check_revision,
    finish_run,
    forget_some,
    store_chunk,
    words_for,
)
from cbt.bank.imports.undo import Undone, undo_some
from cbt.bank.models import ImportRun, RunState
from cbt.db.unit_of_work import unit_of_work

TOGETHER = 1000
"""Up to so many items are stored in one unit of work."""
NONE_UNDONE = Undone(0, 0, 0)


def store_run(
    what: Bringing,
    entries: Sequence[ImportedItem],
    *,
    now: datetime,
    tell: Callable[[int, int], None],
) -> str:
    """Store `entries` as one run and return its ref, "" when there is nothing to store.

    A large one is stored a few hundred items at a time, so that others write between; one that fails is taken back
    whole, and nothing of it was drawn. Raises as `begin_run`, `store_chunk` and `finish_run` do.
    """
    if len(entries) <= TOGETHER:
        words = words_for(entries)
        with unit_of_work() as session:
            if not entries:
                return _save_table(session, what, now=now)
            return _store_together(session, what, entries, words=words, now=now)
    with unit_of_work() as session:
        run = begin_run(session, what, now=now)
        run_id, ref = run.id, run.ref
    go_on(run_id, what, entries, now=now, tell=tell)
    return ref


def _store_together(
    session: Session, what: Bringing, entries: Sequence[ImportedItem], *, words: Words, now: datetime
) -> str:
    run = begin_run(session, what, now=now)
    for some in chunks(entries):
        store_chunk(session, run, some, what, words=words, now=now)
    finish_run(session, run, what, now=now)
    return run.ref


def _save_table(session: Session, what: Bringing, *, now: datetime) -> str:
    check_revision(session, what)
    if what.taxonomy is not None:
        steps.save_taxonomy(session, what.bank_ref, what.taxonomy, now=now, actor=what.actor)
    return ""


def chunks(entries: Iterable[ImportedItem]) -> Iterable[list[ImportedItem]]:
    """Yield the entries a few hundred at a time."""
    rest = iter(entries)
    while some := list(islice(rest, CHUNK)):
        yield some


def go_on(
    run_id: int,
    what: Bringing,
    entries: Sequence[ImportedItem],
    *,
    now: datetime,
    tell: Callable[[int, int], None],
    words: Callable[[Sequence[ImportedItem]], Words] = words_for,
) -> None:
    """Store what a run lacks yet, and finish it; take it back whole when that fails.

    `words` says what items are found by, "" for what is worked out later.
    """
    try:
        done = 0
        for some in chunks(entries):
            tell(done, len(entries))
            known = words(some)
            with unit_of_work() as session:
                store_chunk(session, session.get_one(ImportRun, run_id), some, what, words=known, now=now)
            done += len(some)
        tell(done, len(entries))
        with unit_of_work() as session:
            finish_run(session, session.get_one(ImportRun, run_id), what, now=now)
    except BaseException as error:
        break_off(run_id, what.bank_ref, because=type(error).__name__, now=now, actor=what.actor)
        raise


def break_off(run_id: int, bank_ref: str, *, because: str, now: datetime, actor: str) -> None:
    """Take back all that an unfinished run has stored; nothing of it was ever drawn."""
    more = True
    while more:
        with unit_of_work() as session:
            more = forget_some(session, session.get_one(ImportRun, run_id))
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


def undo_all(run_id: int, *, now: datetime, actor: str) -> Undone:
    done, after = NONE_UNDONE, 0
    while True:
        with unit_of_work() as session:
            run = session.get_one(ImportRun, run_id)
            some, after = undo_some(session, run, after=after, now=now, actor=actor)
        done += some
        if not after:
            return done
