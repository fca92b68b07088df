"""The worker: takes jobs from the queue, oldest first, and carries each out in the right of whoever asked.

What a job computes goes behind everybody else; its units of work are done by a thread in front, for whoever holds
the writing must not be behind. Each of them asks, in its own transaction, whether the job is still this worker's:
a worker that was taken for dead, or whose job was cancelled, writes nothing more.
"""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import Any, TypeVar, cast

import flask
import flask_babel
from sqlalchemy.orm import Session

from cbt.accounts.store import staff_principal
from cbt.clock import Agreement, Clock
from cbt.confined.priority import give_way
from cbt.confined.runner import ChildGroup, Turns, children_of, others_turn, take_longer
from cbt.errors import CbtError, NotAllowed, Unavailable
from cbt.http.auth.login import Principal
from cbt.jobs import queue
from cbt.jobs.models import Job, JobPart
from cbt.jobs.registry import JobFile, JobKind, JobResult, job_kinds, job_kinds_of
from cbt.storage.engine import files_of, gave_way
from cbt.storage.unit_of_work import Joining, joined_by, reading, unit_of_work
from cbt.storage.write_queue.change_set import Rows

log = logging.getLogger(__name__)
T = TypeVar("T")

SYSTEM = "scheduler"
"""Who asks for what nobody asks for: it is due by itself."""
AT_ONCE = 3
"""So many jobs a worker has under way; of those that take minutes one less, and of one person one of these.

A kind that is carried out by a process of its own (`is_local`) has one place more, which no other takes.
"""
ASK_SECONDS = 0.2
CLAIM_SECONDS = 1.0
"""So long a job that is due waits until nobody computes beside the one who takes it."""
BEAT_SECONDS = 1.0
REST = 2.0
LONGEST_REST = 0.2
LEAST_REST = 0.008
"""Between two units of work of a job: what queued meanwhile goes first."""


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Keep Python from going through all that a job holds in the middle of a unit of work; it does so after."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class NoLongerHeld(Exception):
    """The job was cancelled, or another worker took it over: nothing of it may be written from here."""


BUSY = frozenset({"file.busy", "print.busy", "db.busy"})
"""Others have all the children that there may be, or were let go first: what was refused so waits for its turn."""

Front = Callable[[Callable[[], Any]], Any]
"""Does a unit of work, in front of what is computed, and returns what it returns."""


def _here(write: Callable[[], Any]) -> Any:
    return write()


def _no_rest() -> None:
    pass


def _principal_of(job: Job) -> Principal | None:
    sort, _colon, ref = job.actor.partition(":")
    if sort != "staff":
        return None
    with reading() as session:
        return staff_principal(session, ref)


class JobRun:
    """One job that is carried out here."""

    def __init__(
        self, job: Job, *, now: datetime, front: Front = _here, rest: Callable[[], object] = _no_rest
    ) -> None:
        self.job, self.now = job, now
        self.asked: Mapping[str, Any] = json.loads(job.asked)
        self.so_far: Mapping[str, Any] = json.loads(job.outcome)
        self.stand = (0, 0)
        """How much of how much is done."""
        self.lost = False
        """Whether it is known to be no longer held."""
        self._front, self._rest = front, rest
        self._children = ChildGroup()
        self._beaten = time.monotonic()
        self._principal = _principal_of(job)

    @property
    def ref(self) -> str:
        """What the job is called."""
        return self.job.ref

    @property
    def actor(self) -> str:
        """Whoever asked, as the audit log names them."""
        return self.job.actor

    @property
    def principal(self) -> Principal:
        """Whoever asked; raise NotAllowed("jobs.no_right") for what is nobody's."""
        if self._principal is None:
            raise NotAllowed("jobs.no_right")
        return self._principal

    def tell(self, done: int, total: int) -> None:
        """Say how far it is; raise NoLongerHeld."""
        self.stand = (done, total)
        if self._front is not _here:
            with others_turn():
                pass
        elif time.monotonic() - self._beaten >= BEAT_SECONDS:
            self.beat(flask.current_app.extensions["cbt_clock"].now())
        self.check()

    def beat(self, now: datetime) -> None:
        """Give a sign of life, and put down how far the job is."""
        self._beaten = time.monotonic()
        done, total = self.stand
        if not queue.keep_hold(self.job, done=done, total=total, now=now):
            self.lose()

    def lose(self) -> None:
        """Hold it no longer: nothing more is written, and the children that still read for it end."""
        self.lost = True
        self._children.end()

    def check(self) -> None:
        """Raise NoLongerHeld where it is known."""
        if self.lost:
            raise NoLongerHeld

    def in_front(self, write: Callable[[], T]) -> T:
        """Do a unit of work in front of what is computed."""
        self.check()
        return cast(T, self._front(partial(self.held, write)))

    def held(self, work: Callable[[], T]) -> T:
        """Do work whose units of work are written while the job is held here, and not at all otherwise."""
        joining = Joining(self._insist, lambda: [queue.while_held(self.job)], self._rest, self._refused)
        with joined_by(joining), children_of(self._children):
            return work()

    def keeping(self, **so_far: Any) -> Sequence[Rows]:
        """Return what keeps how far the job is, for whoever takes it over."""
        return (queue.so_far_rows(self.job, so_far),)

    def finally_in_front(self, write: Callable[[], None]) -> None:
        """Do the last unit of work, which asks for itself whether the job is held."""
        self._front(write)

    def _insist(self, session: Session) -> None:
        if not queue.is_held(session, self.job):
            self.lose()
            raise NoLongerHeld

    def _refused(self) -> None:
        if not queue.was_held(self.job):
            self.lose()
            raise NoLongerHeld


def new_holder() -> str:
    """Return a name that no other worker has."""
    return f"wo-{secrets.token_hex(8)}"


def run_due(*, now: datetime, kinds: Collection[str] | None = None) -> int:
    """Carry out, one after the other and in this thread, all jobs that are due; return how many."""
    wanted = job_kinds().codes if kinds is None else kinds
    holder, count = new_holder(), 0
    while (job := queue.claim(holder, now=now, kinds=wanted)) is not None:
        ended = carry_out(JobRun(job, now=now))
        if ended.waits:
            break  # it would be the next again
        count += 1
    return count


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended here: with what it did, or with an error; with neither where it was no longer held."""

    done: JobResult | None = None
    error: CbtError | None = None

    @property
    def waits(self) -> bool:
        """Whether it did not fail, but waits in the queue again."""
        return self.error is not None and self.error.code in BUSY


def carry_out(run: JobRun, *, keeps: bool = True) -> Ended:
    """Carry out a job that was claimed, put down how it ended, and return that.

    Its file is kept unless whoever asked gets it at once (`keeps`).
    """
    kind = job_kinds()[run.job.kind]
    try:
        language = run.job.locale
        with flask_babel.force_locale(language) if language else contextlib.nullcontext():
            done = run.held(lambda: _run(kind, run))
            if done.file is not None and keeps:
                _keep(run, done.file)
            run.in_front(partial(_end, run, done, keeps=keeps))
            return Ended(done)
    except NoLongerHeld:
        return Ended()
    except CbtError as error:
        refused = error
    except Exception as error:
        if gave_way(error):
            refused = Unavailable("db.busy")
        else:
            log.exception("the job %s broke", run.job.kind)
            refused = Unavailable("jobs.broke")
    ended = Ended(error=refused)
    run.finally_in_front(partial(queue.give_back, run.job) if ended.waits else partial(_fail, run, refused))
    return ended


def _run(kind: JobKind, run: JobRun) -> JobResult:
    if run.actor != SYSTEM and not run.principal.has(*kind.roles):
        raise NotAllowed("jobs.no_right")
    return kind.run(run)


def _keep(run: JobRun, file: JobFile) -> None:
    run.in_front(partial(queue.drop_parts, [run.job.id]))  # of a worker that ended half-way

    def keep(number: int, sealed: bytes) -> None:
        with unit_of_work() as session:
            session.add(JobPart(job_id=run.job.id, number=number, sealed=sealed))

    for number, sealed in enumerate(queue.file_pieces(file)):
        run.in_front(partial(keep, number, sealed))


def _end(run: JobRun, done: JobResult, *, keeps: bool) -> None:
    with unit_of_work() as session:
        done.record(session)
        queue.end(session, run.job, done.outcome, file=done.file if keeps else None, now=run.now)


def _fail(run: JobRun, error: CbtError) -> None:
    with unit_of_work() as session:
        queue.fail(session, run.job, error, now=run.now)


class Worker:
    """Carries out what is due, a few jobs at a time, each in a thread that goes behind; beats for all of them."""

    def __init__(self, app: flask.Flask) -> None:
        self._app = app
        self._holder = new_holder()
        self._clock: Clock = app.extensions["cbt_clock"]
        self._over = threading.Event()
        self._turns = Turns()
        self._runs: dict[Future[Ended], JobRun] = {}
        # Its thread is begun in front, before any goes behind: niceness is inherited.
        self._front = ThreadPoolExecutor(1, "job-front")
        self._front.submit(bool).result()
        places = AT_ONCE + len(job_kinds_of(app).local)
        self._behind = ThreadPoolExecutor(places, "job", initializer=partial(give_way, holds=True))

    @cached_property
    def _kinds(self) -> frozenset[str]:
        return job_kinds_of(self._app).codes

    def run(self) -> None:
        """Work until told to end."""
        take_longer()
        beaten = time.monotonic()
        while not self._over.wait(ASK_SECONDS):
            try:
                with self._app.app_context():
                    self._settle()
                    if time.monotonic() - beaten >= BEAT_SECONDS:
                        beaten = time.monotonic()
                        self._beat()
                    self._take()
            except Exception:
                log.exception("the worker of jobs failed; it goes on")
        with self._app.app_context():
            for run in self._runs.values():
                run.lose()
                queue.give_back(run.job)

    def end(self) -> None:
        """Take no more jobs; what is under way waits for the next worker, and nothing more of it is written."""
        self._over.set()

    def _settle(self) -> None:
        for future in [future for future in self._runs if future.done()]:
            run = self._runs.pop(future)
            if (error := future.exception()) is not None:
                log.error("the job %s came to no end: %s", run.job.kind, type(error).__name__)

    def _take(self) -> None:
        """Begin what is due, as far as there is room.

        A process whose clock is off the database's time runs none (R-27), nor one whose database was moved away.
        """
        agreement: Agreement = self._app.extensions["cbt_agreement"]
        files = files_of(self._app)
        if not agreement.agrees or (files is not None and files.trouble() is not None):
            return
        lasting = job_kinds().lasting
        while kinds := self._kinds_with_room():
            runs = self._runs.values()
            busy = {run.job.actor for run in runs if run.job.kind in lasting and not run.lost}
            now = self._clock.now()
            turn = partial(self._turns.taken, within=CLAIM_SECONDS)
            job = queue.claim(self._holder, now=now, kinds=kinds, busy=busy, turn=turn)
            if job is None:
                return
            run = JobRun(job, now=now, front=self._in_front, rest=lambda: self._over.wait(LEAST_REST))
            self._runs[self._behind.submit(self._carry_out, run)] = run

    def _kinds_with_room(self) -> frozenset[str]:
        lasting, local = job_kinds().lasting, job_kinds().local
        at_it = Counter(run.job.kind for run in self._runs.values())
        kinds = local - at_it.keys()
        if sum(at_it[kind] for kind in self._kinds - local) < AT_ONCE:
            kinds |= self._kinds - local
        return kinds - lasting if sum(at_it[kind] for kind in lasting) >= AT_ONCE - 1 else kinds

    def _carry_out(self, run: JobRun) -> Ended:
        with self._turns.taken(), self._app.app_context():
            return carry_out(run)

    def _in_front(self, write: Callable[[], Any]) -> Any:
        def within() -> Any:
            with self._app.app_context(), uncollected():
                return write()

        begun = time.perf_counter()
        done = self._front.submit(within).result()
        # Requests wait in other processes: each unit of work is followed by a rest twice as long as it took.
        with others_turn():
            self._over.wait(min(max(REST * (time.perf_counter() - begun), LEAST_REST), LONGEST_REST))
        return done

    def _beat(self) -> None:
        for run in self._runs.values():
            if not run.lost:
                run.beat(self._clock.now())
