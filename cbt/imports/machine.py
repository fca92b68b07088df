"""The one machine of imports: a file is kept, checked apart, looked at, confirmed, stored in pieces, or taken back.

    kept      whole and sealed, for who brought it; a former one of theirs for the same owner goes, and old ones
    checked   by a job, which has a confined child read the file: what is found is kept in pieces of fifty lines,
              each sealed, and copies with the findings marked follow
    looked at pages open the summary and the lines they show, never the whole
    confirmed by the first of two who do; what was looked at must still be so
    stored    by a job, a few rows at a time, so that saves of a hall come between; one that stops goes on, or is
              taken back
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
from functools import cached_property, partial
from itertools import chain
from typing import Any, ClassVar, Generic, TypeVar

import flask
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from cbt.errors import CbtError, Conflict, NotFound, Unavailable
from cbt.http.app_context import path_of
from cbt.jobs import queue
from cbt.jobs.models import Job, JobState
from cbt.jobs.registry import JobKind, JobResult, Work
from cbt.rules.roles import Role
from cbt.spreadsheets.file_checks import (
    WORKING,
    CheckState,
    FileCheck,
    FileChecks,
    FilePart,
    FilePiece,
    blocks,
    cut,
)
from cbt.storage.unit_of_work import pieces_of, put_down_joined, reading, unit_of_work

SUMMARY, FINDINGS, MARKED = "summary", "finding", "marked"
"""Pieces that every kind has: what was found as a whole, the findings, a copy of each file with them marked."""
ARRIVES_WITHIN = timedelta(hours=1)
"""A file of which not every part is there after so long was stopped on its way."""
PARCEL_BYTES = 48 * 1024
"""Of the pieces that are put down together; a larger one is put down alone."""
PARTS_AT_ONCE = 4
"""So many pieces of a check are deleted together."""
TRIES = 5
"""A parcel that was not put down, or of which nobody knows, is put down so often."""
_SETTLED = (CheckState.ARRIVING, CheckState.DONE, CheckState.GONE)
C = TypeVar("C", bound=FileCheck)
S = TypeVar("S")
E = TypeVar("E")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportStanding:
    """How far an import is; `error` is why it came to nothing, `half` whether some of it may be stored."""

    ref: str
    file_name: str
    actor: str
    state: CheckState
    done: int
    total: int
    error: CbtError | None
    half: bool
    at: datetime
    before: int
    """How many other files are waited for."""

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
    code: ClassVar[str]
    """Begins the codes of its jobs."""
    roles: ClassVar[frozenset[Role]]
    """Who brings files of this kind."""
    owner: ClassVar[str]
    """The column of what a file is for: of a bank, of a batch."""
    subject: ClassVar[str]
    """What the log calls what a file is for."""
    page: ClassVar[tuple[str, str]]
    """The endpoint of the page of a file, and the parameter of its address that names the file."""
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

    # What the file says, and what becomes of it: in a job.

    @abstractmethod
    def examine(self, check: C, work: Work) -> E:
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
    def store(self, check: C, work: Work) -> None:
        """Store what was confirmed, or go on with it, in pieces that `work` is told of; end the check.

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
        if any(self._busy(session, check) for check in where):
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
        self._forget(session, [check for check in found if not self._busy(session, check)], now=now)

    def _forget(self, session: Session, checks: Sequence[C], *, now: datetime) -> None:
        queue.stop(session, [check.job_ref for check in checks if check.job_ref], now=now)
        self.checks.forget(session, [check.id for check in checks])

    def _of(self, owner_id: int) -> ColumnElement[bool]:
        column: InstrumentedAttribute[int] = getattr(self.checks.rows, self.owner)
        return column == owner_id

    def _busy(self, session: Session, check: C) -> bool:
        return self.half(check) or self._is_storing(session, check)

    def _is_storing(self, session: Session, check: C) -> bool:
        return self._stand_of(check, _job_of(session, check)) is CheckState.IMPORTING

    def _stand_of(self, check: C, job: Job | None) -> CheckState:
        """Return how far a check is, which its job knows as long as it works on it."""
        stored = CheckState(check.state)
        if stored not in (CheckState.WAITING, CheckState.IMPORTING):
            return stored
        if job is None or not job.is_open:
            return CheckState.FAILED
        if stored is CheckState.IMPORTING or job.state == JobState.WAITING:
            return stored
        return CheckState.CHECKING if job.total else CheckState.READING

    def _error_of(self, check: C, job: Job | None) -> CbtError:
        """Return why the job of a check came to nothing."""
        if job is None or job.error == "jobs.died":
            storing = check.state == CheckState.IMPORTING
            return Conflict(self.checks.import_died if storing else self.checks.died)
        if job.state == JobState.CANCELLED:
            return Conflict("imports.cancelled")
        return Unavailable(self.checks.broken) if job.error == "jobs.broke" else queue.error_of(job)

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
        job = _job_of(session, check)
        state = self._stand_of(check, job)
        waits = job is not None and job.state == JobState.WAITING
        return {
            "ref": check.ref,
            "file_name": check.file_name,
            "actor": check.actor,
            "state": state,
            "done": job.done if job is not None else 0,
            "total": check.total or (job.total if job is not None else 0),
            "error": self._error_of(check, job) if state is CheckState.FAILED else None,
            "half": self.half(check),
            "at": check.at,
            "before": queue.count_before(session, job, self._codes) if job is not None and waits else 0,
        }

    def bring(
        self,
        owner_ref: str,
        file: FilePiece,
        *,
        ref: str,
        file_name: str,
        asked: str,
        now: datetime,
        actor: str,
    ) -> str:
        """Keep a file as a piece of its own check, part after part; have a job check it, and return its ref.

        The person's former one goes. Raise as `refuse_busy` does, and Conflict(busy) where they brought another one
        meanwhile.
        """
        *parts, head = cut(file)
        with unit_of_work() as session:
            self.refuse_busy(session, owner_ref, actor)
            owner = {self.owner: self.owner_id(session, owner_ref)}
            state = CheckState.ARRIVING
            check = self.checks.rows(
                ref=ref, actor=actor, file_name=file_name[:200], state=state, asked=asked, at=now, **owner
            )
            session.add(check)
            session.flush()
            check_id = check.id
        for some in pieces_of(parts, size=1):
            with unit_of_work() as session:
                self._arriving(session, check_id)
                session.add_all(self._part(check_id, part) for part in some)
        with unit_of_work() as session:
            self.forget_former(session, owner_ref, actor, now=now, but=check_id)
            self.wait_to_be_checked(session, owner_ref, self._arriving(session, check_id), now=now)
            session.add(self._part(check_id, head))
        return ref

    def _arriving(self, session: Session, check_id: int) -> C:
        check: C | None = session.get(self.checks.rows, check_id, with_for_update=True)
        if check is None or check.state != CheckState.ARRIVING:
            raise Conflict(self.checks.busy)  # the same person brought another one meanwhile
        return check

    def _part(self, check_id: int, part: FilePiece) -> FilePart:
        name, number, sealed = part
        made: FilePart = self.checks.pieces(check_id=check_id, name=name, number=number, sealed=sealed)
        return made

    def wait_to_be_checked(self, session: Session, owner_ref: str, check: C, *, now: datetime) -> None:
        """Have a job check a file that is there."""
        check.state = CheckState.WAITING
        check.job_ref = self._ask(session, self.check_job, owner_ref, check, now=now)

    def wait_again(self, session: Session, owner_ref: str, check: C, terms: str, *, now: datetime) -> None:
        """Have a file be read anew; raise Conflict(busy) while a job is at it."""
        if self._stand_of(check, _job_of(session, check)) not in (CheckState.READY, CheckState.FAILED):
            raise Conflict(self.checks.busy)
        self._move(
            session, owner_ref, check, self.check_job, now=now, state=CheckState.WAITING, asked=terms, total=0
        )
        self.checks.drop_parts(session, check)

    def wait_to_be_stored(
        self, session: Session, owner_ref: str, check: C, terms: str, *, total: int, now: datetime
    ) -> None:
        """Have what was looked at wait to be stored; of two who ask one is refused with Conflict(busy)."""
        if check.state != CheckState.READY:
            raise Conflict(self.checks.busy)
        storing = {"state": CheckState.IMPORTING, "asked": terms, "total": total}
        self._move(session, owner_ref, check, self.store_job, now=now, **storing)

    def _move(
        self, session: Session, owner_ref: str, check: C, kind: JobKind, *, now: datetime, **values: object
    ) -> None:
        """Have another job work on a check, as long as it is as it was read; else raise Conflict(busy)."""
        rows = self.checks.rows
        queue.stop(session, [check.job_ref], now=now)
        moved = (
            update(rows)
            .where(rows.id == check.id, rows.state == check.state, rows.job_ref == check.job_ref)
            .values(job_ref=self._ask(session, kind, owner_ref, check, now=now), **values)
            .returning(rows.id)
            .execution_options(synchronize_session=False)
        )
        if not session.execute(moved).all():
            raise Conflict(self.checks.busy)

    def _ask(self, session: Session, kind: JobKind, owner_ref: str, check: C, *, now: datetime) -> str:
        asked, subject, (endpoint, named) = {"check": check.ref}, f"{self.subject}:{owner_ref}", self.page
        page = path_of(flask.current_app, endpoint, ref=owner_ref, **{named: check.ref})
        return queue.put(session, kind, subject=subject, asked=asked, page=page, now=now, actor=check.actor)

    def try_again(self, owner_ref: str, ref: str, *, now: datetime, actor: str) -> None:
        """Have a check that came to nothing be made again, or an import that stopped go on.

        Raise NotFound(gone), Conflict(busy).
        """
        with unit_of_work() as session:
            check = self.own(session, owner_ref, ref, actor=actor)
            if not self.half(check):
                self.wait_again(session, owner_ref, check, check.asked, now=now)
            elif self._is_storing(session, check):
                raise Conflict(self.checks.busy)
            else:
                self._move(session, owner_ref, check, self.store_job, now=now)

    def cancel(self, owner_ref: str, ref: str, *, now: datetime, actor: str) -> C | None:
        """Forget a kept file, and take back what an import that stopped has stored; return its check as it was.

        A second call changes nothing. Raise `under_way` while a job stores it.
        """
        with reading() as session:
            check = self._not_storing(session, owner_ref, ref, actor)
        if check is not None and self.half(check):
            self.take_back(check)
        with unit_of_work() as session:
            again = self._not_storing(session, owner_ref, ref, actor)
            if again is not None:
                self._forget(session, [again], now=now)
            self.forgotten(session, ref, actor)
        return check

    def _not_storing(self, session: Session, owner_ref: str, ref: str, actor: str) -> C | None:
        check = self.find(session, owner_ref, ref, actor=actor)
        if check is not None and self._is_storing(session, check):
            raise self.under_way(owner_ref)
        return check

    # The jobs of a check.

    @cached_property
    def check_job(self) -> JobKind:
        """What reads a file and finds what storing it would do."""
        return JobKind(f"{self.code}.check", self.roles, self._check, is_lasting=True, is_act=False)

    @cached_property
    def store_job(self) -> JobKind:
        """What stores what was confirmed: it is gone on with, or taken back, where the file is looked at."""
        return JobKind(
            f"{self.code}.import", self.roles, self._store, can_cancel=False, can_retry=False,
            is_lasting=True, is_act=False,
        )  # fmt: skip

    @property
    def jobs(self) -> tuple[JobKind, JobKind]:
        """Its kinds of jobs."""
        return self.check_job, self.store_job

    @property
    def _codes(self) -> list[str]:
        return [kind.code for kind in self.jobs]

    def _check(self, work: Work) -> JobResult:
        check = self._wanted(work, CheckState.WAITING)
        if check is None:
            return JobResult()
        work.in_front(partial(self._drop_parts, check))  # of a worker that ended half-way
        examined = self.examine(check, work)
        self._keep(check, self.pieces(examined))
        work.in_front(partial(self._be_ready, check, examined))
        for part in chain.from_iterable(map(cut, self.copies(examined))):
            work.in_front(partial(self._keep_part, check, part))
        return JobResult()

    def _store(self, work: Work) -> JobResult:
        check = self._wanted(work, CheckState.IMPORTING)
        if check is not None:
            self.store(check, work)
        return JobResult()

    def _wanted(self, work: Work, state: CheckState) -> C | None:
        """Return the check that a job works on; None where another one does by now."""
        rows = self.checks.rows
        own = select(rows).where(rows.ref == work.asked["check"], rows.job_ref == work.ref)
        with reading() as session:
            check: C | None = session.scalar(own.where(rows.state == state))
            return check

    def _drop_parts(self, check: C) -> None:
        with unit_of_work() as session:
            self.checks.drop_parts(session, check)

    def _keep(self, check: C, pieces: Iterable[FilePiece]) -> None:
        """Put pieces down, as many together as nobody's save notices."""
        some: list[FilePiece] = []
        for piece in chain.from_iterable(map(cut, pieces)):
            if some and sum(len(body) for _name, _number, body in [*some, piece]) > PARCEL_BYTES:
                put_down_joined(self.checks.parts(check.id, some), tries=TRIES)
                some = []
            some.append(piece)
        put_down_joined(self.checks.parts(check.id, some), tries=TRIES)

    def _be_ready(self, check: C, examined: E) -> None:
        self.settle(check, examined)
        with unit_of_work() as session:
            self.checks.end(session, check.id, CheckState.READY)

    def _keep_part(self, check: C, part: FilePiece) -> None:
        with unit_of_work() as session:
            session.add(self._part(check.id, part))

    def lines(self, name: str, lines: Sequence[object]) -> Iterator[FilePiece]:
        """Yield the pieces of a list of lines."""
        for number, some in blocks(lines):
            yield name, number, self.checks.sealed(some)

    def put_away(self, check: C) -> None:
        """Delete the pieces of a check that is done, a few at a time."""
        with reading() as session:
            ids = self.checks.part_ids(session, check.id)
        for start in range(0, len(ids), PARTS_AT_ONCE):
            put_down_joined(self.checks.no_parts(ids[start : start + PARTS_AT_ONCE]), tries=TRIES)


def _job_of(session: Session, check: FileCheck) -> Job | None:
    """Return the job that works on a check, or was the last to; it is forgotten before an old check is."""
    return session.scalar(select(Job).where(Job.ref == check.job_ref)) if check.job_ref else None
