"""The answer journal: one append per answer, durable before it is acknowledged.

Source: R-40, R-41; I1, I2, I3, I10, I11.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import flask
from sqlalchemy.orm import Session

from cbt.audit.chain import EntryDraft, Sealer, ToFollow, follow, has_to_follow
from cbt.clock import Clock
from cbt.errors import CbtError, NotAllowed, TooMany
from cbt.http.auth.machine import token_hash
from cbt.rules.overload import PAGE_PATIENCE
from cbt.runner.close.closure import EndBatch
from cbt.runner.protocol import Ended, HandedIn, HandIn, Save, Saved, UnitEndResult, UnitLeft, divided
from cbt.runner.save.attempt_row import Guard, InfoCache, peek_guard, read_guards
from cbt.runner.save.batch import SaveBatch
from cbt.runner.save.codec import Request, SavePacking
from cbt.runner.start.batch import Claim, Start, StartBatch
from cbt.storage.engine import Dialect
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading
from cbt.storage.write_queue.batch import Commits, Failed, Tell
from cbt.storage.write_queue.change_set import WRITING, ChangeSetOutcome, Parcel, put_down_within
from cbt.storage.write_queue.group_commit import MAX_BATCH, GroupWriter, Told
from cbt.storage.write_queue.write_lock import Gate
from cbt.storage.write_queue.writer_client import WriteLine
from cbt.storage.write_queue.writer_server import LineServer

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

log = logging.getLogger(__name__)

LINES = 3
"""Lines from each server process to the one that writes: what comes while a batch is there goes with the next."""
ENDS_AT_ONCE = 8
"""So many ends go at once while others wait for a commit: each takes as long as four saves, and a save waits for
whatever transaction there is."""
QUIET = 1.0
"""So many seconds without an outcome, and nobody is taken to wait: between two saves of a hall lie milliseconds, in
which a long transaction would begin."""

LEASE = "HTTP_X_CBT_LEASE"
"""The header of a lease, as WSGI names it."""
PER_SECOND = 10
"""Requests of one lease that are taken for ever; of an honest page one is in flight, and one a second is much."""
BURST = 300
"""Requests beyond that which may come at once: half a minute of them, as when a key is held down."""
EACH, NOTHING, SECOND = timedelta(seconds=1) / PER_SECOND, timedelta(0), timedelta(seconds=1)
MOST_LEASES = 50_000
"""Leases a process remembers; with more, those that owe nothing are forgotten."""


class LeaseRate:
    """Counts the requests of each lease in one process; the lease is the key, so nobody can use up another's."""

    def __init__(self) -> None:
        self._owed: dict[str, tuple[timedelta, datetime]] = {}
        """By lease: the time it owes, and when it did."""
        self._lock = threading.Lock()

    def spend(self, lease_hash: str, now: datetime) -> None:
        """Count one request; raise TooMany("attempt.too_fast", seconds=…) when there were too many.

        A refused request is not counted, so whoever waits so long is taken.
        """
        with self._lock:
            owed = self._still_owed(lease_hash, now) + EACH
            over = owed - BURST * EACH
            if over > NOTHING:
                raise TooMany("attempt.too_fast", seconds=-(-over // SECOND))
            if len(self._owed) >= MOST_LEASES:
                self._forget(now)
            self._owed[lease_hash] = (owed, now)

    def _still_owed(self, lease_hash: str, now: datetime) -> timedelta:
        owed, since = self._owed.get(lease_hash, (NOTHING, now))
        # A `now` that was read earlier pays nothing, and costs nothing.
        return max(owed - max(now - since, NOTHING), NOTHING)

    def _forget(self, now: datetime) -> None:
        owing = {lease: owed for lease, owed in self._owed.items() if self._still_owed(lease, now) > NOTHING}
        self._owed = owing if len(owing) < MOST_LEASES else {}


class Journal:
    """The save path of one process."""

    def __init__(self, app: flask.Flask) -> None:
        with app.app_context():
            engine = db.engine
        self.dialect = Dialect(engine.dialect.name)
        self.tell: Tell = _nobody
        """Called after each batch that this process commits (see Commits)."""
        self._commits = partial(
            Commits,
            engine,
            cast(Gate, app.extensions["cbt_gate"]),
            self.perform,
            lambda *how: self.tell(*how),
        )
        self.commits = self._commits()
        self.writer = GroupWriter([self.commits])
        self.ends = self.writer
        """Who writes ends: they give way to what else is written where there are lines to whoever writes."""
        self.infos = InfoCache(engine, app.app_context)
        self._app = app
        self._clock = cast(Clock, app.extensions["cbt_clock"])
        self._rate = LeaseRate()
        self._saves = SaveBatch(self.dialect)
        self._ends = EndBatch(self.dialect, self.infos.paper)
        self._sealer = Sealer(self.dialect.name)
        self._starts = StartBatch(self.dialect, self.infos.paper)

    def write_by(self, folder: Path) -> None:
        """Have batches carried out by the process that owns the writing in `folder`, while there is one."""
        lines = [WriteLine(folder, SavePacking(), self._commits()) for _ in range(LINES + 1)]
        self.writer.carriers = lines[:LINES]
        self.ends = GroupWriter(lines[LINES:], most=self._ends_at_once)

    def _ends_at_once(self) -> int:
        return ENDS_AT_ONCE if _somebody_waits(self.writer) else MAX_BATCH

    @property
    def unanswered(self) -> int:
        """Return about how many people's requests wait for the end of a transaction, begun or to come."""
        return sum(one.unanswered for one in self._writers)

    @property
    def somebody_waits(self) -> bool:
        """Return whether requests of this process wait for their transaction, or waited just now."""
        return any(map(_somebody_waits, self._writers))

    @property
    def _writers(self) -> Collection[GroupWriter]:
        return {self.writer, self.ends}

    def begin(self) -> None:
        for writer in self._writers:
            writer.begin()

    def close(self) -> None:
        """End them after what is queued."""
        for writer in self._writers:
            writer.close()

    def serve_lines(self, folder: Path, until: int) -> None:
        """Own the writing in `folder`: carry out what the server processes send, until `until` ends."""
        LineServer(folder, SavePacking(), self.commits).serve(until)

    def spent_lease(self, environ: WSGIEnvironment, now: datetime) -> str:
        """Return the hash of the lease that a request brings; raise NotAllowed("lease.missing").

        Raise TooMany("attempt.too_fast") for one that asks without end.
        """
        token = environ.get(LEASE)
        if not token:
            raise NotAllowed("lease.missing")
        lease_hash = token_hash(token)
        self._rate.spend(lease_hash, now)
        return lease_hash

    def save(self, save: Save) -> Saved:
        """Append the entries of a request in the next group commit.

        Raises Unavailable("db.busy") when it would not come in time, and ("db.write") when it did not come:
        nothing is promised then.
        """
        return cast(Saved, self.writer.run(save))

    def ask(
        self,
        request: Save | Start | HandIn,
        on_commit: Told,
        kept: Any,
        *,
        patience: float = PAGE_PATIENCE,
    ) -> None:
        """Have an answer, a start or a 交卷 written in the next group commit; `on_commit` as GroupWriter.ask."""
        (self.ends if isinstance(request, HandIn) else self.writer).ask(
            request, on_commit, kept, patience=patience
        )

    def come_again(self) -> int:
        """Return in how many seconds a page is to come again whose request was not carried out."""
        return max(one.admission.come_again() for one in self._writers)

    def follow(self, done: HandedIn | ChangeSetOutcome) -> None:
        """See to what follows the commit of entries of the log; it may wait for a disk."""
        follow(self._app, ToFollow(*done.follows))

    def has_to_follow(self, done: HandedIn) -> bool:
        """Return whether anything follows that may wait for a disk."""
        return has_to_follow(self._app, done.follows)

    def hand_in(self, request: HandIn) -> HandedIn:
        """Close an attempt in the next group commit, with the answers that came along; `follow` sees to the rest.

        Raises the refusals of EndBatch, and Unavailable("db.busy") and ("db.write").
        """
        return cast(HandedIn, self._end(request))

    def leave_unit(self, request: UnitLeft) -> UnitEndResult:
        """End a unit in the next group commit; raises as `hand_in`."""
        return cast(UnitEndResult, self._end(request))

    def put_down(self, parcel: Parcel) -> bool:
        """Put a parcel down in the next group commit, with its lines; raises Unavailable("db.write")."""
        done = cast(ChangeSetOutcome, self.writer.run(parcel, somebody=False))
        self.follow(done)
        return done.whole

    def put_down_later(self, parcel: Parcel, what: str) -> None:
        """Have a parcel without lines put down in one of the next group commits; nobody waits for it."""
        self.writer.ask(parcel, _told_later, what)

    def _end(self, request: HandIn | UnitLeft) -> Ended:
        done = self.ends.run(request)
        if isinstance(done, CbtError):
            raise done
        return cast(Ended, done)

    def peek(self, attempt_id: int) -> Guard:
        with reading() as session:
            return self.peek_within(session, attempt_id)

    def peek_within(self, session: Session, attempt_id: int) -> Guard:
        cursor = session.connection().connection.cursor()
        guard = peek_guard(self.dialect, cursor, attempt_id)
        cursor.close()
        return guard

    def perform(self, cursor: Any, requests: Sequence[Request]) -> list[Any]:
        """Carry out the requests of one batch in one transaction: saves, ends, starts, then the parcels.

        None of them was answered yet, so any order is as good; all rows are locked at once (see read_guards),
        the end of the log last. What was received longer ago than the transport grace is refused and comes
        again: a request may not wait past the deadline and count as in time (R-21).
        """
        at = self._clock.now()
        starts = [one for one in requests if isinstance(one, Start)]
        ends = [one for one in requests if isinstance(one, HandIn | UnitLeft)]
        before, after = divided([one for one in requests if isinstance(one, Save)], ends)
        sent = [*before, *(one.save for one in ends)]
        claims = self._starts.claims(cursor, starts) if starts else []
        ids = [one.attempt_id for one in (*after, *sent)]
        ids += [one.form.attempt_id for one in claims if isinstance(one, Claim)]
        guards = read_guards(self.dialect, cursor, ids, exclusive=bool(starts or ends)) if ids else {}
        saved = self._saves.perform(cursor, sent, guards, at=at) if sent else []
        ended, lines = self._ends.perform(cursor, ends, saved[len(before) :], guards) if ends else ([], [])
        if after:
            saved = [*saved[: len(before)], *self._saves.perform(cursor, after, guards, at=at)]
            places = {id(one): place for place, one in enumerate([*before, *after])}
            saved = [saved[places[id(one)]] for one in requests if isinstance(one, Save)]
        opened = self._starts.perform(cursor, starts, claims, guards, at=at) if starts else []
        results = {
            Save: iter(saved),
            Start: iter(opened),
            HandIn: (one_end := iter(ended)),
            UnitLeft: one_end,
        }
        done = [
            self._put_down(cursor, one, lines) if isinstance(one, Parcel) else next(results[type(one)])
            for one in requests
        ]
        if lines:
            follows = self._seal(cursor, lines)
            for outcome in done:
                if isinstance(outcome, HandedIn | ChangeSetOutcome):
                    outcome.follows = follows
        return done

    def _put_down(self, cursor: Any, parcel: Parcel, lines: list[EntryDraft]) -> ChangeSetOutcome:
        """Put a parcel down; what the log says of it comes to `lines`."""
        whole = put_down_within(cursor, parcel, self.dialect.name)
        if whole:
            lines += parcel.lines
        return ChangeSetOutcome(whole)

    def _seal(self, cursor: Any, lines: Sequence[EntryDraft]) -> ToFollow:
        with self._app.app_context():
            return self._sealer.seal(cursor, lines)


def _somebody_waits(writer: GroupWriter) -> bool:
    return writer.unanswered > 0 or writer.quiet_seconds < QUIET


def _told_later(outcomes: Sequence[tuple[str, Any]]) -> None:
    for what, outcome in outcomes:
        if isinstance(outcome, Failed):
            log.warning("%s was not put down: %s", what, outcome.error.code)


def _nobody(_size: int, _seconds: float | None) -> None:
    pass


def init_journal(app: flask.Flask) -> None:
    """Give `app` its journal; the writing thread begins with the first save, after any fork."""
    app.extensions[WRITING] = Journal(app)


def current_journal() -> Journal:
    return cast(Journal, flask.current_app.extensions[WRITING])
