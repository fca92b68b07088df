"""Group commit: requests that queue during a commit go together in the next one, or are refused at once.

Source: I12, I14, R-40.
"""

from __future__ import annotations

import logging
import math
import queue
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from cbt.errors import Unavailable
from cbt.rules.overload import PAGE_PATIENCE, come_again_seconds, is_given_up, is_refused, is_too_late
from cbt.storage.write_queue.batch import Carrier, Failed

log = logging.getLogger(__name__)


_CHANCE = random.SystemRandom()


class Admission:
    """What one write queue knows of how long its requests wait. Any thread asks; nearly right is enough.

    Times are readings of `clock`, in seconds.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = _CHANCE.random,
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._went_on_at = clock()
        """When an outcome last came, or somebody asked of whom there was nobody."""
        self._waited = 0.0
        """How long the first of the batch had waited that came last."""
        self._overloaded_since: float | None = None

    def refusal(self, unanswered: int, *, patience: float) -> Unavailable | None:
        """Return why whoever asks now, and waits for so long, is refused; None for whoever is let in.

        `unanswered` are those who wait already.
        """
        now = self._clock()
        if unanswered <= 0:
            self._went_on_at, self._waited, self._overloaded_since = now, 0.0, None
            return None
        waited = max(now - self._went_on_at, self._waited)
        if not is_refused(unanswered, waited, patience=patience):
            if not is_too_late(2 * waited, patience=patience):
                self._overloaded_since = None
            return None
        if self._overloaded_since is None:
            self._overloaded_since = now - waited
        return self.busy()

    def busy(self) -> Unavailable:
        """Return what somebody is told who is not answered in time: Unavailable("db.busy", seconds=…)."""
        return Unavailable("db.busy", seconds=self.come_again())

    def come_again(self) -> int:
        """Return in how many seconds somebody who was refused just now is to come again."""
        since = self._overloaded_since
        overloaded = 0.0 if since is None else self._clock() - since
        return come_again_seconds(overloaded, chance=self._chance())

    def went_on(self, asked_at: float) -> None:
        """Note that a batch came to its end whose first request was asked at `asked_at`."""
        self._went_on_at = self._clock()
        self._waited = max(self._went_on_at - asked_at, 0.0)


# Group commit: what queues while a commit is under way becomes the next transaction.
#
# A thread of the process hands batches on to who carries them out. Each request waits for the commit that
# holds its work, so an answer is on disk before it is acknowledged: in its thread, or in none, where
# somebody is told of the outcome. One thread, beside those that carry out, tells of all outcomes of a batch
# together.
#
# Whoever would not be answered in time is refused at once, and what nobody waits for any more is not carried
# out (admission.py): a queue that only grows is never short again.

MAX_BATCH = 512
WAIT_SECONDS = 20.0
LOOK_SECONDS = 1.0
"""How often those are looked for that have waited too long."""
SHARE, LEAST = 0.6, 0.2
"""A batch waits for company while another one is away: until so much of the last COMMIT's length has gone by since
its outcome came, for what commits now takes as long and was begun before that was told; and at least so much of it,
so that late ones go together."""
LONGEST_PAUSE = 0.02
Told = Callable[[Sequence[tuple[Any, Any]]], None]
"""Is told what became of requests: what was kept of each, and its outcome (a result or Failed)."""


class _Ticket:
    """A request whose thread waits."""

    __slots__ = ("at", "outcome", "patience", "pending", "request", "somebody")

    def __init__(self, request: Any, somebody: bool, patience: float, at: float) -> None:
        self.request = request
        self.somebody = somebody
        self.patience = patience
        self.at = at
        self.pending = threading.Lock()  # held until answered: a bare lock costs far less than an Event
        self.pending.acquire()
        self.outcome: Any = None


class _DeferredRequest:
    """A request of whose outcome somebody is told."""

    __slots__ = ("at", "kept", "patience", "request", "somebody", "told")

    def __init__(
        self, request: Any, on_commit: Told, kept: Any, somebody: bool, patience: float, at: float
    ) -> None:
        self.request = request
        self.told = on_commit
        self.kept = kept
        self.somebody = somebody
        self.patience = patience
        self.at = at


class GroupWriter:
    """The writer of one process. `run(request)` returns once the transaction holding it is durable.

    One thread for each of `carriers`, which can be exchanged until the first request: with several, what comes
    while a batch is on its way need not wait for its return. A batch holds `most()` at most.
    """

    def __init__(
        self,
        carriers: Sequence[Carrier],
        *,
        most: Callable[[], int] = lambda: MAX_BATCH,
        clock: Callable[[], float] = lambda: time.monotonic(),
    ) -> None:
        self.carriers = carriers
        self._most = most
        self._clock = clock
        self.admission = Admission(clock=clock)
        self._queue: queue.SimpleQueue[_Ticket | _DeferredRequest | None] = queue.SimpleQueue()
        self._start = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._away: dict[Carrier, list[_Ticket | _DeferredRequest]] = {}
        """The batch that each has on its way."""
        self._outcomes: queue.SimpleQueue[list[tuple[_DeferredRequest, Any]] | None] = queue.SimpleQueue()
        self._asked: dict[_DeferredRequest, None] = {}
        """Those of which nobody was told yet, the first that asked first."""
        self._teller: threading.Thread | None = None
        self._commit_seconds = 0.0
        self._committed_at = -math.inf
        self._somebody_at = -math.inf
        """When somebody's outcome last came."""
        self._nobodys: set[_Ticket] = set()
        """Those under way for which nobody waits."""

    @property
    def waiting(self) -> int:
        """Return about how many requests wait for the next transaction."""
        return self._queue.qsize()

    @property
    def unanswered(self) -> int:
        """Return about how many people's requests wait for the end of a transaction, begun or to come."""
        return max(0, self._everybody - len(self._nobodys))

    @property
    def _everybody(self) -> int:
        return self.waiting + sum(len(batch) for batch in list(self._away.values()))

    @property
    def quiet_seconds(self) -> float:
        """Return for how long no transaction has brought an outcome for which somebody waited."""
        return self._clock() - self._somebody_at

    def run(self, request: Any, *, somebody: bool = True, patience: float = PAGE_PATIENCE) -> Any:
        """Have `request` carried out in the next transaction and return its result after the commit.

        What work in the background asks for is nobody's: `somebody` says whether a person waits for it, for
        `patience` seconds. Raise Unavailable("db.busy") when that would be too late, and ("db.write") when the
        commit failed or did not come: nothing is promised then, and the same request may be sent again.
        """
        self.begin()
        if somebody and (refusal := self.admission.refusal(self._everybody, patience=patience)):
            raise refusal
        ticket = _Ticket(request, somebody, patience if somebody else math.inf, self._clock())
        if not somebody:
            self._nobodys.add(ticket)
        self._queue.put(ticket)
        answered = ticket.pending.acquire(timeout=WAIT_SECONDS)
        self._nobodys.discard(ticket)
        if not answered:
            raise Unavailable("db.write")
        if isinstance(ticket.outcome, Failed):
            raise ticket.outcome.error
        return ticket.outcome

    def ask(
        self,
        request: Any,
        on_commit: Told,
        kept: Any,
        *,
        somebody: bool = True,
        patience: float = PAGE_PATIENCE,
    ) -> None:
        """Have `request` carried out in the next transaction; `on_commit` is told, with what is `kept` of it.

        The outcome is Failed(Unavailable(…)) as `run` raises it; whoever is refused early is told so at once.
        """
        self.begin()
        if somebody and (refusal := self.admission.refusal(self._everybody, patience=patience)):
            on_commit([(kept, Failed(refusal))])
            return
        deferred = _DeferredRequest(
            request, on_commit, kept, somebody, patience if somebody else math.inf, self._clock()
        )
        self._asked[deferred] = None
        self._queue.put(deferred)

    def close(self) -> None:
        """End the threads after what is queued; used when an app is taken down."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()
        self._threads = []
        if self._teller is not None:
            self._outcomes.put(None)
            self._teller.join()
            self._teller = None

    def begin(self) -> None:
        """Begin its threads, unless they are there; they are as far in front as the thread that begins them."""
        if self._threads:
            return
        with self._start:
            if self._threads:
                return
            threads = [
                threading.Thread(target=self._loop, args=(carrier,), name="group-writer", daemon=True)
                for carrier in self.carriers
            ]
            self._teller = threading.Thread(target=self._tell, name="outcomes", daemon=True)
            for thread in (*threads, self._teller):
                thread.start()
            self._threads = threads

    def _loop(self, carrier: Carrier) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                carrier.close()
                return
            if self._is_given_up(first):
                continue
            if self._away:
                time.sleep(pause_for(self._commit_seconds, since=self._clock() - self._committed_at))
            self._away[carrier] = [first]
            self._carry(carrier, self._away[carrier])
            del self._away[carrier]
            self.admission.went_on(first.at)

    def _carry(self, carrier: Carrier, batch: list[_Ticket | _DeferredRequest]) -> None:
        def more() -> Sequence[Any]:
            begun = len(batch)
            self._gather(batch)
            return [ticket.request for ticket in batch[begun:]]

        try:
            carried = carrier.carry_out([batch[0].request], more)
            outcomes = carried.outcomes
        except Exception:
            log.exception("a batch was not carried out")
            carried, outcomes = None, [Failed(Unavailable("db.write"))] * len(batch)
        to_tell = []
        for ticket, outcome in zip(batch, outcomes, strict=True):
            if isinstance(ticket, _Ticket):
                ticket.outcome = outcome
                ticket.pending.release()
            else:
                to_tell.append((ticket, outcome))
        if to_tell:
            self._outcomes.put(to_tell)
        # A batch that was taken one by one has no COMMIT of its own.
        if carried is not None and carried.commit_seconds is not None:
            self._commit_seconds = carried.commit_seconds
            self._committed_at = self._clock()
            if any(one.somebody for one in batch):
                self._somebody_at = self._committed_at

    def _tell(self) -> None:
        """Tell of outcomes as they come, and of those that did not come in time that nobody knows them."""
        looked_at = self._clock()
        while True:
            try:
                outcomes = self._outcomes.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                outcomes = []
            if outcomes is None:
                return
            self._tell_of(outcomes)
            now = self._clock()
            if now - looked_at >= LOOK_SECONDS:
                looked_at = now
                late = [one for one in list(self._asked) if now - one.at >= min(one.patience, WAIT_SECONDS)]
                self._tell_of([(one, Failed(Unavailable("db.write"))) for one in late])

    def _tell_of(self, outcomes: Sequence[tuple[_DeferredRequest, Any]]) -> None:
        pairs: dict[Told, list[tuple[Any, Any]]] = defaultdict(list)
        for deferred, outcome in outcomes:
            if deferred in self._asked:  # else it was told before that nobody knows
                del self._asked[deferred]
                pairs[deferred.told].append((deferred.kept, outcome))
        for on_commit, some in pairs.items():
            try:
                on_commit(some)
            except Exception:
                log.exception("nobody was told of the outcomes of a batch")

    def _gather(self, batch: list[_Ticket | _DeferredRequest]) -> None:
        """Add what is queued."""
        for _ in range(self._most() - len(batch)):
            try:
                ticket = self._queue.get_nowait()
            except queue.Empty:
                return
            if ticket is None:
                self._queue.put(None)  # the end comes after this batch
                return
            if not self._is_given_up(ticket):
                batch.append(ticket)

    def _is_given_up(self, ticket: _Ticket | _DeferredRequest) -> bool:
        """Return whether nobody waits any more for what is queued; then it is not carried out, and refused."""
        if not is_given_up(self._clock() - ticket.at, patience=ticket.patience):
            return False
        refused = Failed(self.admission.busy())
        if isinstance(ticket, _Ticket):
            ticket.outcome = refused
            ticket.pending.release()
        else:
            self._outcomes.put([(ticket, refused)])
        return True


def pause_for(took: float, *, since: float) -> float:
    """Return for how many seconds a batch waits for company.

    The last COMMIT took `took` seconds, its outcome came `since` seconds ago. The batch that is away commits first,
    and whoever was told of the last one asks again meanwhile: what is sent just before it ends goes with the next.
    """
    return min(max(took * SHARE - since, took * LEAST), LONGEST_PAUSE)
