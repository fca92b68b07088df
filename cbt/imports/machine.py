"""The one machine of imports: a file is kept, checked apart, looked at, confirmed, stored in pieces, or taken back.

    kept      whole and sealed, for who brought it; a former one of theirs for the same owner goes, and old ones
    checked   by a process of its own, which has a confined child read the file: what is found is kept in pieces of
              fifty lines, each sealed, and copies with the findings marked follow
    looked at pages open the summary and the lines they show, never the whole
    confirmed by the first of two who do; what was looked at must still be so
    stored    a few rows at a time, so that saves of a hall come between; one that stops goes on, or is taken back
    forgotten with all that was found once it is stored, given up, or old

A room that imports has a class of this: what its file says (`examine`, `pieces`, `copies`), what becomes of a
confirmed row (`store`), and what was stored of one that stopped (`half`, `take_back`). An import that was whole is
undone by the room, where it can be: a bank's by its run. What people wait for is a `DirectImport`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from cbt.errors import Conflict, NotFound, Unavailable
from cbt.spreadsheets import check_process
from cbt.spreadsheets.check_process import (
    Beat,
    Beating,
    CheckStarter,
    Clock,
    Unwanted,
    keep_copy,
    put_pieces_away,
    put_pieces_down,
)
from cbt.spreadsheets.file_checks import WORKING, CheckState, FileCheck, FileChecks, FilePiece, blocks
from cbt.storage.unit_of_work import reading, unit_of_work

SUMMARY, FINDINGS, MARKED = "summary", "finding", "marked"
"""Pieces that every kind has: what was found as a whole, the findings, a copy of each file with them marked."""
ARRIVES_WITHIN = timedelta(hours=1)
"""A file of which not every part is there after so long was stopped on its way."""
_SETTLED = (CheckState.ARRIVING, CheckState.DONE, CheckState.GONE)
C = TypeVar("C", bound=FileCheck)
S = TypeVar("S")
E = TypeVar("E")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportStanding:
    """How far an import is; `error` is the code of what it came to, `half` whether some of it is stored."""

    ref: str
    file_name: str
    actor: str
    state: CheckState
    done: int
    total: int
    error: str
    params: str
    half: bool
    at: datetime
    before: int
    """How many files of others are waited for."""

    @property
    def working(self) -> bool:
        return self.state in WORKING

    @property
    def storing(self) -> bool:
        """Whether it was confirmed."""
        return self.half or self.state is CheckState.IMPORTING


class ImportKind(ABC, Generic[C, S, E]):
    """One kind: C is the row of a check, S what a check found as a whole, E what a file was examined to."""

    checks: ClassVar[FileChecks[Any]]
    owner: ClassVar[str]
    """The column of what a file is for: of a bank, of a batch."""
    summary: ClassVar[type[Any]]
    life: ClassVar[timedelta]
    """A file that nobody confirms is kept so long."""

    @abstractmethod
    def owner_id(self, session: Session, owner_ref: str) -> int:
        """Return the key of what a file is for; raise NotFound."""

    @abstractmethod
    def half(self, check: C) -> bool:
        """Return whether an import was begun that neither came to its end nor was taken back."""

    def under_way(self, owner_ref: str) -> Conflict:
        """Return the refusal while a file is being stored."""
        return Conflict(self.checks.busy)

    # What the file says, and what becomes of it: in the process of a check.

    @abstractmethod
    def examine(self, check: C, beat: Beat) -> E:
        """Read the kept file in a confined child, and find what storing it would do; tell how far that is."""

    @abstractmethod
    def pieces(self, examined: E) -> Iterator[FilePiece]:
        """Yield what is kept of it: lists of lines, the summary last."""

    def settle(self, check: C, examined: E) -> None:
        """Keep what the pages of a check show beside its pieces."""

    def copies(self, examined: E) -> Iterable[FilePiece]:
        """Yield the copies of its files in which the findings are marked."""
        return ()

    @abstractmethod
    def store(self, check: C, beat: Beat, now: datetime) -> None:
        """Store what was confirmed, or go on with it, in pieces that `beat` is told of; end the check.

        Raise what keeps it out: nothing of it stays.
        """

    # What is forgotten with a file.

    def take_back(self, check: C) -> None:
        """Take back what an import that stopped has stored, before it is forgotten; a repeat changes nothing."""

    def forgotten(self, session: Session, ref: str, actor: str) -> None:
        """Forget what is kept of a file elsewhere."""

    # The use cases that all kinds share.

    def find(self, session: Session, owner_ref: str, ref: str, *, actor: str) -> C | None:
        """Return a person's own check, None for none, or for somebody else's."""
        rows = self.checks.rows
        own = select(rows).where(rows.ref == ref, rows.actor == actor)
        where: C | None = session.scalar(own.where(self._of(self.owner_id(session, owner_ref))))
        return where

    def own(self, session: Session, owner_ref: str, ref: str, *, actor: str) -> C:
        """Return a person's own check; raise NotFound(gone)."""
        find = self.find(session, owner_ref, ref, actor=actor)
        if find is None:
            raise NotFound(self.checks.gone)
        return find

    def idle(self, session: Session, owner_ref: str, ref: str, *, actor: str) -> C:
        """Return a person's own check of which nothing is stored; raise as `own` does, and `under_way`."""
        check = self.own(session, owner_ref, ref, actor=actor)
        if self.half(check):
            raise self.under_way(owner_ref)
        return check

    def waiting(self, session: Session, owner_id: int) -> Sequence[C]:
        """Return what was brought for an owner and is not stored, the latest first."""
        rows = self.checks.rows
        query = select(rows).where(self._of(owner_id), rows.state.not_in(_SETTLED))
        waiting: Sequence[C] = session.scalars(query.order_by(rows.at.desc())).all()
        return waiting

    def refuse_busy(self, session: Session, owner_ref: str, actor: str) -> None:
        """Raise `under_way` while this person's former file for the owner is being stored."""
        own = self._of(self.owner_id(session, owner_ref))
        where = session.scalars(select(self.checks.rows).where(own, self.checks.rows.actor == actor))
        if any(map(self._busy, where)):
            raise self.under_way(owner_ref)

    def forget_former(
        self, session: Session, owner_ref: str, actor: str, *, now: datetime, but: int = 0
    ) -> None:
        """Forget this person's former file for the owner, and everybody's old ones; raise as `refuse_busy` does."""
        self.refuse_busy(session, owner_ref, actor)
        rows = self.checks.rows
        own = self._of(self.owner_id(session, owner_ref)) & (rows.actor == actor)
        left = (rows.state == CheckState.ARRIVING) & (rows.at < now - ARRIVES_WITHIN)
        old = (rows.at < now - self.life) | left
        found = session.scalars(select(rows).where(own | old, rows.id != but)).all()
        self.checks.forget(session, [check.id for check in found if not self._busy(check)])

    def _of(self, owner_id: int) -> ColumnElement[bool]:
        column: InstrumentedAttribute[int] = getattr(self.checks.rows, self.owner)
        return column == owner_id

    def _busy(self, check: C) -> bool:
        return check.state == CheckState.IMPORTING or self.half(check)

    def summary_of(self, session: Session, check: C) -> S:
        """Return what a check found as a whole; raise NotFound when it was sealed under a key that was lost."""
        try:
            opened: S = self.checks.opened(self.checks.part(session, check, SUMMARY), self.summary)
        except Unavailable as error:
            raise NotFound(self.checks.gone) from error
        return opened

    def copy_of(self, session: Session, check: C, number: int = 0) -> bytes:
        """Return the marked copy of a file; raise NotFound(gone)."""
        return self.checks.opened(self.checks.part(session, check, MARKED, number), bytes)

    def standing(self, session: Session, check: C) -> dict[str, Any]:
        """Return the fields of an `ImportStanding`."""
        ahead: list[C] = []
        if check.state in WORKING and check.beat_at is None:
            ahead = [other for other in self.checks.at_work(session) if other.id < check.id]
        return {
            "ref": check.ref,
            "file_name": check.file_name,
            "actor": check.actor,
            "state": CheckState(check.state),
            "done": check.done,
            "total": check.total,
            "error": check.error,
            "params": check.params,
            "half": self.half(check),
            "at": check.at,
            "before": len(ahead),
        }

    def try_again(self, owner_ref: str, ref: str, *, actor: str) -> None:
        """Have a check that came to nothing be made again, or an import that stopped go on.

        Raise NotFound(gone), Conflict(busy).
        """
        with unit_of_work() as session:
            check = self.own(session, owner_ref, ref, actor=actor)
            if self.half(check):
                self.checks.go_on_again(session, check)
            else:
                self.checks.wait_again(session, check, check.asked)

    def cancel(self, owner_ref: str, ref: str, *, actor: str) -> C | None:
        """Forget a kept file, and take back what an import that stopped has stored; return its check as it was.

        A second call changes nothing. Raise `under_way` while a process stores it.
        """
        with reading() as session:
            check = self.find(session, owner_ref, ref, actor=actor)
            if check is not None and check.state == CheckState.IMPORTING:
                raise self.under_way(owner_ref)
        if check is not None and self.half(check):
            self.take_back(check)
        with unit_of_work() as session:
            again = self.find(session, owner_ref, ref, actor=actor)
            if again is not None and again.state == CheckState.IMPORTING:
                raise self.under_way(owner_ref)
            if again is not None:
                self.checks.forget(session, [again.id])
            self.forgotten(session, ref, actor)
        return check

    # The process of a check.

    def work_on(self, ref: str, *, clock: Clock, beat: Beating = Beat) -> bool:
        """Do what check `ref` waits for; return whether it came to its end well."""
        return check_process.work_on(
            self.checks, ref, clock=clock, beat=beat, review=self._review, store=self.store
        )

    def _review(self, check: C, beat: Beat) -> None:
        examined = self.examine(check, beat)
        put_pieces_down(self.checks, check.id, self.pieces(examined))
        beat.check()
        beat.in_front(partial(self._be_ready, check, examined))
        for copy in self.copies(examined):
            if not keep_copy(self.checks, check.id, copy, beat):
                return

    def _be_ready(self, check: C, examined: E) -> None:
        self.settle(check, examined)
        with unit_of_work() as session:
            if not self.checks.end(session, check.ref, CheckState.READY):
                raise Unwanted

    def lines(self, name: str, lines: Sequence[object]) -> Iterator[FilePiece]:
        """Yield the pieces of a list of lines."""
        for number, some in blocks(lines):
            yield name, number, self.checks.sealed(some)

    def put_away(self, check: C, beat: Beat) -> None:
        """Delete the pieces of a check that is done, a few at a time."""
        with reading() as session:
            ids = self.checks.part_ids(session, check.id)
        put_pieces_away(self.checks, ids, beat)

    def starter(self) -> CheckStarter:
        """Return what begins a process for each check that waits."""
        return CheckStarter(self.checks)
